"""The training loop."""

import contextlib
import itertools
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import logging
from etils import epath
from jax.sharding import Mesh
from ml_collections import ConfigDict
from tqdm import tqdm

from facealign import monitors, processes
from facealign.checkpoints import Checkpoints, load_run
from facealign.errors import UserError
from facealign.evaluate import Evaluator, take
from facealign.feed import Feed, create_feed
from facealign.input_pipeline import Examples, load_data
from facealign.lock import locked
from facealign.mesh import create_mesh, everywhere, on_one, own_rows, split_rows
from facealign.paths import cache_folder, open_path
from facealign.preemption import Preempted, Progress, load_progress, save_progress, watch
from facealign.profiling import profiler
from facealign.report import write_report
from facealign.roles import DOMAINS
from facealign.run_config import check_numbers, make_workdir
from facealign.run_log import RunLog, read_fetch_times, read_rows
from facealign.stages import OF_TURNED, Stage, create_stages, learns, roles_of
from facealign.train_state import (
    Network,
    TrainState,
    create_networks,
    create_state,
    reset_optimizers,
)
from facealign.train_steps import create_step
from facealign.turned_pairs import create_views, for_device, with_turned
from facealign.update import Update, accumulate, make_update, recording
from facealign.verify import choose_people
from facealign.visualize import plot_curves, plot_fetch_times

RECENT_ROWS = 100  # that monitors look at, more than they need, besides two evaluations


class Run(NamedTuple):
    """What the loop works with, besides the state."""

    config: ConfigDict
    mesh: Mesh
    feed: Feed
    evaluator: Evaluator
    workdir: epath.Path | None  # None, as the next, in all processes but the first
    checkpoints: Checkpoints | None
    log: RunLog
    after_step: Callable[[TrainState], None]
    must_stop: Callable[[], bool]


def train(config: ConfigDict, workdir: epath.Path, profile: bool = False) -> None:
    """Runs all stages of a config, or what is left of them, and writes everything to workdir.

    With `profile`, a trace of its first steps too. Of several processes, the first one writes.

    Raises:
      UserError: whatever the user can mend; nothing that was saved before is harmed.
      Preempted: told to stop, it has saved its state and can be started again.
    """
    check_numbers(config)
    mesh = create_mesh(config)
    stages = create_stages(config)
    networks = [create_networks(config, roles_of(stages), stage) for stage in stages]
    init_key, train_key = jax.random.split(jax.random.key(config.seed))
    init = partial(create_state, networks[0], image_size=config.data.image_size)
    like = jax.eval_shape(init, init_key)

    reading = time.perf_counter()
    data, strangers = processes.in_turns(
        lambda: [load_data(config.data, split) for split in ("train", "validation")]
    )
    held_out = take(strangers, config.evaluate_examples)
    read_seconds = time.perf_counter() - reading
    feed = create_feed(data, config, own_rows(mesh, config.data.batch_size))
    if learns(config, *OF_TURNED):
        views = processes.in_turns(lambda: create_views(cache_folder()))
        data, held_out = (with_turned(part, views, config.seed) for part in (data, held_out))
        feed = feed._replace(resident=feed.resident | {"views": for_device(views)})
    feed = feed._replace(resident=everywhere(mesh, feed.resident))
    if learns(config, "recognize"):
        held_out["people"] = choose_people(strangers["unrestricted"])
    updates = [
        create_update(config, mesh, nets, stage, train_key)
        for nets, stage in zip(networks, stages, strict=True)
    ]
    first = [split_rows(mesh, next(feed.batches(0, 1)))]
    for stage, update in zip(stages, updates, strict=True):  # errors before any work
        try:
            jax.eval_shape(update, like, feed.resident, first)
        except UserError as error:
            raise UserError(f"config.stages.{stage.name}: {error}") from error

    evaluator = Evaluator(config, networks[0], data, held_out)
    with contextlib.ExitStack() as stack:
        opened = processes.on_first(lambda: _open(config, workdir, init, init_key, like, stack))
        checkpoints, log, state = opened or (None, RunLog(None, 0), None)
        state = everywhere(mesh, processes.from_first(state, like))
        if 0 < int(state.step) < stages[-1].end:
            logging.info("continuing from the checkpoint of step %d", state.step)
        own = workdir if opened else None
        tracing = workdir / "profile" if profile and opened else None
        after_step = stack.enter_context(profiler(tracing))
        must_stop = stack.enter_context(watch())
        run = Run(config, mesh, feed, evaluator, own, checkpoints, log, after_step, must_stop)
        evaluator.measure(on_one(state))  # what the first evaluation measures the change from
        log.picture(int(state.step), evaluator.draw(on_one(state)))
        for stage, nets, update in zip(stages, networks, updates, strict=True):
            if int(state.step) == stage.start > 0:
                state = everywhere(mesh, reset_optimizers(nets, on_one(state), stage.train))
            if int(state.step) < stage.end:
                state = run_stage(run, stage, update, state)
        if opened:
            starts = {stage.name: stage.start for stage in stages}
            _close(run, data, starts, read_seconds)


