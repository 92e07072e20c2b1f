"""Python functions that XLA calls inside a jitted program on a CPU, by ctypes alone.

XLA gives a handler a call frame, whose structs stand in xla/ffi/api/c_api.h in jaxlib's include
folder. Only what is read here is declared; nothing may be declared otherwise than there.
"""

import atexit
import ctypes
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from ctypes import POINTER, Structure, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_void_p
from pathlib import Path
from types import FrameType

import jax

KNOWN = [(0, minor) for minor in range(1, 6)]  # of jaxlib 0.7.2 to 0.12: these structs are equal
METADATA, INTERNAL = 1, 13  # numbers of its enums: an extension, an error
DELAY = 0.05  # s after which an interrupt is tried again
PAUSE = 0.1  # s without a call after which no program is in flight


class _Extension(Structure):
    _fields_ = [("size", c_size_t), ("type", c_int), ("next", c_void_p)]


_HEAD = [("size", c_size_t), ("extension", POINTER(_Extension))]


class _Version(Structure):
    _fields_ = [*_HEAD, ("major", c_int), ("minor", c_int)]


class _Metadata(Structure):
    _fields_ = [("size", c_size_t), ("version", _Version), ("traits", c_uint32)]


class _MetadataExtension(Structure):
    _fields_ = [("base", _Extension), ("metadata", POINTER(_Metadata))]


class _Text(Structure):
    _fields_ = [("address", c_void_p), ("length", c_size_t)]


class _Array(Structure):
    _fields_ = [*_HEAD, ("dtype", c_int), ("address", c_void_p)]


class _Arrays(Structure):
    _fields_ = [*_HEAD, ("count", c_int64), ("types", c_void_p), ("at", POINTER(POINTER(_Array)))]


class _Attributes(Structure):
    _fields_ = [
        *(*_HEAD, ("count", c_int64), ("types", c_void_p), ("names", c_void_p)),
        ("at", POINTER(POINTER(_Text))),
    ]


class _Api(Structure):
    _fields_ = [*_HEAD, ("version", _Version), ("internal", c_void_p), ("error_create", c_void_p)]


class _Frame(Structure):
    _fields_ = [
        *(*_HEAD, ("api", POINTER(_Api)), ("context", c_void_p), ("stage", c_int)),
        *(("arguments", _Arrays), ("results", _Arrays), ("attributes", _Attributes)),
    ]


class _Error(Structure):
    _fields_ = [*_HEAD, ("message", c_char_p), ("code", c_int)]


_Handler = ctypes.CFUNCTYPE(c_void_p, POINTER(_Frame))  # returns an error, or nothing
_ErrorCreate = ctypes.CFUNCTYPE(c_void_p, POINTER(_Error))

_handlers: dict[str, Callable] = {}  # XLA keeps their addresses, which must stay valid
_inside: set[int] = set()  # threads in a handler
_ended = {"last": 0.0}  # time of the last answer


def version() -> tuple[int, ...]:
    """The version of XLA's FFI that jaxlib's header states; () without a header."""
    header = Path(jax.ffi.include_dir(), "xla", "ffi", "api", "c_api.h")
    text = header.read_text() if header.exists() else ""
    return tuple(int(n) for n in re.findall(r"#define XLA_FFI_API_M(?:AJ|IN)OR (\d+)", text))


def find_fault() -> str:
    """Why no handler may be registered, "" if one may."""
    known = version() in KNOWN
    return "" if known else f"XLA's FFI has version {version()}, which facealign does not know"


def register(target: str, run: Callable[..., None]) -> None:
    """Makes a Python function the target of `jax.ffi.ffi_call`, on CPUs; only without a fault.

    Args:
        target: its name.
        run: takes the only attribute of the call, a text, as bytes, and the addresses of its
            arguments and results. An error that it raises fails the program.
    """

    def answer(pointer: ctypes.pointer) -> int | None:
        frame = pointer[0]
        if frame.extension and frame.extension[0].type == METADATA:  # asked once, when registered
            extension = ctypes.cast(frame.extension, POINTER(_MetadataExtension))
            asked = extension[0].metadata[0].version
            asked.major, asked.minor = version()
            return None
        _inside.add(threading.get_ident())
        try:
            text = frame.attributes.at[0][0]
            lists = frame.arguments, frame.results
            arrays = (arrays.at[i][0] for arrays in lists for i in range(arrays.count))
            run(ctypes.string_at(text.address, text.length), *(array.address for array in arrays))
        except BaseException as error:  # it must not leave this function, which C called
            made = _Error(ctypes.sizeof(_Error), None, str(error).encode(), INTERNAL)
            return _ErrorCreate(frame.api[0].error_create)(ctypes.byref(made))
        finally:
            _ended["last"] = time.monotonic()
            _inside.discard(threading.get_ident())
        return None

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, _interrupt)
    _handlers[target] = handler = _Handler(answer)
    address = ctypes.cast(handler, c_void_p).value
    jax.ffi.register_ffi_target(target, jax.ffi.pycapsule(address), platform="cpu")


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raises `KeyboardInterrupt`, but a moment later while XLA calls `answer`: C cannot raise."""
    while frame:
        if frame.f_globals.get("__name__") == __name__:
            threading.Timer(DELAY, os.kill, (os.getpid(), number)).start()
            return
        frame = frame.f_back
    raise KeyboardInterrupt


@atexit.register
def _finish() -> None:
    """Lets programs in flight end before Python does, since XLA would call what is no more."""
    if not _ended["last"]:
        return
    for array in jax.live_arrays():
        with suppress(Exception):  # deleted, or its program failed
            array.block_until_ready()
    while _inside or time.monotonic() - _ended["last"] < PAUSE:  # results that were dropped
        time.sleep(PAUSE / 2)
