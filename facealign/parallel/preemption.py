"""Preemption: the run saves its state and ends, so that the same command goes on from there."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jax
from jax.experimental import multihost_utils

PATIENCE = 8.0  # s that C has to come back to Python, which alone can end a run in order


class Preempted(Exception):  # noqa: N818 (it is no error)
    """The run was told to stop, and has saved everything that it needs to go on."""


@contextmanager
def watch() -> Iterator[Callable[[], bool]]:
    """Yields a function to call after every step: whether to save and stop now.

    SIGTERM is the signal to stop. If one of several processes gets it, all stop after the same
    step.
    """
    if jax.process_count() > 1:  # JAX's coordination service catches the signal
        calls = iter(range(2**62))
        yield lambda: multihost_utils.reached_preemption_sync_point(next(calls))
        return
    stopping = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # only that one gets signals
        yield stopping.is_set
        return
    old = signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    try:
        yield stopping.is_set
    finally:
        signal.signal(signal.SIGTERM, old)


@contextmanager
def bounded(seconds: float = PATIENCE) -> Iterator[None]:
    """In this context a process that is told to end does so, although it computes in C.

    Python hears a signal when C comes back to it, and the compilation of a large network may take a
    minute. Here another thread hears it too, waits so many seconds, and ends the process, with code
    75 after SIGTERM: the same command goes on from the last checkpoint.
    """
    alone = threading.current_thread() is not threading.main_thread()  # that one gets signals
    if alone or hasattr(sys, "ps1"):  # a notebook outlives an interrupt
        yield
        return
    read, write = os.pipe()
    os.set_blocking(write, False)
    over = threading.Event()

    def listen() -> None:
        while number := os.read(read, 1):
            if number[0] in (signal.SIGINT, signal.SIGTERM) and not over.wait(seconds):
                try:
                    os.write(2, b"told to end in a long computation; nothing saved is lost\n")
                finally:
                    os._exit(os.EX_TEMPFAIL if number[0] == signal.SIGTERM else 128 + number[0])

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        os.close(write)  # ends the thread
        thread.join()
        os.close(read)
