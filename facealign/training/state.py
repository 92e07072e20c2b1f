"""Networks (code, never saved) and their states (data, a checkpoint). All Flax calls on both."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from facealign.errors import UserError, lookup
from facealign.models.table import create_modules
from facealign.stages import Stage, create_stages
from facealign.training.optimizers import create_optimizer

Tree = Any  # a nested dict of arrays
DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16, "float64": jnp.float64}


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


@flax.struct.dataclass
class TrainState:
    """All that a run changes, and all that a checkpoint holds."""

    step: jax.Array  # int32, updates so far
    nets: dict[str, NetState]  # by role, of `roles.ROLES`


def create_networks(config: Any, roles: tuple[str, ...], stage: Stage) -> dict[str, Network]:
    """The network of each role, with the optimizer that it has in this stage.

    Raises:
      UserError: a config value that no network can be made from.
    """
    dtype = lookup(DTYPES, config.model.dtype, "config.model.dtype")
    if dtype == jnp.float64 and not jax.config.jax_enable_x64:
        raise UserError(
            "config.model.dtype=float64 is not what JAX computes in by itself; "
            "set the environment variable JAX_ENABLE_X64=1, or choose float32"
        )
    modules = create_modules(config, roles)
    begins = {role: each.start for each in reversed(create_stages(config)) for role in each.train}
    return {
        role: Network(
            module=modules[role],
            optimizer=create_optimizer(
                config.optimizer,
                stage.learning_rate * config.optimizer.learning_rate_scale[role],
                stage.steps,
            ),
            ema_decay=config.optimizer.ema_decay[role],
            ema_start=begins.get(role, 0),
            dtype=dtype,
            remat=config.model.get("remat", False),  # packed weights of before have no such value
        )
        for role in roles
    }


def create_state(networks: Mapping[str, Network], key: jax.Array, image_size: int) -> TrainState:
    """Fresh weights for every role. Images are [B, image_size, image_size, 1]."""
    image = jnp.zeros((1, image_size, image_size, 1))
    keys = dict(zip(networks, jax.random.split(key, len(networks)), strict=True))
    nets, code = {}, None
    for role, network in networks.items():  # the encoder comes before decoders
        x = code if takes_code(role) else image
        nets[role] = init_network(network, keys[role], x)
        if role == "encoder":
            code = jax.eval_shape(partial(apply_network, network), nets[role], image)
            code = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), code)
    return TrainState(step=jnp.zeros((), jnp.int32), nets=nets)


def takes_code(role: str) -> bool:
    """Whether the network of a role is applied to a code; all others are applied to images."""
    return role.startswith(("decoder", "code"))


def init_network(network: Network, key: jax.Array, x: Tree) -> NetState:
    """A fresh state for a network that is applied to x."""
    variables = _cast(network.module.init(key, x, train=False), _outside(network))
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

    return _cast(_again(network, apply)(params, x), _outside(network))


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

    output, changed = _again(network, apply)(params, x)
    output, penalties = _cast((output, changed.get("penalties", {})), _outside(network))
    penalties = flax.traverse_util.flatten_dict(penalties)
    return output, changed.get("batch_stats", {}), {path[-1]: p for path, p in penalties.items()}


def _again(network: Network, apply: Callable) -> Callable:
    return jax.checkpoint(apply) if network.remat else apply


def _outside(network: Network) -> Any:
    """The dtype of what a network hands on: its own, and float32 at least."""
    return jnp.promote_types(network.dtype, jnp.float32)


def _cast(tree: Tree, dtype: Any) -> Tree:
    return jax.tree.map(lambda leaf: leaf.astype(dtype), tree)


def update_networks(
    networks: Mapping[str, Network],
    state: TrainState,
    gradients: Mapping[str, Tree],
    batch_stats: Mapping[str, Tree],
) -> TrainState:
    """One optimizer step for each role that has a gradient; all other roles stay as they are."""
    nets = dict(state.nets)
    for role, gradient in gradients.items():
        net, network = state.nets[role], networks[role]
        updates, opt_state = network.optimizer.update(gradient, net.opt_state, net.params)
        params = optax.apply_updates(net.params, updates)
        ema = net.ema
        if network.ema_decay:
            # Faster in the first steps, or a short run would mostly be its initial weights.
            age = state.step - network.ema_start
            decay = jnp.minimum(network.ema_decay, (1.0 + age) / (10.0 + age))
            ema = optax.incremental_update(params, net.ema, 1 - decay)
        nets[role] = NetState(params, batch_stats.get(role, net.batch_stats), opt_state, ema)
    return TrainState(step=state.step + 1, nets=nets)


def reset_optimizers(
    networks: Mapping[str, Network], state: TrainState, roles: tuple[str, ...]
) -> TrainState:
    """Fresh optimizer states for these roles: every stage starts its schedules from the front."""
    nets = dict(state.nets)
    for role in roles:
        nets[role] = nets[role].replace(opt_state=networks[role].optimizer.init(nets[role].params))
    return state.replace(nets=nets)


def averaged(state: TrainState) -> TrainState:
    """The state to evaluate: weights replaced by their moving average where there is one."""
    nets = {role: net.replace(params=net.ema or net.params) for role, net in state.nets.items()}
    return state.replace(nets=nets)
