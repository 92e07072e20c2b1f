"""What is made of a config before anything is written: data, networks, steps, devices."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import logging
from jax.sharding import Mesh
from ml_collections import ConfigDict

from facealign.data.batches import Feed, create_feed
from facealign.data.load import Examples, load_data
from facealign.data.rotated_pairs import create_views, for_device, with_turned
from facealign.errors import UserError
from facealign.names import DOMAINS
from facealign.parallel import processes
from facealign.parallel.sharding import create_mesh, everywhere, own_rows, split_rows
from facealign.paths import cache_folder, open_path
from facealign.stages import OF_TURNED, Stage, create_stages, learns, roles_of
from facealign.training.checkpoints import load_run
from facealign.training.compiled_step import Update, accumulate, make_update, recording
from facealign.training.evaluator import Evaluator, take
from facealign.training.packed_weights import SUFFIX as WEIGHTS_SUFFIX
from facealign.training.packed_weights import load_weights
from facealign.training.recognizer_check import choose_people
from facealign.training.state import Network, TrainState, create_networks, create_state
from facealign.training.steps.table import create_step
from facealign.workdir.config import PLACES, check_numbers, flatten


class Experiment(NamedTuple):
    """All that a run works with and never writes."""

    config: ConfigDict
    mesh: Mesh
    stages: tuple[Stage, ...]
    networks: list[dict[str, Network]]  # of each stage
    updates: list[Update]  # of each stage
    init: Callable[[], TrainState]  # the state that a run begins with
    like: TrainState  # its shapes
    data: Mapping[str, Examples]  # to train on
    feed: Feed
    evaluator: Evaluator
    read_seconds: float  # that reading all photos took


def create_experiment(config: ConfigDict) -> Experiment:
    """Reads the data, and traces every step, so that mistakes show before any work.

    Raises:
      UserError: whatever in a config cannot be.
    """
    check_numbers(config)
    values = {name: value for name, value in flatten(config).items() if name not in PLACES}
    processes.must_match("configs", repr(values).encode())
    mesh = create_mesh(config)
    stages = create_stages(config)
    networks = [create_networks(config, roles_of(stages), stage) for stage in stages]
    init_key, train_key = jax.random.split(jax.random.key(config.seed))
    fresh = partial(create_state, networks[0], image_size=config.data.image_size)
    like = jax.eval_shape(fresh, init_key)

    reading = time.perf_counter()
    data, strangers = processes.in_turns(
        lambda: [load_data(config.data, split) for split in ("train", "validation")]
    )
    for domain in DOMAINS:
        processes.must_match(f"{domain} photos", data[domain]["file_name"].view(np.uint8))
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
    for stage, update in zip(stages, updates, strict=True):
        try:
            jax.eval_shape(update, like, feed.resident, first)
        except UserError as error:
            raise UserError(f"config.stages.{stage.name}: {error}") from error

    def init() -> TrainState:
        # Runs once, so that compiling it quickly matters more than running it quickly.
        options = {"xla_backend_optimization_level": 1} if jax.default_backend() == "cpu" else {}
        return take_networks(config, jax.jit(fresh, compiler_options=options)(init_key))

    evaluator = Evaluator(config, networks[0], data, held_out)
    return Experiment(
        config, mesh, stages, networks, updates, init, like, data, feed, evaluator, read_seconds
    )


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
        if _shapes((old.params, old.batch_stats)) != _shapes((new.params, new.batch_stats)):
            raise UserError(
                f"the {role} of {origin[role]} has other shapes than this config's; choose "
                "the same config.model and config.data.image_size"
            )
        logging.info("took the %s of %s", role, origin[role])
        params, batch_stats = jax.tree.map(
            lambda ours, theirs: np.asarray(theirs, ours.dtype),
            (old.params, old.batch_stats),
            (new.params, new.batch_stats),
        )
        ema = jax.tree.map(np.copy, params) if old.ema else {}
        nets[role] = old.replace(params=params, batch_stats=batch_stats, ema=ema)
    return state.replace(nets=nets)


def _shapes(tree: Any) -> Any:
    return jax.tree.map(np.shape, tree)
