"""The training loop."""

import itertools
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import logging
from etils import epath
from ml_collections import ConfigDict
from tqdm import tqdm

from facealign import monitors
from facealign.augment import augment
from facealign.checkpoints import Checkpoints, load_run
from facealign.errors import UserError
from facealign.evaluate import Evaluator, take
from facealign.feed import Batch, Feed, create_feed, look_up
from facealign.input_pipeline import load_data, to_float
from facealign.paths import cache_folder, open_path
from facealign.profiling import profiler
from facealign.report import write_report
from facealign.roles import DOMAINS
from facealign.run_config import check_numbers, make_workdir
from facealign.run_log import RunLog
from facealign.stages import OF_TURNED, Stage, create_stages, learns, roles_of
from facealign.train_state import TrainState, create_networks, create_state, reset_optimizers
from facealign.train_steps import TrainStep, create_step
from facealign.turned_pairs import add_pairs, create_views, for_device, with_turned
from facealign.verify import choose_people
from facealign.visualize import plot_curves, plot_fetch_times
from facealign.weights import SUFFIX as WEIGHTS_SUFFIX
from facealign.weights import load_weights

# (state, images that stay on the device, batches of K steps) -> (state, metrics summed over them)
Update = Callable[
    [TrainState, Mapping[str, jax.Array], Sequence[Batch]],
    tuple[TrainState, dict[str, jax.Array]],
]


class Run(NamedTuple):
    """What the loop works with, besides the state."""

    config: ConfigDict
    feed: Feed
    evaluator: Evaluator
    checkpoints: Checkpoints
    log: RunLog
    after_step: Callable[[TrainState], None]


