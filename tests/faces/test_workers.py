"""Worker processes: their threads and imports."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import process
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest
from absl import logging

from facealign.faces import tools, workers
from facealign.parallel import machine
from tests import toy_tools

HOLDER = """
import os, signal
from facealign.faces import tools, workers
from facealign.parallel import machine
from tests.faces.test_workers import inspect_worker
if __name__ == "__main__":
    with workers.start_pool(None) as pool:
        print(*{found[0] for found in pool.map(inspect_worker, range(2 * machine.cores()))})
        os.kill(os.getpid(), signal.HOW)
"""

STRUCK = """
import os, signal, sys, time
from facealign.cli import interrupts
from facealign.faces import workers

def strike(frame, event, called):
    # when a new process runs, and has not been told yet what to do
    if event == "c_return" and called.__name__ == "fork_exec":
        if frame.f_back.f_code.co_name == "_launch":
            os.kill(os.getpid(), signal.HOW)

if __name__ == "__main__":
    interrupts.end_at_once()
    if "START" == "start":
        sys.setprofile(strike)
    try:
        with interrupts.raised(), workers.LastingPool(None, 2) as pool:
            works = [pool.submit(time.sleep, 3) for _ in range(8)]
            os.kill(os.getpid(), signal.HOW)
            works[0]()
    except KeyboardInterrupt:
        sys.setprofile(None)
        sys.exit(interrupts.told()[0])
"""


def inspect_worker(_: int) -> tuple[int, str | None, set[str]]:
    """Process id, number of BLAS threads and imported modules of the worker that runs this."""
    workers._load_tools()
    time.sleep(0.5)  # so that every worker runs at least one call
    return os.getpid(), os.environ.get(workers.BLAS_THREADS), set(sys.modules)


def test_workers_have_one_thread_and_do_not_import_jax(monkeypatch):
    monkeypatch.delenv(workers.BLAS_THREADS, raising=False)
    with workers.start_pool(tools.load_finder) as pool:
        found = list(pool.map(inspect_worker, range(2 * machine.cores())))
        assert 20 < workers.peak_memory_of_workers() < 150  # MB; this process has JAX, and more
    assert len({process for process, *_ in found}) == machine.cores()
    for _, threads, modules in found:
        assert threads == "1"
        assert not modules & {"jax", "tensorflow_datasets"}
    assert workers.BLAS_THREADS not in os.environ


def end(code: int) -> None:
    """What a decoder does that crashes."""
    os._exit(code)


def deadly_tools():
    """Face tools that no worker survives."""
    os._exit(3)


def test_a_task_that_ends_its_process_costs_no_other_task():
    with workers.LastingPool(None) as pool:
        results = [pool.submit(*task) for task in ((abs, -1), (end, 1), (abs, -2), (end, 2))]
        assert results[0]() == 1 and results[2]() == 2
        for each in results[1], results[3]:
            with pytest.raises(workers.KilledError):
                each()
        assert [pool.submit(abs, -number)() for number in range(4)] == [0, 1, 2, 3]


def test_workers_that_end_without_a_task_are_no_tasks_fault():
    with (
        workers.LastingPool(deadly_tools) as pool,
        pytest.raises(BrokenProcessPool),
    ):
        pool.submit(abs, -1)()


def test_without_semaphores_the_worker_is_a_thread_and_the_log_says_so(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "multiprocessing.synchronize", None)
    monkeypatch.setattr(process, "_system_limits_checked", False)
    with caplog.at_level(logging.WARNING), workers.LastingPool(toy_tools.create_tools, 2) as pool:
        found = pool.submit(workers.describe_in_worker, np.full((4, 4), 51, np.uint8), None)()
    assert found.shape == (128,) and found[0] == 0.2
    (line,) = caplog.messages
    assert "found by this process alone" in line and "semaphores" in line


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM"])
def test_no_worker_outlives_the_process_that_started_it(how, tmp_path):
    script = tmp_path / "holder.py"
    script.write_text(HOLDER.replace("HOW", how))
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (-getattr(signal, how), "")
    processes = done.stdout.split()
    assert len(processes) == machine.cores()
    end_of_time = time.time() + 10
    while time.time() < end_of_time and any(map(_lives, processes)):
        time.sleep(0.1)
    assert not any(map(_lives, processes))


@pytest.mark.parametrize("when", ["start", "work"])
@pytest.mark.parametrize(("how", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_an_interrupt_ends_workers_that_start_or_work_without_a_traceback(
    how, code, when, tmp_path
):
    script = tmp_path / "struck.py"
    script.write_text(STRUCK.replace("HOW", how).replace("START", when))
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (code, "")


def _lives(number: str) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{number}/status").read_text()
    except OSError:
        return False
