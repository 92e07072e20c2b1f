"""Checkpoints: a TrainState on disk, with checksums that say whether it came back whole."""

import json
import zlib
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
BUCKET = "gs://"  # the one kind of bucket that Orbax opens
UNFINISHED = ".orbax-checkpoint-tmp"  # in the name of a folder that Orbax has not finished


class Checkpoints:
    """The checkpoints of a workdir: the last two and the best. Use it in a `with` statement.

    A save is atomic: a process that is killed in the middle of it leaves no checkpoint behind. With
    `best_metric` it is opened to save; only one process may do that, of several the first one.

    Raises:
      UserError: the workdir is of a kind that Orbax cannot write to.
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
        alone = None  # of several processes, Orbax would wait for all
        if jax.process_count() > 1:
            process = jax.process_index()
            alone = ocp.options.MultiprocessingOptions(process, {process}, f"process{process}")
        self.folder.mkdir(parents=True, exist_ok=True)
        if best_metric:
            self._remove_unfinished()
        options = ocp.CheckpointManagerOptions(
            preservation_policy=checkpoint_managers.AnyPreservationPolicy(policies),
            best_fn=goodness if best_metric else None,  # without it no metrics are kept
            # A save in the background would read buffers that the next step is given to overwrite.
            enable_async_checkpointing=False,
            create=False,
            **({"multiprocessing_options": alone} if alone else {}),
        )
        self._forget_damaged_metrics()
        try:
            self._manager = ocp.CheckpointManager(self.folder, options=options)
        except Exception as error:  # whatever Orbax and its parsers raise over damaged files
            raise UserError(
                f"the checkpoints in {self.folder} cannot be opened ({error}); delete the one that "
                "is damaged, or choose another --workdir"
            ) from error

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: Any) -> None:
        self._manager.close()

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, ascending."""
        return sorted(self._manager.all_steps())

    def best_step(self) -> int | None:
        """Step of the best checkpoint by the metric, or None where none has metrics."""
        return self._manager.best_step()

    def save(self, state: TrainState, metrics: dict[str, float] | None) -> None:
        """Writes the state under its step, in place of a damaged checkpoint of that step.

        Without metrics it is never the best. What is written does not depend on the devices that
        the state lies on.

        Raises:
          UserError: the disk is full or gone; the checkpoints from before stay.
        """
        step = int(state.step)
        if step in self.steps():
            self._manager.delete(step)
        state = jax.device_get(state)
        args = ocp.args.Composite(
            state=ocp.args.StandardSave(state), checksums=ocp.args.JsonSave(checksums(state))
        )
        try:
            self._manager.save(step, args=args, metrics=metrics, force=True)
        except Exception as error:  # whatever Orbax and its writers raise over a full disk
            self._remove_unfinished()
            reason = str(error).strip().split("\n")[0]
            if len(reason) > 200:  # of a long path within a long path, the system's word comes last
                reason = f"{reason[:60]} ... {reason[-140:]}"
            raise UserError(
                f"cannot save step {step} in {self.folder}: {reason}; the checkpoints of steps "
                f"{sorted(self._on_disk())} are whole. Make room and start the same command again"
            ) from error

    def restore(self, like: TrainState, step: int = 0) -> TrainState | None:
        """The newest whole checkpoint, or None where there is no checkpoint at all.

        Args:
          like: a state (or its `jax.eval_shape`) of the same networks.
          step: which checkpoint; 0 takes the newest that is whole, and logs each that is not.

        Raises:
          UserError: there are checkpoints, but none that is whole and of these networks.
        """
        steps = self.steps()
        if not steps:
            return None
        if step and step not in steps:
            raise UserError(f"no checkpoint of step {step} in {self.folder}; there are: {steps}")
        for candidate in [step] if step else reversed(steps):
            try:
                return self._read(candidate, like)
            except Exception as error:  # whatever Orbax and its parsers raise over damaged bytes
                reason = str(error).strip().split("\n")[0][:200]
                logging.warning("checkpoint %d in %s is damaged or of other networks and is passed "
                                "over: %s", candidate, self.folder, reason)  # fmt: skip
        raise UserError(
            f"no checkpoint in {self.folder} can be read (steps {steps}): damaged, or of other "
            "networks; choose another workdir, or delete that folder to start afresh"
        )

    def _forget_damaged_metrics(self) -> None:
        """Removes metrics that are no JSON, over which Orbax would open no checkpoint at all."""
        for path in self.folder.glob("*/metrics/metrics"):
            try:
                json.loads(path.read_text())
            except ValueError as error:
                logging.warning("%s is damaged and removed, so that this checkpoint no longer "
                                "counts as the best: %s", path, error)  # fmt: skip
                path.parent.rmtree()

    def _on_disk(self) -> list[int]:
        return [int(path.name) for path in self.folder.iterdir() if path.name.isdigit()]

    def _remove_unfinished(self) -> None:
        """Removes what a process left that was killed, or found the disk full, while it saved."""
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


def checksums(state: TrainState) -> dict[str, int]:
    """CRC-32 of the bytes of every array, by its path."""
    return {
        jax.tree_util.keystr(path): zlib.crc32(np.ascontiguousarray(leaf))
        for path, leaf in jax.tree_util.tree_leaves_with_path(state)
    }
