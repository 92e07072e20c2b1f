"""The training loop."""

import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import logging
from etils import epath
from ml_collections import ConfigDict
from tqdm import tqdm

from facealign import monitors
from facealign.augment import augment
from facealign.checkpoints import Checkpoints
from facealign.errors import UserError
from facealign.evaluate import Evaluator, take
from facealign.input_pipeline import load_data, make_batches, to_float
from facealign.paths import open_path
from facealign.report import write_report
from facealign.roles import DOMAINS
from facealign.run_config import check_numbers, load_config, make_workdir
from facealign.run_log import RunLog
from facealign.stages import Stage, create_stages, roles_of
from facealign.train_state import TrainState, create_networks, create_state, reset_optimizers
from facealign.train_steps import TrainStep, create_step
from facealign.visualize import plot_curves, plot_fetch_times

Update = Callable[[TrainState, Mapping[str, Any]], tuple[TrainState, dict[str, jax.Array]]]


class Run(NamedTuple):
    """What the loop works with, besides the state."""

    config: ConfigDict
    batches: Callable[[int], dict[str, np.ndarray]]
    evaluator: Evaluator
    checkpoints: Checkpoints
    log: RunLog


def train(config: ConfigDict, workdir: epath.Path) -> None:
    """Runs all stages of a config, or what is left of them, and writes everything to workdir.

    Raises:
      UserError: whatever the user can mend; nothing that was saved before is harmed.
    """
    check_numbers(config)
    stages = create_stages(config)
    networks = [create_networks(config, roles_of(stages), stage) for stage in stages]
    init_key, train_key = jax.random.split(jax.random.key(config.seed))
    init = partial(create_state, networks[0], image_size=config.data.image_size)
    like = jax.eval_shape(init, init_key)

    reading = time.perf_counter()
    data = load_data(config.data, "train")
    held_out = take(load_data(config.data, "validation"), config.evaluate_examples)
    read_seconds = time.perf_counter() - reading
    batches = make_batches(data, config.seed, config.data.batch_size, config.data.paired)
    updates = [
        make_update(create_step(config, nets, stage), config.augment, train_key)
        for nets, stage in zip(networks, stages, strict=True)
    ]
    for stage, update in zip(stages, updates, strict=True):  # errors before any work
        try:
            jax.eval_shape(update, like, batches(0))
        except UserError as error:
            raise UserError(f"config.stages.{stage.name}: {error}") from error

    evaluator = Evaluator(config, networks[0], data, held_out)

    make_workdir(config, workdir)
    with Checkpoints(workdir, config.best_metric) as checkpoints:
        state = checkpoints.restore(like)
        if state is None:
            # Runs once, so that compiling it quickly matters more than running it quickly.
            options = (
                {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else {}
            )
            state = take_networks(config, jax.jit(init, compiler_options=options)(init_key))
        elif int(state.step) < stages[-1].end:
            logging.info("continuing from the checkpoint of step %d", state.step)
        with RunLog(workdir, int(state.step)) as log:
            evaluator.measure(state)  # what the first evaluation measures the change from
            log.picture(int(state.step), evaluator.draw(state))
            run = Run(config, batches, evaluator, checkpoints, log)
            for stage, nets, update in zip(stages, networks, updates, strict=True):
                if state.step == stage.start:
                    state = reset_optimizers(nets, state, stage.train)
                if state.step < stage.end:
                    state = run_stage(run, stage, update, state)
            epoch = len(data["unrestricted"]["image"]) / config.data.batch_size
            plot_curves(workdir / "curves.png", log.rows, {s.name: s.start for s in stages})
            plot_fetch_times(workdir / "fetch_times.png", log.fetch_times, epoch, read_seconds)
            write_report(workdir, config, log.rows, evaluator.baselines(), checkpoints.best_step())


def make_update(step: TrainStep, strengths: Any, key: jax.Array) -> Update:
    """The jitted step on uint8 images: to [-1, 1], augmented, under the key of the state's step."""

    def update(state: TrainState, images: Mapping[str, jax.Array]):
        augment_key, step_key = jax.random.split(jax.random.fold_in(key, state.step))
        batch = {domain: to_float(pixels) for domain, pixels in images.items()}
        return step(state, augment(batch, augment_key, strengths), step_key)

    return jax.jit(update, donate_argnums=0)


def take_networks(config: ConfigDict, state: TrainState) -> TrainState:
    """The state with the networks that `config.init_from` asks for, from that run's checkpoint.

    Raises:
      UserError: no such run, a role that either run lacks, or a network of another shape.
    """
    if not config.init_from:
        return state
    source = open_path(config.init_from, "config.init_from")
    theirs = load_config(source)
    stages = create_stages(theirs)
    networks = create_networks(theirs, roles_of(stages), stages[0])
    init = partial(create_state, networks, image_size=theirs.data.image_size)
    with Checkpoints(source) as checkpoints:
        found = checkpoints.restore(jax.eval_shape(init, jax.random.key(0)))
    if found is None:
        raise UserError(
            f"config.init_from={source} has no checkpoint yet; let that run go on first"
        )
    nets = dict(state.nets)
    for role in config.init_roles or nets.keys() & found.nets.keys():
        for run, holder in (("this run", nets), (source, found.nets)):
            if role not in holder:
                raise UserError(
                    f"config.init_roles names {role!r}, which {run} does not have; "
                    f"choose from: {', '.join(holder)}"
                )
        old, new = nets[role], found.nets[role]
        if _shapes(old.params) != _shapes(new.params):
            raise UserError(
                f"the {role} of config.init_from={source} has other shapes than this config's; "
                "choose the same config.model and config.data.image_size"
            )
        logging.info("took the %s of step %d of %s", role, found.step, source)
        ema = jax.tree.map(np.copy, new.params) if old.ema else {}
        nets[role] = old.replace(params=new.params, batch_stats=new.batch_stats, ema=ema)
    return state.replace(nets=nets)


def run_stage(run: Run, stage: Stage, update: Update, state: TrainState) -> TrainState:
    """Runs a stage from the state's step to its end: logs, evaluates and saves at its intervals."""
    images = run.config.data.batch_size * len(DOMAINS)
    progress = tqdm(
        desc=stage.name,
        total=stage.steps * images,
        initial=(int(state.step) - stage.start) * images,
        unit="images",
        unit_scale=True,
        mininterval=0.5 if sys.stderr.isatty() else 20,
    )
    pending, clock = [], time.perf_counter()
    with progress:
        for step in range(int(state.step), stage.end):
            fetching = time.perf_counter()
            batch = jax.device_put(run.batches(step))
            run.log.fetch_times.append(1e3 * (time.perf_counter() - fetching))
            state, metrics = update(state, batch)  # returns at once; the device works on
            pending.append(metrics)
            progress.update(images)
            if _due(stage, step + 1, run.config.log_every):
                row = log_row(run, stage, step + 1, jax.device_get(pending), clock)
                progress.set_postfix(loss=row["loss"], refresh=False)
                if _due(stage, step + 1, run.config.evaluate_every):
                    row = evaluate_row(run, stage, state)
                    if _due(stage, step + 1, run.config.checkpoint_every):
                        run.checkpoints.save(state, row)
                pending, clock = [], time.perf_counter()
    return state


def log_row(
    run: Run, stage: Stage, step: int, metrics: list[dict[str, np.ndarray]], clock: float
) -> dict[str, Any]:
    """Writes the means of the metrics since the last row, which came at `clock`."""
    seconds = (time.perf_counter() - clock) / len(metrics)
    row = {"step": step, "stage": stage.name}
    row |= {name: float(np.mean([m[name] for m in metrics])) for name in metrics[0]}
    row["timing"] = {
        "step_ms": 1e3 * seconds,
        "images_per_second": run.config.data.batch_size * len(DOMAINS) / seconds,
        "fetch_ms": float(np.mean(run.log.fetch_times[-len(metrics) :])),
    }
    write_row(run, row)
    run.log.save_fetch_times()
    return row


def evaluate_row(run: Run, stage: Stage, state: TrainState) -> dict[str, Any]:
    """Evaluates the state on held-out images; writes the numbers and the sample grid."""
    views = run.evaluator.views.items()
    trained = [view for view, (_, decoder) in views if decoder in stage.train]
    row = {"step": int(state.step), "stage": stage.name, "trained_views": trained}
    row |= run.evaluator.measure(state)
    run.log.picture(row["step"], run.evaluator.draw(state))
    write_row(run, row)
    return row


def write_row(run: Run, row: dict[str, Any]) -> None:
    """Writes a row and the alarms that it trips.

    Raises:
      UserError: a number in it is not finite.
    """
    run.log.write(row)
    rows = [row for row in run.log.rows if "alarm" not in row]
    alarms = monitors.alarms(rows, run.config.monitors)
    for name, message in alarms.items():
        logging.warning("step %d, %s: %s", row["step"], name, message)
        run.log.write({"step": row["step"], "stage": row["stage"], "alarm": name, "text": message})
    if "non_finite" in alarms:
        raise UserError(
            f"step {row['step']}: {alarms['non_finite']}; stopped, checkpoints up to step "
            f"{max(run.checkpoints.steps(), default=0)} are kept. Lower the learning rate of stage "
            f"{row['stage']!r} and start in a new --workdir, with --config.init_from on this one"
        )


def _due(stage: Stage, step: int, interval: int) -> bool:
    return (step - stage.start) % interval == 0 or step == stage.end


def _shapes(tree: Any) -> Any:
    return jax.tree.map(np.shape, tree)
