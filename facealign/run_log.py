"""What a run leaves in its workdir for people: rows of metrics, TensorBoard files, pictures."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tensorboardX import SummaryWriter

Row = dict[str, Any]


class RunLog:
    """metrics.jsonl, TensorBoard scalars and images. Use it in a `with` statement.

    Opening it forgets what a killed run wrote after `step`, the checkpoint that the run goes on
    from, so that the rows read as if the run had never stopped.
    """

    def __init__(self, workdir: Path, step: int):
        self._path = workdir / "metrics.jsonl"
        self.rows = [row for row in read_rows(workdir) if row["step"] <= step]
        rewritten = self._path.with_suffix(".tmp")
        rewritten.write_text("".join(json.dumps(row) + "\n" for row in self.rows))
        rewritten.replace(self._path)
        self._file = self._path.open("a")
        self._fetch_path = workdir / "fetch_times.txt"  # ms, one line a batch
        times = self._fetch_path.read_text().split()[:step] if self._fetch_path.exists() else []
        self.fetch_times = [float(time) for time in times]
        self._pictures = workdir / "samples"
        self._pictures.mkdir(exist_ok=True)
        self._tensorboard = SummaryWriter(str(workdir / "tensorboard"), purge_step=step + 1)

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()
        self._tensorboard.close()

    def write(self, row: Row) -> None:
        """Appends a row, also to TensorBoard. What the clock says stands under `row["timing"]`."""
        self.rows.append(row)
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        scalars = {**row, **row.get("timing", {})}
        for name, value in scalars.items():
            if isinstance(value, float):
                self._tensorboard.add_scalar(name, value, row["step"])

    def save_fetch_times(self) -> None:
        """Writes `fetch_times` (ms, one a batch since the start of the run) to fetch_times.txt."""
        self._fetch_path.write_text("".join(f"{time:.4f}\n" for time in self.fetch_times))

    def picture(self, step: int, image: np.ndarray) -> None:
        """Saves a sample grid, uint8 [H, W], as samples/step_N.png and in TensorBoard."""
        save_picture(self._pictures / f"step_{step:06d}.png", image)
        self._tensorboard.add_image("samples", image, step, dataformats="HW")


def read_rows(workdir: Path) -> list[Row]:
    """The whole rows of metrics.jsonl; a line that a killed run left half-written is dropped."""
    path = workdir / "metrics.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def save_picture(path: Path, image: np.ndarray) -> None:
    """Writes uint8 [H, W] or [H, W, 3] so that a reader never sees half a file."""
    unfinished = path.with_name(f".{path.name}")
    Image.fromarray(image).save(unfinished, format="PNG")
    unfinished.replace(path)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes JSON so that a reader never sees half a file."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(json.dumps(value, indent=2) + "\n")
    unfinished.replace(path)
