"""What a process that finds faces costs: `python benchmarks/workers.py` (Linux).

Prints the seconds from its start to its first answer, and the MB that it then holds, without and
with face tools (requirements-faces.txt), and whether it imported JAX or TensorFlow Datasets.
"""

import re
import sys
import time
from pathlib import Path

import common  # noqa: F401  (finds facealign)

from facealign.faces.tools import load_tools
from facealign.faces.workers import start_pool

HEAVY = ("jax", "tensorflow_datasets")
RUNS = 5


def look_around() -> tuple[float, list[str]]:
    """Of this process: MB that it held at most, and which of `HEAVY` it imported."""
    # Not by getrusage, which counts what the parent held when it started this process.
    peak = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(peak[1]) / 2**10, [name for name in HEAVY if name in sys.modules]


def main() -> None:
    for name, create in (("without face tools", None), ("with face tools", load_tools)):
        seconds = []
        for _ in range(RUNS):
            start = time.perf_counter()
            with start_pool(create) as pool:
                megabytes, heavy = pool.submit(look_around).result()
                seconds.append(time.perf_counter() - start)
        imported = ", ".join(heavy) or "neither jax nor tensorflow_datasets"
        print(f"{name}: {min(seconds):.2f} s at best of {RUNS}, {megabytes:.0f} MB, has {imported}")


if __name__ == "__main__":
    main()
