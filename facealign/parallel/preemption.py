"""Preemption: the run saves its state and ends, so that the same command goes on from there."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jax
from jax.experimental import multihost_utils


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
