"""What a run leaves in its workdir for people: rows of metrics, TensorBoard files, pictures."""

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from absl import logging
from etils import epath
from PIL import Image
from tensorboardX import SummaryWriter

from facealign.errors import UserError
from facealign.paths import is_local, write_whole

METRICS = "metrics.jsonl"
COPY = "metrics_at_checkpoint.jsonl"

Row = dict[str, Any]


class RunLog:
    """metrics.jsonl, TensorBoard scalars and images. Use it in a `with` statement.

    Opening it forgets what a killed run wrote after `step`, the checkpoint that the run goes on
    from, so that the rows read as if the run had never stopped. TensorBoard files are written to
    local folders alone. Without a workdir, rows are kept and nothing is written: of several
    processes, the first writes.

    Raises:
      UserError: a file of the run is damaged.
    """

    def __init__(self, workdir: epath.Path | None, step: int):
        self.rows: list[Row] = []
        self.fetch_times: list[float] = []  # ms, one a batch since the start of the run
        self._silent = workdir is None
        if workdir is not None:
            self._open(workdir, step)

    def _open(self, workdir: epath.Path, step: int) -> None:
        self._path, self._copy = workdir / METRICS, workdir / COPY
        found = read_rows(workdir)
        if step and not self._path.exists() and self._copy.exists():
            found = _read_lines(self._copy, json.loads)
            logging.warning("%s is gone; its rows come back from %s", self._path, COPY)
        self.rows += [row for row in found if row["step"] <= step]
        self._local = is_local(workdir)
        self._write_rows(self._path)
        self._fetch_path = workdir / "fetch_times.txt"  # one line a batch
        self.fetch_times += _read_lines(self._fetch_path, float)[:step]
        self._pictures = workdir / "samples"
        self._pictures.mkdir(exist_ok=True)
        if not self._local:
            logging.info("no TensorBoard files in %s, which is no local folder", workdir)
        self._tensorboard = SummaryWriter(
            str(workdir / "tensorboard"), purge_step=step + 1, write_to_disk=self._local
        )

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(self, *_: Any) -> None:
        if not self._silent:
            self._tensorboard.close()

    def write(self, row: Row) -> None:
        """Appends a row, also to TensorBoard. What the clock says stands under `row["timing"]`."""
        self.rows.append(row)
        if self._silent:
            return
        if self._local:
            with self._path.open("a") as file:
                file.write(_line(row))
        else:  # nothing can be appended to an object in a bucket
            self._write_rows(self._path)
        scalars = {**row, **row.get("timing", {})}
        for name, value in scalars.items():
            if isinstance(value, float):
                self._tensorboard.add_scalar(name, value, row["step"])

    def keep(self) -> None:
        """Writes a copy of all rows, from which they come back should metrics.jsonl get lost."""
        self._write_rows(self._copy)

    def _write_rows(self, path: epath.Path) -> None:
        write_whole(path, "".join(_line(row) for row in self.rows).encode())

    def save_fetch_times(self) -> None:
        """Writes `fetch_times` to fetch_times.txt."""
        if self._silent:
            return
        self._fetch_path.write_text("".join(f"{time:.4f}\n" for time in self.fetch_times))

    def picture(self, step: int, image: np.ndarray) -> None:
        """Saves a sample grid, uint8 [H, W], as samples/step_N.png and in TensorBoard."""
        if self._silent:
            return
        save_picture(self._pictures / f"step_{step:06d}.png", image)
        self._tensorboard.add_image("samples", image, step, dataformats="HW")


def read_rows(workdir: epath.Path) -> list[Row]:
    """The whole rows of metrics.jsonl; a line that a killed run left half-written is dropped.

    Raises:
      UserError: another line is damaged.
    """
    return _read_lines(workdir / METRICS, json.loads)


def save_picture(path: epath.Path, image: np.ndarray) -> None:
    """Writes uint8 [H, W] or [H, W, 3] as PNG, whole or not at all."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    write_whole(path, buffer.getvalue())


def write_json(path: epath.Path, value: Mapping[str, Any]) -> None:
    """Writes JSON, whole or not at all."""
    write_whole(path, (json.dumps(value, indent=2) + "\n").encode())


def _read_lines(path: epath.Path, parse: Callable[[str], Any]) -> list[Any]:
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    try:
        return [parse(line) for line in lines]
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); mend or delete that line") from error


def _line(row: Row) -> str:
    return json.dumps(row) + "\n"
