"""Packed weights: the networks of a run in half precision and its config, in one file.

The format is safetensors, which holds only arrays and text. Opening a file cannot run code.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
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
KEPT = ("encoder", "decoder_r")  # roles of the networks that make frontal photos
PURPOSES = (
    KEPT,
    ("reader",),
    ("matte",),
    ("detector", "verifier"),
    ("completion",),
)  # roles that are packed together; the first that a run has


class PackedWeights(NamedTuple):
    """The content of a file of packed weights."""

    config: ConfigDict  # of the run that trained the networks
    step: int  # of that run
    nets: dict[str, NetState]  # float32, without optimizer states


def save_weights(
    path: epath.Path, config: ConfigDict, step: int, nets: Mapping[str, NetState]
) -> None:
    """Writes params and batch_stats of the roles of one of PURPOSES as float16, and the config.

    Raises:
      UserError: a role is missing, or a number is too large for half precision or not finite.
    """
    roles = next((roles for roles in PURPOSES if set(roles) <= set(nets)), None)
    if roles is None:
        raise UserError(
            f"a run of only {', '.join(nets)} can neither make frontal photos, nor read heads, "
            "nor cut people out, nor find faces, nor mend portraits"
        )
    with np.errstate(over="ignore"):  # overflows are found below
        arrays = {
            name: np.asarray(leaf, np.float16)
            for role in roles
            for name, leaf in _flatten(role, nets[role]).items()
        }
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise UserError(f"{name} of step {step} has a number that half precision cannot hold")
    own = ConfigDict(json.loads(config.to_json()))
    own.data.data_dir = own.data.manual_dir = own.init_from = ""  # paths of the training machine
    about = {"config": own.to_json(), "step": str(step)}
    write_whole(path, numpy.save(arrays, metadata=about))


def digest(path: os.PathLike | str) -> str:
    """Eight hex digits of a file's content, which tell weights apart."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:8]


def load_weights(path: os.PathLike) -> PackedWeights:
    """Reads a file that `save_weights` wrote.

    Raises:
      UserError: the file is missing, damaged, or holds something else.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            arrays, about = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()
        config = complete(ConfigDict(json.loads(about["config"])))
        roles = dict.fromkeys(name.split("/")[0] for name in arrays)
        nets = {role: _unflatten(role, arrays) for role in roles}
        return PackedWeights(config, int(about["step"]), nets)
    except OSError as error:
        raise UserError(f"cannot read the weights {path}: {error}") from error
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is damaged or holds no weights of facealign ({error}); download it again"
        ) from error


def _flatten(role: str, net: NetState) -> dict[str, Any]:
    """The arrays of a role by their names in the file, ROLE/params/... or ROLE/batch_stats/..."""
    tree = {role: {"params": net.params, "batch_stats": net.batch_stats}}
    return traverse_util.flatten_dict(tree, sep="/")


def _unflatten(role: str, arrays: Mapping[str, np.ndarray]) -> NetState:
    own = {name: array for name, array in arrays.items() if name.startswith(f"{role}/")}
    tree = traverse_util.unflatten_dict(own, sep="/")[role]
    tree = jax.tree.map(lambda leaf: leaf.astype(np.float32), tree)
    return NetState(tree["params"], tree.get("batch_stats", {}), opt_state={}, ema={})


def load_net(path: os.PathLike, role: str) -> NetState:
    """The network of one role in a file of packed weights.

    Raises:
      UserError: as in `load_weights`, or the file holds other networks.
    """
    nets = load_weights(path).nets
    if role not in nets:
        raise UserError(f"{path} holds {', '.join(nets)} and no {role}; choose other weights")
    return nets[role]
