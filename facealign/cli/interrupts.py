"""Ctrl-C and SIGTERM are one line and exit code 130 or 143 at any moment, and never a traceback.

Light, because an interrupt before the call of `end_at_once` is Python's to handle.
"""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
INTERRUPTED = 128 + signal.SIGINT  # exit code of what Ctrl-C ended, as shells have it
DELAY = 0.05  # s after which an interrupt is tried again where it would be lost
AGAIN = 1.0  # s after which it is raised again, in case that a library has caught it
MOST = 10  # times that it is raised, before the process ends at once
FINALIZERS = ("weakref", "_weakrefset")  # modules whose functions run as objects are deleted
CALLED_BY_C = ("facealign.models.xla_ffi",)  # an exception that leaves one of these ends in a crash

_raised: list[tuple[int, float]] = []  # signal and moment of every `KeyboardInterrupt`


def end_at_once() -> None:
    """From now on an interrupt ends the process with one line, and nothing is cleaned up.

    A notebook keeps its own handlers: an interrupt ends the cell, and not the notebook.
    """
    if hasattr(sys, "ps1"):
        return
    for number in WORDS:
        # Not where it is ignored, as a shell does it for what ends in &.
        if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, _end)


@contextmanager
def raised() -> Iterator[None]:
    """In this context an interrupt raises `KeyboardInterrupt`, so that work ends cleanly.

    A library may catch it, or turn it into an error of its own; `told` knows of it.
    """
    handled = [number for number in WORDS if signal.getsignal(number) is _end]
    for number in handled:
        signal.signal(number, _raise)
    hook = sys.unraisablehook
    sys.unraisablehook = lambda lost: None if _raised else hook(lost)
    try:
        yield
    except Exception:
        if not _raised:
            raise
    finally:
        for number in handled:
            signal.signal(number, _end)
        sys.unraisablehook = hook
    if _raised:
        raise KeyboardInterrupt  # although the work has come to an end of its own


def leave(code: int) -> None:
    """Ends the process with this code at once: in Python's own end a thread of a library that an
    interrupt left at work in C++ may hang, or abort it."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:  # nobody may be reading
        os._exit(code)


def told() -> tuple[int, str] | None:
    """Exit code and name of the interrupt that the work was told; None if there was none."""
    return (128 + _raised[0][0], WORDS[_raised[0][0]]) if _raised else None


def _end(number: int, _: object) -> None:
    """Not by `sys.exit`, which imports may catch, nor by `print`, which it may interrupt."""
    try:
        if not _raised:  # what ends because of it says so
            os.write(2, f"{WORDS[number]}\n".encode())
    finally:
        os._exit(128 + number)


def _raise(number: int, frame: FrameType | None) -> None:
    """Raises `KeyboardInterrupt`, and again until it has ended the work.

    A moment later where Python would print and forget it, or where C cannot raise.
    """
    if _would_be_lost(frame):
        return _later(DELAY, number)
    now = time.monotonic()
    if _raised and now - _raised[-1][1] < AGAIN / 2:  # a terminal tells all processes
        return
    _raised.append((number, now))
    if len(_raised) > MOST:
        try:
            os.write(2, f"{WORDS[number]}\n".encode())
        finally:
            os._exit(128 + number)
    _later(AGAIN, number)
    raise KeyboardInterrupt


def _would_be_lost(frame: FrameType | None) -> bool:
    """Whether an object is being deleted, garbage collected, or C waits for an answer.

    JAX has a function that runs at every garbage collection.
    """
    collecting = [getattr(callback, "__code__", None) for callback in gc.callbacks]
    while frame:
        code, module = frame.f_code, frame.f_globals.get("__name__")
        if code in collecting or code.co_name == "__del__" or module in FINALIZERS + CALLED_BY_C:
            return True
        frame = frame.f_back
    return False


def _later(seconds: float, number: int) -> None:
    """Sends the signal to this process again, unless its work has ended by then."""

    def again() -> None:
        if signal.getsignal(number) is _raise:
            os.kill(os.getpid(), number)

    timer = threading.Timer(seconds, again)
    timer.daemon = True
    timer.start()
