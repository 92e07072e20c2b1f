"""The training loop."""

import contextlib
import itertools
import time
from typing import Any

import jax
from absl import logging
from etils import epath
from ml_collections import ConfigDict

from facealign.names import DOMAINS
from facealign.parallel import processes
from facealign.parallel.devices import describe_devices
from facealign.parallel.preemption import Preempted, bounded, watch
from facealign.parallel.sharding import everywhere, on_one, split_rows
from facealign.stages import Stage
from facealign.training.checkpoints import Checkpoints
from facealign.training.compiled_step import CompiledStep
from facealign.training.experiment import Experiment, create_experiment
from facealign.training.profiling import profiler
from facealign.training.run import Run, Stopwatch, evaluate_row, log_row, save
from facealign.training.state import TrainState, reset_optimizers
from facealign.workdir.config import make_workdir
from facealign.workdir.figures import plot_curves, plot_fetch_times
from facealign.workdir.lock import locked
from facealign.workdir.log import RunLog, read_fetch_times, read_rows
from facealign.workdir.progress import Progress, load_progress, save_progress
from facealign.workdir.progress_bar import progress_bar
from facealign.workdir.report import write_report


def train(config: ConfigDict, workdir: epath.Path, profile: bool = False) -> bool:
    """Runs the stages of a config that are left, and writes everything to workdir.

    `profile` adds a trace of the first steps. Of several processes, only the first one writes.

    Returns:
      Whether this process wrote the report.

    Raises:
      UserError: for errors that the user can fix; saved files stay as they are.
      Preempted: the run was told to stop; its state is saved, and the same command continues it.
    """
    logging.info("training runs on %s", describe_devices(jax.devices()))
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
        with bounded():
            evaluator.measure(on_one(state))  # the first evaluation measures change from this
            if opened:
                log.picture(int(state.step), evaluator.draw(on_one(state)))
        for stage, networks, compiled_step in zip(
            stages, experiment.networks, experiment.steps, strict=True
        ):
            if int(state.step) == stage.start > 0:
                state = everywhere(mesh, reset_optimizers(networks, on_one(state), stage.train))
            if int(state.step) < stage.end:
                state = run_stage(run, stage, compiled_step, state)
        return bool(opened) and write_end(run)


def open_workdir(
    experiment: Experiment, workdir: epath.Path, stack: contextlib.ExitStack
) -> tuple[Checkpoints, RunLog, TrainState]:
    """Opens a workdir and loads the state to continue from; locks it until the stack closes.

    Raises:
      UserError: the folder cannot be written, is in use, or holds a run with another config or
        damaged files; or `config.init_from` cannot be used.
    """
    stack.enter_context(locked(workdir))
    make_workdir(experiment.config, workdir)
    checkpoints = stack.enter_context(Checkpoints(workdir, experiment.config.best_metric))
    state = checkpoints.restore(experiment.like)
    if state is None:
        state = experiment.init()
    log = stack.enter_context(RunLog(workdir, int(state.step)))
    return checkpoints, log, state


def write_end(run: Run) -> bool:
    """Writes the plots and the report that end a run. That all else is whole, nothing here undoes.

    Returns:
      Whether the report is written; if not, the log says why.
    """
    try:
        _write_end(run)
    except Exception as error:  # damaged rows, a full disk, a device without memory
        logging.warning("report.md was not written, all else is saved; the same command tries it "
                        "again: %s: %s", type(error).__name__, error)  # fmt: skip
        return False
    return True


def _write_end(run: Run) -> None:
    workdir, data = run.workdir, run.experiment.data
    starts = {stage.name: stage.start for stage in run.experiment.stages}
    epoch = len(data["unrestricted"]["image"]) / run.config.data.batch_size
    rows, times = read_rows(workdir), read_fetch_times(workdir)
    baselines = run.experiment.evaluator.baselines()
    plot_curves(workdir / "curves.png", rows, starts, baselines)
    plot_fetch_times(workdir / "fetch_times.png", times, epoch, run.experiment.read_seconds)
    write_report(workdir, run.config, data, rows, baselines, run.checkpoints.best_step())


def run_stage(run: Run, stage: Stage, compiled_step: CompiledStep, state: TrainState) -> TrainState:
    """Runs a stage from the state's step to its end: logs, evaluates and saves at its intervals.

    Raises:
      UserError: a number is not finite, or a checkpoint cannot be saved.
      Preempted: the run was told to stop; its state is saved.
    """
    images = run.config.data.batch_size * len(DOMAINS)
    step = int(state.step)
    progress = progress_bar(
        desc=stage.name,
        total=stage.steps * images,
        initial=(step - stage.start) * images,
        unit="images",
        unit_scale=True,
        disable=run.workdir is None,
    )
    (pending, begun), saved = _resume(run, stage, step), step
    resident, of_steps = run.experiment.batches
    batches = of_steps(step, stage.end)
    clock, compiled = Stopwatch(step, time.perf_counter()), set()
    with progress:
        while step < stage.end:
            count = min(run.config.steps_per_call, _to_next(stage, step, run.config.log_every))
            fetching = time.perf_counter()
            chunk = split_rows(run.experiment.mesh, list(itertools.islice(batches, count)))
            seconds = time.perf_counter() - fetching
            run.log.fetch_times += [1e3 * seconds / count] * count
            clock = clock._replace(waited=clock.waited + seconds)
            with contextlib.nullcontext() if count in compiled else bounded():
                state, sums = compiled_step(state, resident, chunk)  # returns before it is computed
            compiled.add(count)
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


def stop(run: Run, state: TrainState, pending: list[dict[str, jax.Array]], saved: int) -> None:
    """Saves the state and the loop's progress, unless this step is already saved.

    `pending` has the sums of metrics since the last row, one dict per call.

    Raises:
      UserError: the checkpoint cannot be saved.
      Preempted: the state is saved.
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
    """What a run that stopped between two rows held; else [] and `step`.

    These are the metrics since the last row, and that row's step (0 before the first row). The
    evaluator gets back the outputs of its last evaluation.
    """
    held = load_progress(run.workdir, step) if run.workdir else None
    if held is None:
        return [], step
    run.experiment.evaluator.before = dict(held.before)
    return list(held.pending), step - (step - stage.start) % run.config.log_every


def _due(stage: Stage, step: int, interval: int) -> bool:
    return (step - stage.start) % interval == 0 or step == stage.end


def _to_next(stage: Stage, step: int, interval: int) -> int:
    """Number of steps to the next step that is due; at least 1."""
    return min(interval - (step - stage.start) % interval, stage.end - step)