def create_update(
    config: ConfigDict, mesh: Mesh, networks: dict[str, Network], stage: Stage, key: jax.Array
) -> Update:
    """The jitted step of a stage, its batches split over the mesh and in time as config asks."""
    if config.accumulate == 1:
        step = create_step(config, networks, stage)
    else:
        step = create_step(config, recording(networks), stage)
        step = accumulate(step, networks, config.accumulate)
    return make_update(step, config.augment, key, stage.objective in OF_TURNED, mesh)


def _open(
    config: ConfigDict,
    workdir: epath.Path,
    init: Callable[[jax.Array], TrainState],
    key: jax.Array,
    like: TrainState,
    stack: contextlib.ExitStack,
) -> tuple[Checkpoints, RunLog, TrainState]:
    """What a run has in its workdir, which is locked until the stack ends; a new run's if none."""
    stack.enter_context(locked(workdir))
    make_workdir(config, workdir)
    checkpoints = stack.enter_context(Checkpoints(workdir, config.best_metric))
    state = checkpoints.restore(like)
    if state is None:
        # Runs once, so that compiling it quickly matters more than running it quickly.
        options = {"xla_backend_optimization_level": 1} if jax.default_backend() == "cpu" else {}
        state = take_networks(config, jax.jit(init, compiler_options=options)(key))
    log = stack.enter_context(RunLog(workdir, int(state.step)))
    return checkpoints, log, state


def _close(
    run: Run, data: Mapping[str, Examples], starts: Mapping[str, int], read_seconds: float
) -> None:
    """Writes the pictures and the page that end a run."""
    epoch = len(data["unrestricted"]["image"]) / run.config.data.batch_size
    rows, fetch_times = read_rows(run.workdir), read_fetch_times(run.workdir)
    plot_curves(run.workdir / "curves.png", rows, starts)
    plot_fetch_times(run.workdir / "fetch_times.png", fetch_times, epoch, read_seconds)
    best = run.checkpoints.best_step()
    baselines = run.evaluator.baselines()
    write_report(run.workdir, run.config, data, rows, baselines, best)


