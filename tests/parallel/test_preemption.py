"""What the loop holds comes back; a signal is heard."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from absl import logging

from facealign.parallel.preemption import bounded, watch
from facealign.workdir.progress import NEW, Progress, load_progress, save_progress

HELD = Progress(
    pending=[{"loss": np.float32(step / 3), "accuracy": np.float32(0.5)} for step in range(12)],
    before={"swap": np.linspace(-1, 1, 7, dtype=np.float32)},
)


def test_what_the_loop_holds_comes_back_bit_by_bit(tmp_path):
    save_progress(tmp_path, 7, HELD)
    found = load_progress(tmp_path, 7)
    assert list(found.pending) == HELD.pending
    np.testing.assert_array_equal(found.before["swap"], HELD.before["swap"])
    assert found.before["swap"].dtype == np.float32


def test_progress_of_another_step_is_none(tmp_path):
    assert load_progress(tmp_path, 7) is None
    save_progress(tmp_path, 7, HELD)
    assert load_progress(tmp_path, 8) is None


def test_progress_of_a_checkpoint_outlives_a_save_that_is_killed(tmp_path):
    save_progress(tmp_path, 7, HELD)
    assert list(load_progress(tmp_path, 7).pending) == HELD.pending
    for step in 9, 11:  # progress comes before its checkpoint
        save_progress(tmp_path, step, HELD._replace(pending=[]))
        assert list(load_progress(tmp_path, 7).pending) == HELD.pending
    assert list(load_progress(tmp_path, 11).pending) == []


def test_damaged_progress_is_passed_over_loudly(tmp_path, caplog):
    save_progress(tmp_path, 7, HELD)
    content = (tmp_path / NEW).read_bytes()
    (tmp_path / NEW).write_bytes(content[: len(content) // 2])
    with caplog.at_level(logging.WARNING):
        assert load_progress(tmp_path, 7) is None
    assert "passed over" in caplog.text


def test_sigterm_is_heard_and_then_nobody_listens():
    before = signal.getsignal(signal.SIGTERM)
    with watch() as must_stop:
        assert not must_stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert must_stop()
    assert signal.getsignal(signal.SIGTERM) == before


BUSY = """
import hashlib, os, signal, sys
from facealign.parallel.preemption import bounded

number = getattr(signal, sys.argv[1])
signal.signal(number, lambda *_: None)
with bounded(0.2):
    os.kill(os.getpid(), number)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 200_000_000)  # C that nothing interrupts
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 75)])
def test_a_busy_process_ends_although_python_cannot(name, code):
    run = subprocess.run([sys.executable, "-c", BUSY, name], capture_output=True, text=True)
    assert run.returncode == code and "told to end" in run.stderr


def test_what_comes_back_in_time_hears_the_signal_itself():
    descriptors = os.listdir("/proc/self/fd")
    with watch() as must_stop:
        with bounded(60):
            os.kill(os.getpid(), signal.SIGTERM)
        assert must_stop()
    assert os.listdir("/proc/self/fd") == descriptors
