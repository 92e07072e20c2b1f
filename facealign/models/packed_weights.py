"""Networks to give away: their weights in half precision and their config, in one file.

A safetensors file, which holds arrays and text and can run nothing when it is opened.
"""

import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from etils import epath
from flax import traverse_util
from ml_collections import ConfigDict
from safetensors import SafetensorError, numpy, safe_open

from facealign.errors import UserError
from facealign.models.apply import NetState
from facealign.paths import shipped, write_whole
from facealign.workdir.config import complete

SUFFIX = ".safetensors"
SHIPPED = shipped("frontalize.safetensors")
KEPT = ("encoder", "decoder_r")  # roles that frontal photos need


class PackedWeights(NamedTuple):
    """What a file of weights holds."""

    config: ConfigDict  # of the run that trained them
    step: int  # of that run
    nets: dict[str, NetState]  # of `KEPT`, float32, without optimizers


def save_weights(
    path: epath.Path, config: ConfigDict, step: int, nets: Mapping[str, NetState]
) -> None:
    """Writes params and statistics of the roles `KEPT` as float16, and the config.

    Raises:
      UserError: a role is missing, or a number is too large for half precision, or none.
    """
    if not set(KEPT) <= set(nets):
        raise UserError(f"a run of {', '.join(nets)} has nothing to make frontal photos with")
    with np.errstate(over="ignore"):  # it is looked for
        arrays = {
            name: np.asarray(leaf, np.float16)
            for role in KEPT
            for name, leaf in _flatten(role, nets[role]).items()
        }
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise UserError(f"{name} of step {step} has a number that half precision cannot hold")
    own = ConfigDict(json.loads(config.to_json()))
    own.data.data_dir = own.data.manual_dir = own.init_from = ""  # of the machine that trained it
    about = {"config": own.to_json(), "step": str(step)}
    write_whole(path, numpy.save(arrays, metadata=about))


def load_weights(path: os.PathLike) -> PackedWeights:
    """What a file of `save_weights` holds.

    Raises:
      UserError: no such file, a damaged one, or one of something else.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            arrays, about = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()
        config = complete(ConfigDict(json.loads(about["config"])))
        nets = {role: _unflatten(role, arrays) for role in KEPT}
        return PackedWeights(config, int(about["step"]), nets)
    except OSError as error:
        raise UserError(f"cannot read the weights {path}: {error}") from error
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} holds no weights of facealign, or is damaged ({error}); get it once more"
        ) from error


def _flatten(role: str, net: NetState) -> dict[str, Any]:
    """ROLE/params/... -> array."""
    tree = {role: {"params": net.params, "batch_stats": net.batch_stats}}
    return traverse_util.flatten_dict(tree, sep="/")


def _unflatten(role: str, arrays: Mapping[str, np.ndarray]) -> NetState:
    own = {name: array for name, array in arrays.items() if name.startswith(f"{role}/")}
    tree = traverse_util.unflatten_dict(own, sep="/")[role]
    tree = jax.tree.map(lambda leaf: leaf.astype(np.float32), tree)
    return NetState(tree["params"], tree.get("batch_stats", {}), opt_state={}, ema={})
