"""Checkpoints: a TrainState on disk, with checksums that detect damage."""

import gc
import json
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging
from etils import epath
from orbax.checkpoint import checkpoint_managers

from facealign.errors import UserError
from facealign.paths import is_local
from facealign.training.state import TrainState

KEEP_LAST = 2
BUCKET = "gs://"  # the only kind of bucket that Orbax opens
UNFINISHED = ".orbax-checkpoint-tmp"  # in the names of folders that Orbax has not finished


class Checkpoints:
    """The last two checkpoints of a workdir, and the best one. Use it in a `with` statement.

    A save is atomic: a process that is killed during a save leaves no checkpoint behind. With
    `best_metric` it is opened for saving; only one process may do that, the first of several.

    Raises:
      UserError: Orbax cannot write to this kind of workdir.
    """

    def __init__(self, workdir: epath.Path, best_metric: str = ""):
        def goodness(metrics: dict[str, float]) -> float:
            return -metrics[best_metric]

        if not is_local(workdir) and not str(workdir).startswith(BUCKET):
            raise UserError(
                f"no checkpoints can be written to {workdir}: Orbax writes to local or mounted "
                f"folders and to {BUCKET} only; choose another --workdir"
            )
        policies = [checkpoint_managers.LatestN(KEEP_LAST)]
        if best_metric:
            policies.append(
                checkpoint_managers.BestN(
                    get_metric_fn=goodness, n=1, keep_checkpoints_without_metrics=False
                )
            )
        self.folder = epath.Path(workdir.resolve() if is_local(workdir) else workdir, "checkpoints")
        alone = None  # by default, Orbax waits for all processes
        if jax.process_count() > 1:
            process = jax.process_index()
            alone = ocp.options.MultiprocessingOptions(process, {process}, f"process{process}")
        self.folder.mkdir(parents=True, exist_ok=True)
        if best_metric:
            self._remove_unfinished()
        options = ocp.CheckpointManagerOptions(
            preservation_policy=checkpoint_managers.AnyPreservationPolicy(policies),
            best_fn=goodness if best_metric else None,  # without it, Orbax keeps no metrics
            # A background save would read buffers that are donated to the next step.
            enable_async_checkpointing=False,
            create=False,
            **({"multiprocessing_options": alone} if alone else {}),
        )
        self._forget_damaged_metrics(best_metric)
        try:
            self._manager = ocp.CheckpointManager(self.folder, options=options)
        except Exception as error:  # Orbax and its parsers raise many types over damaged files
            raise UserError(
                f"the checkpoints in {self.folder} cannot be opened ({error}); delete the damaged "
                "one, or choose another --workdir"
            ) from error

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: Any) -> None:
        self._manager.close()

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, ascending."""
        return sorted(self._manager.all_steps())

    def best_step(self) -> int | None:
        """Step of the checkpoint with the best metric; None if no checkpoint has metrics."""
        return self._manager.best_step()

    def save(self, state: TrainState, metrics: dict[str, float] | None) -> None:
        """Writes the checkpoint of the state's step; an old one of that step is deleted first.

        A checkpoint without metrics is never the best. Its content does not depend on the devices
        that hold the state.

        Raises:
          UserError: the disk is full or missing; checkpoints of other steps stay.
        """
        step = int(state.step)
        state = jax.device_get(state)
        args = ocp.args.Composite(
            state=ocp.args.StandardSave(state), checksums=ocp.args.JsonSave(checksums(state))
        )
        try:
            if step in self.steps():
                self._manager.delete(step)
            self._manager.save(step, args=args, metrics=metrics, force=True)
        except Exception as error:  # Orbax and its writers raise many types over a full disk
            self._remove_unfinished()
            reason = str(error).strip().split("\n")[0]
            if len(reason) > 200:  # the system's reason comes after long paths: keep the end
                reason = f"{reason[:60]} ... {reason[-140:]}"
            raise UserError(
                f"cannot save step {step} in {self.folder}: {reason}; the checkpoints of steps "
                f"{sorted(self._on_disk())} are whole. Make room and start the same command again"
            ) from error

    def restore(self, like: TrainState, step: int = 0) -> TrainState | None:
        """The newest intact checkpoint; None if there is no checkpoint.

        Args:
          like: a state (or its `jax.eval_shape`) of the same networks.
          step: of the checkpoint; 0 takes the newest intact one, and logs each that is not.

        Raises:
          UserError: the checkpoint of that step, or each one, is damaged or of other networks.
        """
        steps = self.steps()
        if not steps:
            return None
        if step and step not in steps:
            raise UserError(f"no checkpoint of step {step} in {self.folder}; there are: {steps}")
        for candidate in [step] if step else reversed(steps):
            if (state := self._try(candidate, like)) is not None:
                return state
        whole = [other for other in steps if step and other != step and self._try(other, like)]
        if whole:
            raise UserError(
                f"the checkpoint of step {step} in {self.folder} is damaged; whole are those of "
                f"steps {whole}: give --step={whole[-1]}"
            )
        raise UserError(
            f"no checkpoint in {self.folder} can be read (steps {steps}): damaged, or of other "
            "networks; choose another --workdir to start afresh"
        )

    def _try(self, step: int, like: TrainState) -> TrainState | None:
        """The checkpoint of a step; None if it is not intact, which is logged."""
        with _without_remains():
            try:
                return self._read(step, like)
            except Exception as error:  # Orbax and its parsers raise many types over damaged bytes
                reason = str(error).strip().split("\n")[0][:200]
        logging.warning("checkpoint %d in %s is damaged or of other networks and is passed over: "
                        "%s", step, self.folder, reason)  # fmt: skip
        return None

    def _forget_damaged_metrics(self, best_metric: str) -> None:
        """Deletes metrics that cannot be used; with them, Orbax opens no checkpoint at all."""
        for path in self.folder.glob("*/metrics/metrics"):
            try:
                metrics = json.loads(path.read_text())
                if best_metric and metrics is not None:
                    float(-metrics[best_metric])
            except (ValueError, KeyError, TypeError) as error:
                logging.warning("%s is damaged and was deleted; its checkpoint no longer counts as "
                                "the best: %s", path, error)  # fmt: skip
                path.parent.rmtree()

    def _on_disk(self) -> list[int]:
        return [int(path.name) for path in self.folder.iterdir() if path.name.isdigit()]

    def _remove_unfinished(self) -> None:
        """Deletes folders of saves that were killed or found the disk full."""
        for path in self.folder.iterdir():
            if UNFINISHED in path.name:
                path.rmtree(missing_ok=True)

    def _read(self, step: int, like: TrainState) -> TrainState:
        like = jax.eval_shape(lambda: like)
        args = ocp.args.Composite(
            state=ocp.args.StandardRestore(like), checksums=ocp.args.JsonRestore()
        )
        restored = self._manager.restore(step, args=args)
        if jax.eval_shape(lambda: restored.state) != like:
            raise ValueError("its arrays have other names or shapes")
        differing = [
            name
            for name, value in checksums(restored.state).items()
            if restored.checksums.get(name) != value
        ]
        if differing:
            raise ValueError(f"checksum of {differing[0]} differs")
        return restored.state


@contextmanager
def _without_remains() -> Iterator[None]:
    """What a failed read leaves of Orbax's event loop goes now, without its tracebacks."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    try:
        yield
        gc.collect()
    finally:
        sys.unraisablehook = hook


def checksums(state: TrainState) -> dict[str, int]:
    """CRC-32 of the bytes of every array, by its path."""
    return {
        jax.tree_util.keystr(path): zlib.crc32(np.ascontiguousarray(leaf))
        for path, leaf in jax.tree_util.tree_leaves_with_path(state)
    }
