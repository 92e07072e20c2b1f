"""Time from the start of the process to the first step: `python benchmarks/start.py`.

Cold with an empty cache of compiled programs, warm with the one that the cold start left. The
dataset is prepared before. Each start is `launch.py` in a process of its own.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import ROOT, create_parser, run_main

from facealign.workdir.log import read_rows


def time_start(flags: list[str], cache: Path) -> float:
    """Seconds until the first row of metrics with a step's time in it is written."""
    with tempfile.TemporaryDirectory() as workdir:
        start = time.perf_counter()
        command = [sys.executable, "launch.py", *flags, "--config.log_every=1"]
        process = subprocess.Popen(
            [*command, f"--workdir={workdir}"],
            cwd=ROOT,
            env={**os.environ, "XDG_CACHE_HOME": str(cache)},
            stderr=subprocess.PIPE,
            text=True,
        )
        while not any("timing" in row for row in read_rows(Path(workdir))):
            if process.poll() is not None:
                sys.exit(f"error: {process.communicate()[1]}")
            time.sleep(0.02)
        seconds = time.perf_counter() - start
        process.kill()
        process.communicate()
    return seconds


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("--config", default="configs/medium_reconstruction.py")
    parser.add_argument("--data_dir", default="")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    flags = [f"--config={args.config}", f"--config.data.data_dir={args.data_dir}"]
    times = {"cold": [], "warm": []}
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        time_start(flags, cache)  # prepares the dataset
        for _ in range(args.rounds):
            shutil.rmtree(cache / "facealign", ignore_errors=True)
            for row in times.values():
                row.append(time_start(flags, cache))
    for name, row in times.items():
        median = statistics.median(row)
        print(f"{name}: {median:.1f} s to the first step ({min(row):.1f}-{max(row):.1f})")


if __name__ == "__main__":
    run_main(main)