def train(config: ConfigDict, workdir: epath.Path, profile: bool = False) -> None:
    """Runs all stages of a config, or what is left of them, and writes everything to workdir.

    With `profile`, a trace of its first steps too.

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
    strangers = load_data(config.data, "validation")
    held_out = take(strangers, config.evaluate_examples)
    read_seconds = time.perf_counter() - reading
    feed = create_feed(data, config)
    if learns(config, *OF_TURNED):
        views = create_views(cache_folder())
        data, held_out = (with_turned(part, views, config.seed) for part in (data, held_out))
        feed = feed._replace(resident=feed.resident | {"views": for_device(views)})
    if learns(config, "recognize"):
        held_out["people"] = choose_people(strangers["unrestricted"])
    updates = [
        make_update(
            create_step(config, nets, stage),
            config.augment,
            train_key,
            turned=stage.objective in OF_TURNED,
        )
        for nets, stage in zip(networks, stages, strict=True)
    ]
    first = [next(feed.batches(0, 1))]
    for stage, update in zip(stages, updates, strict=True):  # errors before any work
        try:
            jax.eval_shape(update, like, feed.resident, first)
        except UserError as error:
            raise UserError(f"config.stages.{stage.name}: {error}") from error

    evaluator = Evaluator(config, networks[0], data, held_out)

    make_workdir(config, workdir)
    with Checkpoints(workdir, config.best_metric) as checkpoints:
        state = checkpoints.restore(like)
        if state is None:
            # Runs once, so that compiling it quickly matters more than running it quickly.
            options = (
                {"xla_backend_optimization_level": 1} if jax.default_backend() == "cpu" else {}
            )
            state = take_networks(config, jax.jit(init, compiler_options=options)(init_key))
        elif int(state.step) < stages[-1].end:
            logging.info("continuing from the checkpoint of step %d", state.step)
        with (
            RunLog(workdir, int(state.step)) as log,
            profiler(workdir / "profile" if profile else None) as after_step,
        ):
            evaluator.measure(state)  # what the first evaluation measures the change from
            log.picture(int(state.step), evaluator.draw(state))
            run = Run(config, feed, evaluator, checkpoints, log, after_step)
            for stage, nets, update in zip(stages, networks, updates, strict=True):
                if state.step == stage.start > 0:
                    state = reset_optimizers(nets, state, stage.train)
                if state.step < stage.end:
                    state = run_stage(run, stage, update, state)
            epoch = len(data["unrestricted"]["image"]) / config.data.batch_size
            plot_curves(workdir / "curves.png", log.rows, {s.name: s.start for s in stages})
            plot_fetch_times(workdir / "fetch_times.png", log.fetch_times, epoch, read_seconds)
            best = checkpoints.best_step()
            write_report(workdir, config, data, log.rows, evaluator.baselines(), best)


def make_update(step: TrainStep, strengths: Any, key: jax.Array, turned: bool = False) -> Update:
    """The jitted step on K batches of uint8 images, one after the other; sums of the metrics.

    Each step's images become floats in [-1, 1] and are augmented under the key of its number. If
    `turned`, R's photos come turned as well, by the "views" among what stays on the device.
    """

    def one(state: TrainState, resident: Mapping[str, jax.Array], batch: Batch):
        augment_key, step_key = jax.random.split(jax.random.fold_in(key, state.step))
        found = look_up(resident, batch)
        images = {domain: to_float(found.pop(domain)) for domain in DOMAINS}
        images = augment(images, augment_key, strengths)
        if turned:
            images = add_pairs(images, resident["views"], jax.random.fold_in(augment_key, 1))
        return step(state, images | found, step_key)

    def update(state: TrainState, resident: Mapping[str, jax.Array], batches: Sequence[Batch]):
        if len(batches) == 1:  # a loop's body runs on one core of a CPU, at a twentieth the speed
            return one(state, resident, batches[0])
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *batches)
        state, metrics = jax.lax.scan(lambda s, batch: one(s, resident, batch), state, stacked)
        return state, jax.tree.map(lambda metric: metric.sum(axis=0), metrics)

    return jax.jit(update, donate_argnums=0)


def take_networks(config: ConfigDict, state: TrainState) -> TrainState:
    """The state with the networks of `config.init_from`: of runs' checkpoints or of packed weights.

    Where several have a network, it is taken from the last of them.

    Raises:
      UserError: no such run, a role that either run lacks, or a network of another shape.
    """
    if not config.init_from:
        return state
    nets, found, origin = dict(state.nets), {}, {}
    for place in config.init_from.split("+"):
        source = open_path(place, "config.init_from")
        packed = source.suffix == WEIGHTS_SUFFIX
        saved = load_weights(source)[1] if packed else load_run(source).state
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
    progress = tqdm(
        desc=stage.name,
        total=stage.steps * images,
        initial=(int(state.step) - stage.start) * images,
        unit="images",
        unit_scale=True,
        mininterval=0.5 if sys.stderr.isatty() else 20,
    )
    pending, waited, clock = [], 0.0, time.perf_counter()
    step, batches = int(state.step), run.feed.batches(int(state.step), stage.end)
    with progress:
        while step < stage.end:
            count = min(run.config.steps_per_call, _to_next(stage, step, run.config.log_every))
            fetching = time.perf_counter()
            chunk = jax.device_put(list(itertools.islice(batches, count)))
            seconds = time.perf_counter() - fetching
            run.log.fetch_times += [1e3 * seconds / count] * count
            waited += seconds
            state, sums = update(state, run.feed.resident, chunk)  # returns at once
            pending.append(sums)
            run.after_step(state)
            step += count
            progress.update(count * images)
            if _due(stage, step, run.config.log_every):
                row = log_row(run, stage, step, jax.device_get(pending), waited, clock)
                progress.set_postfix_str(
                    f"loss {row['loss']:.3g}, input {row['timing']['input_wait']:.1%}", False
                )
                if _due(stage, step, run.config.evaluate_every):
                    row = evaluate_row(run, stage, state)
                    if _due(stage, step, run.config.checkpoint_every):
                        run.checkpoints.save(state, row)
                pending, waited, clock = [], 0.0, time.perf_counter()
    return state


def log_row(
    run: Run,
    stage: Stage,
    step: int,
    sums: list[dict[str, np.ndarray]],
    waited: float,
    clock: float,
) -> dict[str, Any]:
    """Writes the means of the metrics since the last row, which came at `clock`.

    Of the seconds since then, `waited` went by before batches were there.
    """
    steps = (step - stage.start - 1) % run.config.log_every + 1
    seconds = time.perf_counter() - clock
    row = {"step": step, "stage": stage.name}
    row |= {name: float(np.sum([s[name] for s in sums], dtype=float)) / steps for name in sums[0]}
    row["timing"] = {
        "step_ms": 1e3 * seconds / steps,
        "images_per_second": run.config.data.batch_size * len(DOMAINS) * steps / seconds,
        "fetch_ms": 1e3 * waited / steps,
        "input_wait": waited / seconds,
    }
    write_row(run, row)
    run.log.save_fetch_times()
    return row


def evaluate_row(run: Run, stage: Stage, state: TrainState) -> dict[str, Any]:
    """Evaluates the state on held-out images; writes the numbers and the sample grid."""
    views = run.evaluator.views.items()
    trained = [name for name, view in views if view.decoder in stage.train]
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


def _to_next(stage: Stage, step: int, interval: int) -> int:
    """Steps from one that is not due to the next that is."""
    return min(interval - (step - stage.start) % interval, stage.end - step)


def _shapes(tree: Any) -> Any:
    return jax.tree.map(np.shape, tree)
