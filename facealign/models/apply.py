"""A network as code (`Network`) and state (`NetState`); the Flax calls that create and apply it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

Tree = Any  # a nested dict of arrays


class Network(NamedTuple):
    """The fixed half of a network. Train steps close over it; it is never traced or saved."""

    module: nn.Module
    optimizer: optax.GradientTransformation
    ema_decay: float = 0.0  # largest decay per step of the weights' moving average; 0: no average
    ema_start: int = 0  # step of the run at which training of the weights starts
    dtype: Any = jnp.float32  # of the computation; parameters, statistics and outputs are float32
    remat: bool = False  # recompute activations for the gradient instead of storing them


@flax.struct.dataclass
class NetState:
    """The half of a network that training changes."""

    params: Tree
    batch_stats: Tree  # {} for a network without batch normalization
    opt_state: Tree
    ema: Tree  # moving average of params, or {}


def init_network(network: Network, key: jax.Array, x: Tree) -> NetState:
    """A fresh state of a network for inputs with the shapes of x."""

    @jax.jit  # operation by operation, a hundred programs would be compiled
    def create(key: jax.Array, x: Tree) -> NetState:
        variables = _cast(network.module.init(key, x, train=False), _output_dtype(network))
        params = variables.get("params", {})
        return NetState(
            params=params,
            batch_stats=variables.get("batch_stats", {}),
            opt_state=network.optimizer.init(params),
            # A copy, since JAX cannot donate the same buffer twice.
            ema=jax.tree.map(jnp.copy, params) if network.ema_decay else {},
        )

    return create(key, x)


def apply_network(network: Network, net: NetState, x: Tree) -> Tree:
    """The network's output for x in inference: running statistics, no randomness, no new state."""
    params, x = _cast((net.params, x), network.dtype)

    def apply(params: Tree, x: Tree) -> Tree:
        variables = {"params": params, "batch_stats": net.batch_stats}
        return network.module.apply(variables, x, train=False)

    return _cast(_maybe_remat(network, apply)(params, x), _output_dtype(network))


def train_network(
    network: Network, params: Tree, batch_stats: Tree, x: Tree, key: jax.Array
) -> tuple[Tree, Tree, dict[str, jax.Array]]:
    """The network's output for x in training: statistics of the batch, random numbers from key.

    Returns:
      The output, the new running statistics, and by name the penalties [B] that the network adds
      to its loss, such as "kl" of a variational code.
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
    """The dtype of outputs and statistics: that of the network, but at least float32."""
    return jnp.promote_types(network.dtype, jnp.float32)


def _cast(tree: Tree, dtype: Any) -> Tree:
    return jax.tree.map(lambda leaf: leaf.astype(dtype), tree)
