"""The training loop."""

import contextlib
import itertools
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import logging
from etils import epath
from ml_collections import ConfigDict
from tqdm import tqdm

from facealign.errors import UserError
from facealign.names import DOMAINS
from facealign.parallel import processes
from facealign.parallel.preemption import Preempted, Progress, load_progress, save_progress, watch
from facealign.parallel.sharding import everywhere, on_one, split_rows
from facealign.stages import Stage
from facealign.training import monitors
from facealign.training.checkpoints import Checkpoints
from facealign.training.compiled_step import Update
from facealign.training.experiment import Experiment, create_experiment
from facealign.training.profiling import profiler
from facealign.training.state import TrainState, reset_optimizers
from facealign.workdir.config import make_workdir
from facealign.workdir.figures import plot_curves, plot_fetch_times
from facealign.workdir.lock import locked
from facealign.workdir.log import RunLog, read_fetch_times, read_rows
from facealign.workdir.report import write_report

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


def train(config: ConfigDict, workdir: epath.Path, profile: bool = False) -> None:
    """Runs all stages of a config, or what is left of them, and writes everything to workdir.

    With `profile`, a trace of its first steps too. Of several processes, the first one writes.

    Raises:
      UserError: whatever the user can mend; nothing that was saved before is harmed.
      Preempted: told to stop, it has saved its state and can be started again.
    """
    experiment = create_experiment(config)
    mesh, stages, evaluator = experiment.mesh, experiment.stages, experiment.evaluator
    with contextlib.ExitStack() as stack:
        opened = processes.on_first(lambda: open_workdir(experiment, workdir, stack))
        checkpoints, log, state = opened or (None, RunLog(None, 0), None)
        state = everywhere(mesh, processes.from_first(state, experiment.like))
        if 0 < int(state.step) < stages[-1].end:
            logging.info("continuing from the checkpoint of step %d", state.step)
        tracing = workdir / "profile" if profile and opened else None
        run = Run(
            experiment,
            workdir if opened else None,
            checkpoints,
            log,
            after_step=stack.enter_context(profiler(tracing)),
            must_stop=stack.enter_context(watch()),
        )
        evaluator.measure(on_one(state))  # what the first evaluation measures the change from
        if opened:
            log.picture(int(state.step), evaluator.draw(on_one(state)))
        for stage, networks, update in zip(
            stages, experiment.networks, experiment.updates, strict=True
        ):
            if int(state.step) == stage.start > 0:
                state = everywhere(mesh, reset_optimizers(networks, on_one(state), stage.train))
            if int(state.step) < stage.end:
                state = run_stage(run, stage, update, state)
        if opened:
            write_end(run)


def open_workdir(
    experiment: Experiment, workdir: epath.Path, stack: contextlib.ExitStack
) -> tuple[Checkpoints, RunLog, TrainState]:
    """What a run has in its workdir, and the state to go on from; locked until the stack ends."""
    stack.enter_context(locked(workdir))
    make_workdir(experiment.config, workdir)
    checkpoints = stack.enter_context(Checkpoints(workdir, experiment.config.best_metric))
    state = checkpoints.restore(experiment.like)
    if state is None:
        state = experiment.init()
    log = stack.enter_context(RunLog(workdir, int(state.step)))
    return checkpoints, log, state


def write_end(run: Run) -> None:
    """Writes the pictures and the page that end a run."""
    workdir, data = run.workdir, run.experiment.data
    starts = {stage.name: stage.start for stage in run.experiment.stages}
    epoch = len(data["unrestricted"]["image"]) / run.config.data.batch_size
    rows, times = read_rows(workdir), read_fetch_times(workdir)
    plot_curves(workdir / "curves.png", rows, starts)
    plot_fetch_times(workdir / "fetch_times.png", times, epoch, run.experiment.read_seconds)
    best, baselines = run.checkpoints.best_step(), run.experiment.evaluator.baselines()
    write_report(workdir, run.config, data, rows, baselines, best)


def run_stage(run: Run, stage: Stage, update: Update, state: TrainState) -> TrainState:
    """Runs a stage from the state's step to its end: logs, evaluates and saves at its intervals."""
    images = run.config.data.batch_size * len(DOMAINS)
    step = int(state.step)
    progress = tqdm(
        desc=stage.name,
        total=stage.steps * images,
        initial=(step - stage.start) * images,
        unit="images",
        unit_scale=True,
        mininterval=0.5 if sys.stderr.isatty() else 20,
        disable=run.workdir is None,
    )
    (pending, begun), saved = _resume(run, stage, step), step
    batches = run.experiment.feed.batches(step, stage.end)
    clock = Stopwatch(step, time.perf_counter())
    with progress:
        while step < stage.end:
            count = min(run.config.steps_per_call, _to_next(stage, step, run.config.log_every))
            fetching = time.perf_counter()
            chunk = split_rows(run.experiment.mesh, list(itertools.islice(batches, count)))
            seconds = time.perf_counter() - fetching
            run.log.fetch_times += [1e3 * seconds / count] * count
            clock = clock._replace(waited=clock.waited + seconds)
            state, sums = update(state, run.experiment.feed.resident, chunk)  # returns at once
            pending.append(sums)
            run.after_step(state)
            step += count
            progress.update(count * images)
            if _due(stage, step, run.config.log_every):
                row = log_row(run, stage, step, jax.device_get(pending), begun, clock)
                progress.set_postfix_str(
                    f"loss {row['loss']:.3g}, input {row['timing']['input_wait']:.1%}", False
                )
                if _due(stage, step, run.config.evaluate_every):
                    row = evaluate_row(run, stage, state)
                    if _due(stage, step, run.config.checkpoint_every):
                        saved = save(run, state, row)
                pending, begun, clock = [], step, Stopwatch(step, time.perf_counter())
            if run.must_stop():
                stop(run, state, pending, saved)
    return state


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


def stop(run: Run, state: TrainState, pending: list[dict[str, jax.Array]], saved: int) -> None:
    """Saves the state at whatever step it is, unless it is saved, and what else the loop holds.

    Raises:
      Preempted: always.
    """
    step = int(state.step)
    if run.workdir and step != saved:
        run.log.save_fetch_times()
        save_progress(
            run.workdir, step, Progress(jax.device_get(pending), run.experiment.evaluator.before)
        )
        save(run, state, None)
    raise Preempted(f"told to stop; step {step} is saved, and the same command goes on from there")


def _resume(run: Run, stage: Stage, step: int) -> tuple[list[dict[str, Any]], int]:
    """Metrics of the steps since the last row, where the run stopped between two, and its step."""
    held = load_progress(run.workdir, step) if run.workdir else None
    if held is None:
        return [], step
    run.experiment.evaluator.before = dict(held.before)
    return list(held.pending), step - (step - stage.start) % run.config.log_every


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
    views = run.experiment.evaluator.views.items()
    trained = [name for name, view in views if view.decoder in stage.train]
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


def _due(stage: Stage, step: int, interval: int) -> bool:
    return (step - stage.start) % interval == 0 or step == stage.end


def _to_next(stage: Stage, step: int, interval: int) -> int:
    """Steps from one that is not due to the next that is."""
    return min(interval - (step - stage.start) % interval, stage.end - step)
