"""Runs of launch.py in processes of their own, for benchmarks that compare or disturb them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from facealign.cli.supervisor import START_AGAIN
from facealign.workdir.log import read_rows

LIGHT = (  # all stages of the adversarial experiment, in seconds
    f"--config={ROOT / 'configs' / 'medium_gan.py'}",
    "--config.model.name=light",
    "--config.data.unrestricted=polygons",
    "--config.data.restricted=polygons",
    "--config.data.image_size=32",
    "--config.data.polygon_pairs=80",
    "--config.data.batch_size=8",
    "--config.augment.exchange=0.0",  # fuzz draws paired data too
    "--config.discriminator.features=4",
    "--config.stages.reconstruction.steps=12",
    "--config.stages.discriminator.steps=8",
    "--config.stages.adversarial.steps=20",
    "--config.log_every=2",
    "--config.evaluate_every=4",
    "--config.checkpoint_every=4",
)


def start(
    flags: Sequence[str], devices: int = 1, processes: int = 1, optimized: bool = False
) -> list[subprocess.Popen]:
    """The processes of one run, each with so many virtual devices; nothing waits for them.

    `optimized`: whether XLA works on the programs as in real runs, which takes it longer.
    """
    environment = dict(os.environ)
    environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = str(int(not optimized))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in jobs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)  # so that runs hear it
    port = free_port()
    return [
        subprocess.Popen(
            [
                *(sys.executable, "launch.py", *flags, "--device=cpu"),
                *(group_flags(port, processes, process) if processes > 1 else ()),
            ],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for process in range(processes)
    ]


def finish(group: Sequence[subprocess.Popen], seconds: float | None = None) -> list[tuple]:
    """(exit code, what it said on stderr) of each process of a run."""
    said = [process.communicate(timeout=seconds)[1] for process in group]
    return [(process.returncode, text) for process, text in zip(group, said, strict=True)]


def must_finish(group: Sequence[subprocess.Popen]) -> None:
    """Waits for a run; ends the benchmark if it failed."""
    for code, said in finish(group):
        if code:
            sys.exit(f"error: a run ended with exit code {code}: {said[-2000:]}")


def run_to_end(
    flags: Sequence[str], processes: int = 1, devices: int = 1, optimized: bool = False
) -> None:
    """Starts a run for as long as its exit code asks for it; ends the benchmark if it fails."""
    while True:
        ends = finish(start(flags, devices, processes, optimized))
        codes = {code for code, _ in ends}
        if codes == {0}:
            return
        if START_AGAIN not in codes or not codes <= {0, START_AGAIN}:
            sys.exit(f"error: a run ended with exit codes {codes}: {ends[0][1][-2000:]}")


def group_flags(port: int, processes: int, process: int) -> tuple[str, ...]:
    """Flags of one of several processes on this machine."""
    return (
        "--distributed",
        f"--coordinator=127.0.0.1:{port}",
        f"--num_processes={processes}",
        f"--process_id={process}",
    )


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def rows(workdir: Path) -> list[dict]:
    """The rows of a run, without timings."""
    return [
        {name: value for name, value in row.items() if name != "timing"}
        for row in read_rows(workdir)
    ]


def largest_difference(ours: Sequence[dict], theirs: Sequence[dict], name: str = "") -> float:
    """Of all numbers in rows that belong together, or of one: |a - b| / max(|b|, 1)."""
    if [(row["step"], sorted(row)) for row in ours] != [(r["step"], sorted(r)) for r in theirs]:
        return float("inf")
    return max(
        abs(a[key] - b[key]) / max(abs(b[key]), 1.0)
        for a, b in zip(ours, theirs, strict=True)
        for key in b
        if isinstance(b[key], float) and name in ("", key)
    )
