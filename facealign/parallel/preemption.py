"""A machine that is taken away: the run saves, and says that it wants to be started again."""

import io
import signal
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import jax
import numpy as np
from absl import logging
from etils import epath
from jax.experimental import multihost_utils

from facealign.paths import write_whole

FILE = "progress.npz"


class Preempted(Exception):  # noqa: N818 (it is no error)
    """The run was told to stop, and has saved all that it needs to go on."""


class Progress(NamedTuple):
    """What the loop holds between two evaluations, besides its state."""

    pending: Sequence[Mapping[str, np.ndarray]]  # sums of metrics since the last row, one a call
    before: Mapping[str, np.ndarray]  # by view, the outputs of the last evaluation


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


def save_progress(workdir: epath.Path, step: int, progress: Progress) -> None:
    """Writes what the loop holds at a step."""
    arrays = {f"before/{view}": outputs for view, outputs in progress.before.items()}
    for call, sums in enumerate(progress.pending):
        arrays |= {f"pending/{call}/{name}": value for name, value in sums.items()}
    buffer = io.BytesIO()
    np.savez(buffer, step=step, **arrays)
    write_whole(workdir / FILE, buffer.getvalue())


def load_progress(workdir: epath.Path, step: int) -> Progress | None:
    """What the loop held at a step, or None where it held nothing, or nobody knows it."""
    path = workdir / FILE
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
        return None  # of another time
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
