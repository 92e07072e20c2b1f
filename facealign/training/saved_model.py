"""Loads a trained model from a workdir or from a file of packed weights."""

import os
from typing import NamedTuple

import jax
import numpy as np
from etils import epath
from ml_collections import ConfigDict

from facealign.errors import UserError
from facealign.models.apply import Network
from facealign.models.packed_weights import SUFFIX, load_weights
from facealign.paths import open_path
from facealign.stages import Stage, create_stages
from facealign.training.checkpoints import Checkpoints
from facealign.training.state import TrainState, create_networks, create_state
from facealign.workdir.config import load_config


class SavedModel(NamedTuple):
    """A model at one step of its run."""

    name: str  # for people: network, workdir or file, step
    config: ConfigDict
    stages: tuple[Stage, ...]
    networks: dict[str, Network]  # by role, with the optimizers of the first stage
    state: TrainState


def load_model(path: os.PathLike | str, step: int = 0, where: str = "--checkpoint") -> SavedModel:
    """Loads the model of a workdir or of a file of packed weights.

    Args:
      path: of the workdir or the file.
      step: of a workdir's checkpoint; 0 is the newest.
      where: the flag or config field that names the path.

    Raises:
      UserError: no such weights or run, no checkpoint of that step, or no intact one.
    """
    place = open_path(os.fspath(path), where)
    if place.suffix != SUFFIX:
        return load_run(place, step)
    if step:
        raise UserError(f"--step={step} is for a workdir, and {place} is no workdir; leave it out")
    packed = load_weights(place)
    stages = create_stages(packed.config)
    networks = create_networks(packed.config, stages, roles=tuple(packed.nets))
    state = TrainState(step=np.int32(packed.step), nets=packed.nets)
    return SavedModel(_name(packed.config, place, state), packed.config, stages, networks, state)


def check_crops(config: ConfigDict, where: str) -> None:
    """Checks that a model takes gray canonical crops, which portraits are made of and judged on.

    Raises:
      UserError: it takes something else; the message starts with `where`.
    """
    data = config.data
    if (data.channels, data.frame) != (1, "canonical"):
        raise UserError(
            f"{where}: its model takes images of config.data.channels={data.channels} and "
            f"config.data.frame={data.frame!r}; portraits are made and judged with models of "
            "gray canonical crops (1, 'canonical'): train one, or look at the run's report.md"
        )


def load_run(workdir: epath.Path, step: int = 0) -> SavedModel:
    """Loads the model of a workdir from the checkpoint of a step; step 0 is the newest.

    Raises:
      UserError: no run, no checkpoint of that step, or no intact one.
    """
    config = load_config(workdir)
    stages = create_stages(config)
    try:
        networks = create_networks(config, stages)
    except AttributeError as error:  # ConfigDict raises it for a missing value
        raise UserError(
            f"{workdir / 'config.json'} lacks {error}; add the value that configs/base.py has"
        ) from error
    data, key = config.data, jax.random.key(0)
    like = jax.eval_shape(lambda: create_state(networks, key, data.image_size, data.channels))
    with Checkpoints(workdir) as checkpoints:
        state = checkpoints.restore(like, step)
    if state is None:
        raise UserError(f"{workdir} has no checkpoint yet; let its training go on first")
    return SavedModel(_name(config, workdir, state), config, stages, networks, state)


def _name(config: ConfigDict, path: epath.Path, state: TrainState) -> str:
    return f"{config.model.name} of {path.name}, step {int(state.step)}"
