"""How the process holds on to memory."""

import ctypes
import importlib
import sys

# From glibc's malloc.h.
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4
M_ARENA_MAX = -8


def keep_freed_memory() -> None:
    """Lets glibc keep what is freed, up to 2 GB, instead of giving it back to the system.

    XLA on a CPU allocates and frees all temporaries of a call, 0.2 GB in a step of the medium
    autoencoder. Freshly mapped pages are zeroed one by one at their first use: 60,000 page faults
    in every step, a fifth of its time. Call it before the first computation. Does nothing where
    malloc is not glibc's.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl, Windows
        return
    mallopt(M_ARENA_MAX, 1)  # other arenas map large blocks, whatever the next line says
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def peak_memory() -> float | None:
    """Peak memory of this process in MB; None where the system does not say (Windows)."""
    try:
        resource = importlib.import_module("resource")
    except ImportError:
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, kB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
