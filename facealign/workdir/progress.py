"""What a stopped run saves besides its checkpoint: metrics of the steps since the last row."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from absl import logging
from etils import epath

from facealign.paths import write_whole

FILE = "progress.npz"
NEW = "progress.new.npz"  # of a step whose checkpoint is not yet there; becomes FILE once it is


class Progress(NamedTuple):
    """What the training loop keeps between two evaluations, besides its state."""

    pending: Sequence[Mapping[str, np.ndarray]]  # sums of metrics since the last row, one per call
    before: Mapping[str, np.ndarray]  # outputs of the last evaluation, by kind of output


def save_progress(workdir: epath.Path, step: int, progress: Progress) -> None:
    """Writes the progress of the training loop at a step, before the checkpoint of that step.

    What an earlier checkpoint needs stays, in case that this one never comes.
    """
    arrays = {f"before/{view}": outputs for view, outputs in progress.before.items()}
    for call, sums in enumerate(progress.pending):
        arrays |= {f"pending/{call}/{name}": value for name, value in sums.items()}
    buffer = io.BytesIO()
    np.savez(buffer, step=step, **arrays)
    write_whole(workdir / NEW, buffer.getvalue())


def load_progress(workdir: epath.Path, step: int) -> Progress | None:
    """What was saved at the step of the newest checkpoint; None if it is missing or damaged."""
    if found := _load(workdir / NEW, step):
        (workdir / NEW).replace(workdir / FILE)
    return found or _load(workdir / FILE, step)


def _load(path: epath.Path, step: int) -> Progress | None:
    if not path.exists():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes())) as file:
            arrays = dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        logging.warning("%s is damaged and is passed over (%s); one row of metrics.jsonl covers "
                        "fewer steps", path, error)  # fmt: skip
        return None
    if int(arrays.pop("step")) != step:
        return None  # saved at another step
    pending: dict[int, dict[str, np.ndarray]] = {}
    before = {}
    for name, value in arrays.items():
        kind, _, rest = name.partition("/")
        if kind == "before":
            before[rest] = value
        else:
            call, _, metric = rest.partition("/")
            pending.setdefault(int(call), {})[metric] = value
    return Progress([pending[call] for call in sorted(pending)], before)
