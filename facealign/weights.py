"""Networks to give away: their weights in half precision and their config, in one file.

A safetensors file, which holds arrays and text and can run nothing when it is opened.
"""

import json
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from etils import epath
from flax import traverse_util
from ml_collections import ConfigDict
from safetensors import SafetensorError, numpy

from facealign.errors import UserError
from facealign.paths import write_whole
from facealign.train_state import NetState, TrainState, averaged

ROLES = ("encoder", "decoder_r")  # that frontal photos need


def save_weights(path: epath.Path, config: ConfigDict, state: TrainState) -> None:
    """Writes the averaged weights and the statistics of `ROLES` as float16, and the config."""
    nets = averaged(state).nets
    arrays = {
        name: np.asarray(leaf, np.float16)
        for role in ROLES
        for name, leaf in _flat(role, nets[role]).items()
    }
    own = ConfigDict(json.loads(config.to_json()))
    own.data.data_dir = own.data.manual_dir = own.init_from = ""  # of the machine that trained it
    about = {"config": own.to_json(), "step": str(int(state.step))}
    write_whole(path, numpy.save(arrays, metadata=about))


def load_weights(path: epath.Path) -> tuple[ConfigDict, TrainState]:
    """The config and the state, as float32 and without optimizers, of a file of `save_weights`.

    Raises:
      UserError: no such file, a damaged one, or one of something else.
    """
    try:
        content = path.read_bytes()
        arrays = numpy.load(content)
        about = _metadata(content)
        config = ConfigDict(json.loads(about["config"]))
        nets = {role: _net(arrays, role) for role in ROLES}
    except OSError as error:
        raise UserError(f"cannot read the weights {path}: {error}") from error
    except (SafetensorError, KeyError, ValueError) as error:
        raise UserError(
            f"{path} holds no weights of facealign, or is damaged ({error}); get it once more"
        ) from error
    return config, TrainState(step=np.int32(about["step"]), nets=nets)


def _flat(role: str, net: NetState) -> dict[str, Any]:
    tree = {role: {"params": net.params, "batch_stats": net.batch_stats}}
    return traverse_util.flatten_dict(tree, sep="/")


def _net(arrays: Mapping[str, np.ndarray], role: str) -> NetState:
    own = {name: array for name, array in arrays.items() if name.startswith(f"{role}/")}
    tree = traverse_util.unflatten_dict(own, sep="/")[role]
    tree = jax.tree.map(lambda leaf: leaf.astype(np.float32), tree)
    return NetState(tree["params"], tree.get("batch_stats", {}), opt_state={}, ema={})


def _metadata(content: bytes) -> dict[str, str]:
    """The text of a safetensors file: 8 bytes say how long its JSON header is."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length])["__metadata__"]
