"""Preemption: the run saves its state and ends, so that the same command goes on from there."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jax
from jax.experimental import multihost_utils


class Preempted(Exception):  # noqa: N818 (it is no error)
    """The run was told to stop, and has saved all that it needs to go on."""


@contextmanager
def watch() -> Iterator[Callable[[], bool]]:
    """Gives a function to call after every step: whether to save and stop now.

    SIGTERM says so. Of several processes, one that gets it is enough, and all are told to stop
    after the same step.
    """
    if jax.process_count() > 1:  # JAX's coordination service catches the signal
        calls = iter(range(2**62))
        yield lambda: multihost_utils.reached_preemption_sync_point(next(calls))
        return
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # which alone gets signals
        yield told.is_set
        return
    old = signal.signal(signal.SIGTERM, lambda *_: told.set())
    try:
        yield told.is_set
    finally:
        signal.signal(signal.SIGTERM, old)
