"""Ctrl-C is one line and exit code 130 at any moment, and never a traceback.

Light, because an interrupt before the call of `end_at_once` is Python's to handle.
"""

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130  # exit code of what Ctrl-C ended, as shells have it
DELAY = 0.05  # s after which an interrupt is tried again
FINALIZERS = ("weakref", "_weakrefset")  # modules whose functions run as objects are deleted
CALLED_BY_C = ("facealign.models.xla_ffi",)  # an exception that leaves one of these ends in a crash


def end_at_once() -> None:
    """From now on an interrupt ends the process with one line, and nothing is cleaned up."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored
        signal.signal(signal.SIGINT, _end)


@contextmanager
def raised() -> Iterator[None]:
    """In this context an interrupt raises `KeyboardInterrupt`, so that work ends cleanly."""
    if signal.getsignal(signal.SIGINT) is not _end:
        yield
        return
    signal.signal(signal.SIGINT, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, _end)


def _end(*_: object) -> None:
    """Not by `sys.exit`, which imports may catch, nor by `print`, which it may interrupt."""
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(INTERRUPTED)


def _raise(number: int, frame: FrameType | None) -> None:
    """Raises `KeyboardInterrupt`; a moment later where it would be lost.

    Python prints what is raised while an object is deleted, and goes on. JAX has a function that
    runs at every garbage collection, so that this happens.
    """
    collecting = [getattr(callback, "__code__", None) for callback in gc.callbacks]
    while frame:
        code, module = frame.f_code, frame.f_globals.get("__name__")
        if code in collecting or code.co_name == "__del__" or module in FINALIZERS + CALLED_BY_C:
            import threading

            threading.Timer(DELAY, os.kill, (os.getpid(), number)).start()
            return
        frame = frame.f_back
    raise KeyboardInterrupt
