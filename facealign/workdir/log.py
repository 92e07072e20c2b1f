"""Logs in a workdir: rows of metrics, TensorBoard files, pictures."""

import contextlib
import io
import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from absl import logging
from etils import epath
from PIL import Image

from facealign.errors import UserError
from facealign.paths import is_local, write_whole
from facealign.workdir.tensorboard import TensorBoard

METRICS = "metrics.jsonl"
BACKUP = ".metrics.jsonl.link"  # hard-link backup of metrics.jsonl, if that is deleted
RECENT = 1000  # rows that are kept in memory, at least

Row = dict[str, Any]


class RunLog:
    """metrics.jsonl, TensorBoard scalars and images. Use it in a `with` statement.

    Opening it drops what a killed run wrote after `step`, its last checkpoint, so that the rows
    read as if the run had never stopped. TensorBoard files are written only to local folders.
    Without a workdir nothing is written; only the first of several processes has one.

    Raises:
      UserError: a file of the run is damaged.
    """

    def __init__(self, workdir: epath.Path | None, step: int):
        self.rows: list[Row] = []  # the latest ones
        self.fetch_times: list[float] = []  # ms per batch, since they were last saved
        self._silent = workdir is None
        if workdir is not None:
            self._open(workdir, step)

    def _open(self, workdir: epath.Path, step: int) -> None:
        path, backup = workdir / METRICS, workdir / BACKUP
        if step and not path.exists() and backup.exists():
            logging.warning("%s is gone; its rows are taken from %s", path, BACKUP)
            path.write_bytes(backup.read_bytes())
        self.rows += [row for row in read_rows(workdir) if row["step"] <= step]
        self._fetched = [f"{time:.4f}\n" for time in read_fetch_times(workdir)[:step]]
        self._path, self._local = path, is_local(workdir)
        self._lines = [_line(row) for row in self.rows]
        self._write_lines()
        if self._local:
            _link(path, backup)
            self._file = path.open("a")
            self._lines.clear()  # they are on disk now
        self._fetch_path = workdir / "fetch_times.txt"
        write_whole(self._fetch_path, "".join(self._fetched).encode())
        self._pictures = workdir / "samples"
        self._pictures.mkdir(exist_ok=True)
        self._tensorboard = TensorBoard(workdir / "tensorboard", step + 1) if self._local else None
        if not self._local:
            logging.info("no TensorBoard files in %s, which is not a local folder", workdir)

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(self, *_: Any) -> None:
        if not self._silent and self._local:
            self._tensorboard.close()
            self._file.close()

    def write(self, row: Row) -> None:
        """Appends a row, also to TensorBoard. Timings are under `row["timing"]`."""
        self.rows.append(row)
        if len(self.rows) > 2 * RECENT:
            del self.rows[:-RECENT]
        if self._silent:
            return
        if self._local:
            self._file.write(_line(row))
            self._file.flush()
        else:  # an object in a bucket cannot be appended to
            self._lines.append(_line(row))
            self._write_lines()
        if self._tensorboard:
            values = {**row, **row.get("timing", {})}
            scalars = {name: value for name, value in values.items() if isinstance(value, float)}
            self._tensorboard.scalars(scalars, row["step"])

    def _write_lines(self) -> None:
        write_whole(self._path, "".join(self._lines).encode())

    def save_fetch_times(self) -> None:
        """Appends `fetch_times` to fetch_times.txt, one line per batch, and clears it."""
        lines = [f"{time:.4f}\n" for time in self.fetch_times]
        self.fetch_times.clear()
        if self._silent:
            return
        if self._local:
            with self._fetch_path.open("a") as file:
                file.writelines(lines)
        else:
            self._fetched += lines
            self._fetch_path.write_text("".join(self._fetched))

    def picture(self, step: int, image: np.ndarray) -> None:
        """Saves a sample grid as samples/step_N.png and in TensorBoard.

        The image is uint8 [H, W], or [H, W, 3] in colour.
        """
        if self._silent:
            return
        save_picture(self._pictures / f"step_{step:06d}.png", image)
        if self._tensorboard:
            self._tensorboard.image("samples", image, step)


def read_rows(workdir: epath.Path) -> list[Row]:
    """The rows of metrics.jsonl, without a last line that a killed run left incomplete.

    Raises:
      UserError: another line is damaged.
    """
    return _read_lines(workdir / METRICS, _parse_row)


def read_fetch_times(workdir: epath.Path) -> list[float]:
    """Time in ms to read each batch since the start of the run.

    Raises:
      UserError: a line is damaged.
    """
    return _read_lines(workdir / "fetch_times.txt", float)


def save_picture(path: epath.Path, image: np.ndarray) -> None:
    """Writes an image uint8 [H, W] or [H, W, 3] as PNG, whole or not at all."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    write_whole(path, buffer.getvalue())


def _read_lines(path: epath.Path, parse: Callable[[str], Any]) -> list[Any]:
    try:
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [parse(line) for line in lines]
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); repair or delete that line") from error


def _link(path: epath.Path, backup: epath.Path) -> None:
    """Makes a hard link to a file, where the file system can."""
    backup.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        os.link(path, backup)


def _parse_row(line: str) -> Row:
    row = json.loads(line)
    if not isinstance(row, dict) or not isinstance(row.get("step"), int):
        raise ValueError(f"not a row of metrics: {line[:50]}")
    return row


def _line(row: Row) -> str:
    return json.dumps(row) + "\n"
