"""A run in progress: what the loop works with, and what it writes at its intervals."""

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

RECENT_ROWS = 100  # that monitors look at, more than they need, besides two evaluations


class Run(NamedTuple):
    """What the loop works with, besides the state."""

    experiment: Experiment
    workdir: epath.Path | None  # None, as the next, in all processes but the first
    checkpoints: Checkpoints | None
    log: RunLog
    after_step: Callable[[TrainState], None]
    must_stop: Callable[[], bool]

    @property
    def config(self) -> ConfigDict:
        """Of the run."""
        return self.experiment.config


class Stopwatch(NamedTuple):
    """Runs since the last row of metrics."""

    step: int  # when it started
    start: float  # s
    waited: float = 0.0  # s of the time since then that went by before batches were there


def save(run: Run, state: TrainState, metrics: dict[str, float] | None) -> int:
    """Saves the state where this process saves; its step."""
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
    """Writes the means of the metrics since the step at which the sums begin."""
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
    """Evaluates the state on held-out images; writes the numbers and the sample grid."""
    kinds = run.experiment.evaluator.kinds.items()
    trained = [name for name, kind in kinds if kind.decoder in stage.train]
    row = {"step": int(state.step), "stage": stage.name, "trained_views": trained}
    row |= run.experiment.evaluator.measure(on_one(state))
    if run.workdir:
        run.log.picture(row["step"], run.experiment.evaluator.draw(on_one(state)))
    write_row(run, row)
    return row


def write_row(run: Run, row: dict[str, Any]) -> None:
    """Writes a row and the alarms that it trips.

    Raises:
      UserError: a number in it is not finite.
    """
    run.log.write(row)
    recent = RECENT_ROWS + 2 * run.config.evaluate_every // run.config.log_every
    rows = [row for row in run.log.rows[-recent:] if "alarm" not in row]
    alarms = monitors.alarms(rows, run.config.monitors)
    for name, message in alarms.items():
        logging.warning("step %d, %s: %s", row["step"], name, message)
        run.log.write({"step": row["step"], "stage": row["stage"], "alarm": name, "text": message})
    if "non_finite" in alarms:
        last = max(run.checkpoints.steps(), default=0) if run.checkpoints else "before it"
        raise UserError(
            f"step {row['step']}: {alarms['non_finite']}; stopped, checkpoints up to step "
            f"{last} are kept. Lower the learning rate of stage "
            f"{row['stage']!r} and start in a new --workdir, with --config.init_from on this one"
        )