def take_networks(config: ConfigDict, state: TrainState) -> TrainState:
    """The state with the networks that `config.init_from` asks for, from those runs' checkpoints.

    Where several have a network, it is taken from the last of them.

    Raises:
      UserError: no such run, a role that either run lacks, or a network of another shape.
    """
    if not config.init_from:
        return state
    nets, found, origin = dict(state.nets), {}, {}
    for place in config.init_from.split("+"):
        source = open_path(place, "config.init_from")
        saved = load_run(source).state
        found |= saved.nets
        origin |= dict.fromkeys(saved.nets, f"step {saved.step} of {source}")
    for role in config.init_roles or nets.keys() & found.keys():
        for run, holder in (("this run", nets), (config.init_from, found)):
            if role not in holder:
                raise UserError(
                    f"config.init_roles names {role!r}, which {run} does not have; "
                    f"choose from: {', '.join(holder)}"
                )
        old, new = nets[role], found[role]
        if _shapes(old.params) != _shapes(new.params):
            raise UserError(
                f"the {role} of {origin[role]} has other shapes than this config's; choose "
                "the same config.model and config.data.image_size"
            )
        logging.info("took the %s of %s", role, origin[role])
        ema = jax.tree.map(np.copy, new.params) if old.ema else {}
        nets[role] = old.replace(params=new.params, batch_stats=new.batch_stats, ema=ema)
    return state.replace(nets=nets)


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
    pending, saved = _resume(run, step), step
    batches = run.feed.batches(step, stage.end)
    watch = Stopwatch(step, time.perf_counter())
    with progress:
        while step < stage.end:
            count = min(run.config.steps_per_call, _to_next(stage, step, run.config.log_every))
            fetching = time.perf_counter()
            chunk = split_rows(run.mesh, list(itertools.islice(batches, count)))
            seconds = time.perf_counter() - fetching
            run.log.fetch_times += [1e3 * seconds / count] * count
            watch = watch._replace(waited=watch.waited + seconds)
            state, sums = update(state, run.feed.resident, chunk)  # returns at once
            pending.append(sums)
            run.after_step(state)
            step += count
            progress.update(count * images)
            if _due(stage, step, run.config.log_every):
                row = log_row(run, stage, step, jax.device_get(pending), watch)
                progress.set_postfix_str(
                    f"loss {row['loss']:.3g}, input {row['timing']['input_wait']:.1%}", False
                )
                if _due(stage, step, run.config.evaluate_every):
                    row = evaluate_row(run, stage, state)
                    if _due(stage, step, run.config.checkpoint_every):
                        saved = save(run, state, row)
                pending, watch = [], Stopwatch(step, time.perf_counter())
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
        save_progress(run.workdir, step, Progress(jax.device_get(pending), run.evaluator.before))
        save(run, state, None)
    raise Preempted(f"told to stop; step {step} is saved, and the same command goes on from there")


def _resume(run: Run, step: int) -> list[dict[str, Any]]:
    """Metrics of the steps since the last row, where the run stopped between two."""
    held = load_progress(run.workdir, step) if run.workdir else None
    if held is None:
        return []
    run.evaluator.before = dict(held.before)
    return list(held.pending)


def log_row(
    run: Run, stage: Stage, step: int, sums: list[dict[str, np.ndarray]], watch: Stopwatch
) -> dict[str, Any]:
    """Writes the means of the metrics since the last row."""
    steps = (step - stage.start - 1) % run.config.log_every + 1
    row = {"step": step, "stage": stage.name}
    row |= {name: float(np.sum([s[name] for s in sums], dtype=float)) / steps for name in sums[0]}
    seconds, timed = time.perf_counter() - watch.start, step - watch.step
    row["timing"] = {
        "step_ms": 1e3 * seconds / timed,
        "images_per_second": run.config.data.batch_size * len(DOMAINS) * timed / seconds,
        "fetch_ms": 1e3 * watch.waited / timed,
        "input_wait": watch.waited / seconds,
    }
    write_row(run, row)
    run.log.save_fetch_times()
    return row


def evaluate_row(run: Run, stage: Stage, state: TrainState) -> dict[str, Any]:
    """Evaluates the state on held-out images; writes the numbers and the sample grid."""
    views = run.evaluator.views.items()
    trained = [name for name, view in views if view.decoder in stage.train]
    row = {"step": int(state.step), "stage": stage.name, "trained_views": trained}
    row |= run.evaluator.measure(on_one(state))
    run.log.picture(row["step"], run.evaluator.draw(on_one(state)))
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


def _shapes(tree: Any) -> Any:
    return jax.tree.map(np.shape, tree)
