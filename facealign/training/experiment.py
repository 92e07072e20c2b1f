"""Builds all parts of a run from its config, before anything is written."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import logging
from jax.sharding import Mesh
from ml_collections import ConfigDict

from facealign.data.batches import Batches, create_batches
from facealign.data.load import Examples, load_data, take
from facealign.data.rotated_pairs import create_views, for_device, with_rotated
from facealign.errors import UserError, check_choice
from facealign.models.apply import Network
from facealign.names import DOMAINS
from facealign.parallel import processes
from facealign.parallel.sharding import create_mesh, everywhere, own_rows, split_rows, whole
from facealign.paths import cache_folder
from facealign.stages import OBJECTIVES, Stage, create_stages, has_objective, sees_rotated
from facealign.training.compiled_step import CompiledStep, accumulate, compile_step, recording
from facealign.training.evaluator import Evaluator
from facealign.training.recognizer_check import choose_people
from facealign.training.saved_model import load_model
from facealign.training.state import TrainState, create_networks, create_state
from facealign.training.steps.table import check_stage, create_step
from facealign.workdir.config import PLACES, check_numbers, flatten


class Experiment(NamedTuple):
    """The parts of a run that are never saved."""

    config: ConfigDict
    mesh: Mesh
    stages: tuple[Stage, ...]
    networks: list[dict[str, Network]]  # one dict per stage, by role
    steps: list[CompiledStep]  # one per stage
    init: Callable[[], TrainState]  # makes the initial state
    like: TrainState  # shapes of the state
    data: Mapping[str, Examples]  # training examples by domain
    batches: Batches
    evaluator: Evaluator
    read_seconds: float  # time that reading all photos took


def create_experiment(config: ConfigDict) -> Experiment:
    """Reads the data and traces every step, so that errors show before training.

    Raises:
      UserError: a config value that cannot work.
    """
    check_numbers(config)
    values = {name: value for name, value in flatten(config).items() if name not in PLACES}
    processes.must_match("configs", repr(values).encode())
    mesh = create_mesh(config)
    stages = create_stages(config)
    for stage in stages:
        check_stage(config, stage)  # before photos are read, which may take long
    networks = [create_networks(config, stages, stage) for stage in stages]
    init_key, train_key = jax.random.split(jax.random.key(config.seed))
    shape = {"image_size": config.data.image_size, "channels": config.data.channels}
    fresh = _jit_once(partial(create_state, networks[0], **shape))
    like = jax.eval_shape(fresh, init_key)

    reading = time.perf_counter()
    data, held_out = _read_data(config)
    read_seconds = time.perf_counter() - reading
    batches = create_batches(data, config, stages, own_rows(mesh, config.data.batch_size))
    people = choose_people(held_out["unrestricted"]) if has_objective(stages, "recognize") else None
    held_out = take(held_out, config.evaluate_examples)
    if sees_rotated(stages):
        views = processes.first_then_others(lambda: create_views(cache_folder()))
        data, held_out = (with_rotated(part, views, config.seed) for part in (data, held_out))
        batches = batches._replace(resident=batches.resident | {"views": for_device(views)})
    batches = batches._replace(resident=everywhere(mesh, batches.resident))
    steps = [
        create_compiled_step(config, mesh, nets, stage, train_key)
        for nets, stage in zip(networks, stages, strict=True)
    ]
    first = [split_rows(mesh, next(batches.of_steps(0, 1)))]
    placed = jax.tree.map(lambda leaf: leaf.update(sharding=whole(mesh)), like)
    for stage, step in zip(stages, steps, strict=True):
        try:  # with the state's own sharding, so that the first step needs no second trace
            jax.eval_shape(step, placed, batches.resident, first)
        except UserError as error:
            raise UserError(f"config.stages.{stage.name}: {error}") from error

    def init() -> TrainState:
        return take_networks(config, fresh(init_key))

    evaluator = Evaluator(config, networks[0], data, held_out, people)
    check_choice(config.best_metric, evaluator.best_metrics, "config.best_metric")
    return Experiment(
        config, mesh, stages, networks, steps, init, like, data, batches, evaluator, read_seconds
    )


def _jit_once(function: Callable) -> Callable:
    """Jits what runs once, so that compile time matters more than run time."""
    optimizes = not jax.config.values["jax_disable_most_optimizations"]
    level = {"xla_backend_optimization_level": 1}
    options = level if optimizes and jax.default_backend() == "cpu" else {}
    return jax.jit(function, compiler_options=options)


def create_compiled_step(
    config: ConfigDict, mesh: Mesh, networks: dict[str, Network], stage: Stage, key: jax.Array
) -> CompiledStep:
    """The jitted step of a stage, with the config's accumulation and mesh.

    Raises:
      UserError: as in `create_step`.
    """
    if config.accumulate == 1:
        step = create_step(config, networks, stage)
    else:
        step = create_step(config, recording(networks), stage)
        step = accumulate(step, networks, config.accumulate)
    return compile_step(step, config.augment, key, OBJECTIVES[stage.objective].rotated, mesh)


def _read_data(config: ConfigDict) -> tuple[dict[str, Examples], dict[str, Examples]]:
    """The training and the validation examples, the same in all processes."""
    data, held_out = processes.first_then_others(
        lambda: [load_data(config.data, split) for split in ("train", "validation")]
    )
    for domain in DOMAINS:
        processes.must_match(f"{domain} photos", data[domain]["file_name"].view(np.uint8))
    return data, held_out


def take_networks(config: ConfigDict, state: TrainState) -> TrainState:
    """The state with the networks of `config.init_from`: from runs or from packed weights.

    If several sources have a network, the last one is used.

    Raises:
      UserError: an unknown source, a role that is missing on either side, or other shapes.
    """
    if not config.init_from:
        return state
    nets, found, origin = dict(state.nets), {}, {}
    for place in config.init_from.split("+"):
        saved = load_model(place, where="config.init_from").state
        found |= saved.nets
        origin |= dict.fromkeys(saved.nets, f"step {saved.step} of {place}")
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
                f"the {role} of {origin[role]} has other shapes than this config's; use the same "
                "config.model and config.data.image_size"
            )
        logging.info("loaded the %s of %s", role, origin[role])
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
