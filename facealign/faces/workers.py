"""Worker processes that find and measure faces: one per core, each with its own face tools.

They import neither JAX nor TensorFlow Datasets, so they start fast and need little memory.
"""

import contextlib
import functools
import multiprocessing
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from absl import logging

from facealign.faces.dlib_tools import DlibTools
from facealign.faces.find import FoundFaces, Wanted, read_faces
from facealign.faces.measure import measure_photo
from facealign.faces.tools import FaceTools
from facealign.parallel.machine import cores

CreateTools = Callable[[], FaceTools | DlibTools]  # a function that other processes can import
T = TypeVar("T")
BLAS_THREADS = "OPENBLAS_NUM_THREADS"
QUIET = "ignore:resource_tracker:UserWarning"  # as after -W

_create: list[CreateTools] = []  # the only state of a worker process; empty if it needs no tools


def start_pool(create: CreateTools | None, count: int = 0) -> Executor:
    """Starts worker processes, `count` or one a core; `create` makes their face tools.

    None makes none. What `create` raises, tasks that need the tools raise. Where the system allows
    no processes, the worker is a thread.

    Each worker computes in one thread. Threads of NumPy's BLAS wait for one another by spinning, so
    two processes with several threads each took three times as long on two cores. Also, sums over
    several threads are rounded differently, so portraits would depend on the process that made
    them.
    """
    try:
        return _start_processes(create, count or cores())
    except (OSError, ImportError, NotImplementedError) as error:
        # No semaphores, or too many processes.
        logging.warning(
            "faces are found by this process alone, which takes longer: no other can be started "
            "here (%s)",
            " ".join(str(error).split()),
        )
        return ThreadPoolExecutor(1, initializer=_prepare, initargs=(create,))


def _start_processes(create: CreateTools | None, count: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")  # a fork of a process that runs JAX can hang
    _start_tracker()  # later that would unblock signals
    pool = ProcessPoolExecutor(count, context, _prepare, (create,))
    before = os.environ.get(BLAS_THREADS)
    os.environ[BLAS_THREADS] = "1"
    try:
        with _interrupts_held():
            for _ in range(count):  # each task starts a process, which inherits the environment
                pool.submit(_load_tools)
    except OSError:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    finally:
        del os.environ[BLAS_THREADS]
        if before is not None:
            os.environ[BLAS_THREADS] = before
    return pool


def end_pool(pool: Executor, at_once: bool) -> None:
    """Ends workers, and waits for them; `at_once` what they are doing is lost.

    An interrupt waits too: until Python 3.12, a thread whose `join` is interrupted passes for ended
    while it still has to tell the workers, who then wait for ever, and are waited for.
    """
    with _interrupts_held():
        if at_once:
            for process in list((getattr(pool, "_processes", None) or {}).values()):
                process.kill()  # Python 3.14 has a method for this
        pool.shutdown(cancel_futures=True)


class KilledError(Exception):
    """A task ends the process that does it, even where it is alone."""


class LastingPool:
    """Workers as of `start_pool`, which are started again if one is killed."""

    def __init__(self, create: CreateTools | None, count: int = 0):
        self._create, self._count = create, count
        self._pool = start_pool(create, count)
        self._alone: Executor | None = None  # one worker, for tasks that were lost

    def __enter__(self) -> "LastingPool":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        for pool in filter(None, (self._pool, self._alone)):
            end_pool(pool, at_once=kind is not None)

    def submit(self, task: Callable[..., T], *arguments: Any) -> Callable[[], T]:
        """Starts a task; the function that is returned waits for what it returns.

        That raises what the task does; `KilledError` if it ends its process; `BrokenProcessPool` if
        workers end without a task.
        """
        try:
            future = self._pool.submit(task, *arguments)
        except BrokenProcessPool:
            self._pool.shutdown()
            self._pool = start_pool(self._create, self._count)
            future = self._pool.submit(task, *arguments)

        def wait() -> T:
            try:
                return future.result()
            except BrokenProcessPool:  # by this task or by another one
                return self._do_alone(task, *arguments)

        return wait

    def _do_alone(self, task: Callable[..., T], *arguments: Any) -> T:
        if self._alone is None:
            self._alone = start_pool(self._create, 1)
            self._alone.submit(_rest).result()
        try:
            return self._alone.submit(task, *arguments).result()
        except BrokenProcessPool as error:
            self._alone = None
            raise KilledError from error


def _start_tracker() -> None:
    """Starts the process of Python's that removes what a killed process leaves, without a word."""
    sys.warnoptions.append(QUIET)  # it is started with these
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.remove(QUIET)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Delays interrupts to the end of this context, and blocks Ctrl-C in processes started in it.

    Ctrl-C interrupts all processes of a terminal. The process that started the workers ends them;
    a worker that ended first would leave a traceback and a broken pool, and so would one that is
    told only half of what it needs to start. SIGTERM ends workers: pools end theirs by it.
    """
    if threading.current_thread() is not threading.main_thread():  # which alone handles signals
        yield
        return
    held = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = {
        each: signal.signal(each, lambda number, _: held.append(number)) for each in numbers
    }
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # processes inherit it
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if held:
            os.kill(os.getpid(), held[0])


def peak_memory_of_workers() -> float | None:
    """The largest peak of this process's running workers in MB; None where Linux does not say it.

    By their own count: that of `resource.RUSAGE_CHILDREN` includes what the parent held when it
    started them.
    """
    peaks = []
    for process in multiprocessing.active_children():
        with contextlib.suppress(OSError):  # no Linux, or it has just ended
            status = Path(f"/proc/{process.pid}/status").read_text()
            peaks += [int(kb) / 2**10 for kb in re.findall(r"VmHWM:\s*(\d+) kB", status)]
    return max(peaks, default=None)


def read_faces_in_worker(path: Path, detail: int, wanted: Wanted) -> FoundFaces:
    """`find.read_faces` with the face tools of this process."""
    tools = _load_tools()
    return read_faces(path, tools.search if tools else None, detail, wanted)


def measure_in_worker(image: np.ndarray) -> np.ndarray:
    """`measure.measure_photo` with the face tools of this process."""
    return measure_photo(image, _load_tools())


def describe_in_worker(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The descriptor of a face, by the face tools of this process; nan if they have none."""
    describe = _load_tools().describe
    return describe(image, landmarks) if describe else np.full(1, np.nan)


def _prepare(create: CreateTools | None) -> None:
    _create[:] = [create] if create else []
    _load_tools.cache_clear()
    if multiprocessing.parent_process():
        threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process when the one that started it has ended, in any way."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _rest() -> None:
    """Says that a worker lives."""


@functools.cache
def _load_tools() -> FaceTools | DlibTools | None:
    return _create[0]() if _create else None
