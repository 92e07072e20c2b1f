"""TensorBoard files. They are no more than a view: where they cannot be written, training goes on.

tensorboardX makes the events; its own writer is a thread that dies of a full disk, after which the
run would wait for it for ever.
"""

import contextlib
import os
import socket
import struct
import time

import numpy as np
from absl import logging
from etils import epath
from tensorboardX import summary
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.record_writer import masked_crc32c


class TensorBoard:
    """A new file of events in a local folder."""

    def __init__(self, folder: epath.Path, step: int):
        """Opens it; what earlier files say of `step` and later ones is void."""
        name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}"
        self._path, self._file = folder / name, None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = open(os.fspath(self._path), "wb")
        except OSError as error:
            self._give_up(error)
        self._write(Event(step=step, file_version="brain.Event:2"))
        self._write(Event(step=step, session_log=SessionLog(status=SessionLog.START)))

    def scalars(self, values: dict[str, float], step: int) -> None:
        """Adds numbers by their names."""
        for name, value in values.items():
            self._write(Event(step=step, summary=summary.scalar(name, value)))

    def image(self, name: str, pixels: np.ndarray, step: int) -> None:
        """Adds an image uint8 [H, W], or [H, W, 3] in colour."""
        layout = "HWC" if pixels.ndim == 3 else "HW"
        self._write(Event(step=step, summary=summary.image(name, pixels, dataformats=layout)))

    def close(self) -> None:
        """Ends the file; nothing can be added any more."""
        if self._file:
            self._file.close()
            self._file = None

    def _write(self, event: Event) -> None:
        if not self._file:
            return
        event.wall_time = time.time()
        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        checks = (struct.pack("<I", masked_crc32c(each)) for each in (length, data))
        try:
            self._file.write(b"".join((length, next(checks), data, next(checks))))
            self._file.flush()
            os.stat(self._path)  # a folder that was removed takes the bytes without a word
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        logging.warning("no more TensorBoard files, training goes on without: %s", error)
        file, self._file = self._file, None
        with contextlib.suppress(OSError):  # it cannot write what it still holds, but is closed
            if file:
                file.close()
