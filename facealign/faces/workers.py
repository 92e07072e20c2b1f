"""Processes that find and measure faces: one a core, each with face tools of its own.

They import neither JAX nor TensorFlow Datasets, so that they start fast and stay small.
"""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from facealign.faces.dlib_tools import FaceTools
from facealign.faces.find import FoundFaces, read_faces
from facealign.faces.measure import measure_photo

CreateTools = Callable[[], FaceTools]  # a function that another process can import
BLAS_THREADS = "OPENBLAS_NUM_THREADS"

_tools: list[FaceTools] = []  # of a worker process, its only state; empty if it needs none


def start_pool(create: CreateTools | None) -> ProcessPoolExecutor:
    """A worker process for each core, with the face tools that `create` makes; None makes none.

    Each computes in one thread: the threads of NumPy's BLAS wait for one another by spinning, and
    those of two processes took three times as long on two cores. And sums of several threads round
    otherwise, so that portraits would depend on which process made them.
    """
    context = multiprocessing.get_context("spawn")  # forking a process that runs JAX may hang
    pool = ProcessPoolExecutor(cores(), context, _prepare, (create,))
    before = os.environ.get(BLAS_THREADS)
    os.environ[BLAS_THREADS] = "1"
    try:
        for _ in range(cores()):  # each starts a process, which inherits the environment
            pool.submit(int)
    finally:
        del os.environ[BLAS_THREADS]
        if before is not None:
            os.environ[BLAS_THREADS] = before
    return pool


def cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def read_faces_in_worker(path: Path) -> FoundFaces:
    """`find.read_faces` with the tools of this process."""
    return read_faces(path, _tools[0] if _tools else None)


def measure_in_worker(image: np.ndarray) -> np.ndarray:
    """`measure.measure_photo` with the tools of this process."""
    return measure_photo(image, _tools[0])


def _prepare(create: CreateTools | None) -> None:
    _tools[:] = [create()] if create else []
