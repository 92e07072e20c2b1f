"""A network in two halves, code and state, and how it is applied. All Flax calls on both."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

Tree = Any  # a nested dict of arrays


class Network(NamedTuple):
    """The fixed half of a network: closed over by a step, never traced, never saved."""

    module: nn.Module
    optimizer: optax.GradientTransformation
    ema_decay: float = 0.0  # of the moving average of the weights, a step, at most; 0 keeps none
    ema_start: int = 0  # step of the run at which the weights begin to move
    dtype: Any = jnp.float32  # that it computes in; parameters, statistics and outputs are float32
    remat: bool = False  # what is inside is computed again for the gradient, instead of being kept


@flax.struct.dataclass
class NetState:
    """The moving half of a network."""

    params: Tree
    batch_stats: Tree  # {} for a network without batch normalization
    opt_state: Tree
    ema: Tree  # moving average of params, or {}


def init_network(network: Network, key: jax.Array, x: Tree) -> NetState:
    """A fresh state for a network that is applied to x."""
    variables = _cast(network.module.init(key, x, train=False), _output_dtype(network))
    params = variables.get("params", {})
    return NetState(
        params=params,
        batch_stats=variables.get("batch_stats", {}),
        opt_state=network.optimizer.init(params),
        # A copy, since a step may not be given one buffer twice when its arguments are donated.
        ema=jax.tree.map(jnp.copy, params) if network.ema_decay else {},
    )


def apply_network(network: Network, net: NetState, x: Tree) -> Tree:
    """The network's output for x as in use: running statistics, no randomness, nothing changed."""
    params, x = _cast((net.params, x), network.dtype)

    def apply(params: Tree, x: Tree) -> Tree:
        variables = {"params": params, "batch_stats": net.batch_stats}
        return network.module.apply(variables, x, train=False)

    return _cast(_maybe_remat(network, apply)(params, x), _output_dtype(network))


def train_network(
    network: Network, params: Tree, batch_stats: Tree, x: Tree, key: jax.Array
) -> tuple[Tree, Tree, dict[str, jax.Array]]:
    """The network's output for x as in training.

    Returns:
      The output, the new running statistics, and the penalties [B] by name that the network asks
      to be added to its loss (a variational code's "kl").
    """
    params, x = _cast((params, x), network.dtype)

    def apply(params: Tree, x: Tree) -> tuple[Tree, Any]:
        return network.module.apply(
            {"params": params, "batch_stats": batch_stats},
            x,
            train=True,
            rngs={"sample": key},
            mutable=["batch_stats", "penalties"],
        )

    output, changed = _maybe_remat(network, apply)(params, x)
    output, penalties = _cast((output, changed.get("penalties", {})), _output_dtype(network))
    penalties = flax.traverse_util.flatten_dict(penalties)
    return output, changed.get("batch_stats", {}), {path[-1]: p for path, p in penalties.items()}


def _maybe_remat(network: Network, apply: Callable) -> Callable:
    return jax.checkpoint(apply) if network.remat else apply


def _output_dtype(network: Network) -> Any:
    """The dtype of what a network hands on: its own, and float32 at least."""
    return jnp.promote_types(network.dtype, jnp.float32)


def _cast(tree: Tree, dtype: Any) -> Tree:
    return jax.tree.map(lambda leaf: leaf.astype(dtype), tree)
