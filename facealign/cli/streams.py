"""Standard streams as the machine has them: closed, read by nobody, or not in UTF-8."""

import errno
import io
import os
import sys
from typing import TextIO

NOBODY_READS = (errno.EPIPE, errno.EIO)  # behind `| head`, and of a terminal that is gone
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # for a file that output goes to
UTF8 = "PYTHONUTF8"  # Python's variable: paths and files are in UTF-8, whatever the locale


def start_in_utf8() -> None:
    """Starts this program again where paths are not in UTF-8, which checkpoints and data need.

    What the terminal shows stays in its own encoding.
    """
    if sys.getfilesystemencoding() == "utf-8" or os.environ.get(UTF8) == "1":
        return
    shown = getattr(sys.stdout, "encoding", None) or "ascii"
    os.environ.setdefault("PYTHONIOENCODING", shown)
    os.environ[UTF8] = "1"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def mend_streams() -> None:
    """Opens streams that are closed, and makes output that nobody reads, or can show, no error.

    A closed one would give its number to the next file, and messages would be written into that.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout = _mended(sys.stdout, 1)
    sys.stderr = _mended(sys.stderr, 2)


def _mended(stream: TextIO | None, number: int) -> TextIO:
    if stream is None:
        return io.TextIOWrapper(io.FileIO(number, "w", closefd=False), "utf-8", write_through=True)
    if not isinstance(stream, io.TextIOWrapper):  # of a notebook
        return stream
    stream.flush()
    output = io.BufferedWriter(_Output(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(
        output,
        stream.encoding,
        "backslashreplace",  # a path that the terminal cannot show should not end a run
        line_buffering=stream.line_buffering or stream.write_through,
    )


class _Output(io.FileIO):
    """A stream that goes nowhere once nobody reads it, or while there is no room for it."""

    _complete = True

    def write(self, content: bytes) -> int:
        """As that of `io.FileIO`."""
        try:
            return super().write(content)
        except OSError as error:
            if error.errno in NO_ROOM:
                if self._complete and self.fileno() != 2:
                    print(f"warning: output is not complete: {error}", file=sys.stderr)
                self._complete = False
                return memoryview(content).nbytes
            if error.errno not in NOBODY_READS:
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())  # for what is not Python, too
            os.close(nowhere)
            return super().write(content)
