"""What this machine has for worker processes: cores and memory. Without JAX."""

import contextlib
import os
import re
from pathlib import Path

EACH, OWN = 350, 1000  # MB that a worker needs, and the process that turns heads
CONTAINER = Path("/sys/fs/cgroup")  # of this process, where Linux limits its memory


def cores() -> int:
    """The number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def count_workers(cores: int, memory: float | None, tasks: int) -> int:
    """How many workers are of use: one a core or task, if so many fit.

    Args:
      cores: that this process may use.
      memory: MB that are free; None if unknown.
      tasks: that there are at all.
    """
    fit = cores if memory is None else int((memory - OWN) // EACH)
    return max(1, min(cores, tasks, fit))


def free_memory() -> float | None:
    """MB that the system has left for this process; None where it does not say (not Linux)."""
    left = []
    with contextlib.suppress(OSError, AttributeError):
        said = re.search(r"MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text())
        left.append(int(said[1]) / 2**10)
    with contextlib.suppress(OSError, ValueError):  # of a container; "max" is no number
        most, used = (
            int((CONTAINER / f"memory.{what}").read_text()) for what in ("max", "current")
        )
        left.append((most - used) / 2**20)
    return min(left, default=None)
