"""A run in progress: its parts, and what it writes at its intervals."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from absl import logging
from etils import epath
from ml_collections import ConfigDict

from facealign.errors import UserError
from facealign.names import DOMAINS
from facealign.parallel.sharding import on_one
from facealign.stages import Stage
from facealign.training import monitors
from facealign.training.checkpoints import Checkpoints
from facealign.training.experiment import Experiment
from facealign.training.state import TrainState
from facealign.workdir.log import RunLog

RECENT_ROWS = 100  # rows that monitors get, plus those of two evaluation intervals


class Run(NamedTuple):
    """What the training loop needs, except the state."""

    experiment: Experiment
    workdir: epath.Path | None  # None, as checkpoints, in all processes but the first
    checkpoints: Checkpoints | None
    log: RunLog
    after_step: Callable[[TrainState], None]
    must_stop: Callable[[], bool]

    @property
    def config(self) -> ConfigDict:
        """The config of the run."""
        return self.experiment.config


class Stopwatch(NamedTuple):
    """Times the steps since the last row of metrics."""

    step: int  # step of the run at the start
    start: float  # s
    waited: float = 0.0  # s of that time spent waiting for batches


def save(run: Run, state: TrainState, metrics: dict[str, float] | None) -> int:
    """Saves the state, if this process saves checkpoints; returns its step."""
    if run.checkpoints:
        run.checkpoints.save(on_one(state), metrics)
    return int(state.step)


def log_row(
    run: Run,
    stage: Stage,
    step: int,
    sums: list[dict[str, np.ndarray]],
    begun: int,
    clock: Stopwatch,
) -> dict[str, Any]:
    """Writes the mean metrics of the steps from `begun`, that of the last row, to `step`.

    `sums` are of these metrics, one dict per call of the compiled step. `clock` gives the timing;
    it started after the last row, or when the run was continued.

    Raises:
      UserError: a mean is not finite.
    """
    steps = step - begun
    row = {"step": step, "stage": stage.name}
    row |= {name: float(np.sum([s[name] for s in sums], dtype=float)) / steps for name in sums[0]}
    seconds, timed = time.perf_counter() - clock.start, step - clock.step
    row["timing"] = {
        "step_ms": 1e3 * seconds / timed,
        "images_per_second": run.config.data.batch_size * len(DOMAINS) * timed / seconds,
        "fetch_ms": 1e3 * clock.waited / timed,
        "input_wait": clock.waited / seconds,
    }
    write_row(run, row)
    run.log.save_fetch_times()
    return row


def evaluate_row(run: Run, stage: Stage, state: TrainState) -> dict[str, Any]:
    """Evaluates the state on held-out images; writes the numbers and the sample grid.

    Raises:
      UserError: a number is not finite.
    """
    kinds = run.experiment.evaluator.kinds.items()
    trained = [name for name, kind in kinds if kind.decoder in stage.train]
    row = {"step": int(state.step), "stage": stage.name, "trained_views": trained}
    row |= run.experiment.evaluator.measure(on_one(state))
    if run.workdir:
        run.log.picture(row["step"], run.experiment.evaluator.draw(on_one(state)))
    write_row(run, row)
    return row


def write_row(run: Run, row: dict[str, Any]) -> None:
    """Writes a row and its new alarms.

    Raises:
      UserError: a number in the row is not finite.
    """
    run.log.write(row)
    recent = RECENT_ROWS + 2 * run.config.evaluate_every // run.config.log_every
    rows = [row for row in run.log.rows[-recent:] if "alarm" not in row]
    alarms = monitors.alarms(rows, run.config.monitors)
    for name, message in alarms.items():
        logging.warning("step %d, %s: %s", row["step"], name, message)
        run.log.write({"step": row["step"], "stage": row["stage"], "alarm": name, "text": message})
    if "non_finite" in alarms:
        steps = run.checkpoints.steps() if run.checkpoints else None
        kept = "from before" if steps is None else f"up to step {max(steps, default=0)}"
        raise UserError(
            f"step {row['step']}: {alarms['non_finite']}; stopped, checkpoints {kept} are "
            f"kept. Lower the learning rate of stage {row['stage']!r} and start in a new "
            "--workdir, with this one as --config.init_from"
        )
