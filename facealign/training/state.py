"""The networks of a run (code, never saved) and its state (data, saved in checkpoints)."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax

from facealign.errors import UserError, lookup
from facealign.geometry import face_window, matte_window, reader_window
from facealign.models import completion
from facealign.models.apply import NetState, Network, Tree, apply_network, init_network
from facealign.models.table import create_modules
from facealign.stages import Stage, roles_of
from facealign.training.optimizers import create_optimizer

# What a role sees, if not the photo: height, width and channels.
INPUTS = {
    "reader": (reader_window.SIZE, reader_window.SIZE, 3),
    "matte": (matte_window.SIZE, matte_window.SIZE, 3),
    "verifier": (face_window.SIZE, face_window.SIZE, 1),
    "completion": (*(completion.SIZE // 2 // completion.SHRINK,) * 2, completion.PLANES),
}
DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16, "float64": jnp.float64}


@flax.struct.dataclass
class TrainState:
    """Everything that a run changes; the content of a checkpoint."""

    step: jax.Array  # int32, number of updates so far
    nets: dict[str, NetState]  # by role, see `names.ROLES`


def create_networks(
    config: Any,
    stages: Sequence[Stage],
    stage: Stage | None = None,
    roles: tuple[str, ...] | None = None,
) -> dict[str, Network]:
    """The networks of a run, by role.

    Args:
      config: of the run.
      stages: of the run.
      stage: sets the learning rates and schedules; None: the first stage.
      roles: of the networks; None: all that the stages need.

    Raises:
      UserError: a config value that fits no network or optimizer.
    """
    dtype = lookup(DTYPES, config.model.dtype, "config.model.dtype")
    if dtype == jnp.float64 and not jax.config.jax_enable_x64:
        raise UserError(
            "config.model.dtype=float64 is off in JAX by default; "
            "set the environment variable JAX_ENABLE_X64=1, or choose float32"
        )
    stage, roles = stage or stages[0], roles or roles_of(stages)
    modules = create_modules(config, roles)
    begins = {role: each.start for each in reversed(stages) for role in each.train}
    return {
        role: Network(
            module=modules[role],
            optimizer=create_optimizer(config.optimizer, role, stage.learning_rate, stage.steps),
            ema_decay=config.optimizer.ema_decay[role],
            ema_start=begins.get(role, 0),
            dtype=dtype,
            remat=config.model.remat,
        )
        for role in roles
    }


def create_state(
    networks: Mapping[str, Network], key: jax.Array, image_size: int, channels: int = 1
) -> TrainState:
    """Fresh weights for every role, for images [B, image_size, image_size, channels]."""
    image = jnp.zeros((1, image_size, image_size, channels))
    keys = dict(zip(networks, jax.random.split(key, len(networks)), strict=True))
    nets, code = {}, None
    for role, network in networks.items():  # the encoder comes before decoders
        x = input_of(role, image, code)
        nets[role] = init_network(network, keys[role], x)
        if role == "encoder":
            code = jax.eval_shape(partial(apply_network, network), nets[role], image)
            code = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), code)
    return TrainState(step=jnp.zeros((), jnp.int32), nets=nets)


def input_of(role: str, image: Any, code: Any) -> Any:
    """What the network of a role takes: the image, its code, or one of INPUTS; as shapes."""
    if role in INPUTS:
        return jnp.zeros((1, *INPUTS[role]))
    return code if takes_code(role) else image


def takes_code(role: str) -> bool:
    """Whether the network of a role takes a code; all others take images."""
    return role.startswith(("decoder", "code"))


def update_networks(
    networks: Mapping[str, Network],
    state: TrainState,
    gradients: Mapping[str, Tree],
    batch_stats: Mapping[str, Tree],
) -> TrainState:
    """One optimizer step for each role with a gradient; all other roles stay as they are."""
    nets = dict(state.nets)
    for role, gradient in gradients.items():
        net, network = state.nets[role], networks[role]
        updates, opt_state = network.optimizer.update(gradient, net.opt_state, net.params)
        params = optax.apply_updates(net.params, updates)
        ema = net.ema
        if network.ema_decay:
            # Shorter at first; otherwise a short run's average would be mostly initial weights.
            age = state.step - network.ema_start
            decay = jnp.minimum(network.ema_decay, (1.0 + age) / (10.0 + age))
            ema = optax.incremental_update(params, net.ema, 1 - decay)
        nets[role] = NetState(params, batch_stats.get(role, net.batch_stats), opt_state, ema)
    return TrainState(step=state.step + 1, nets=nets)


def reset_optimizers(
    networks: Mapping[str, Network], state: TrainState, roles: tuple[str, ...]
) -> TrainState:
    """Fresh optimizer states for these roles, so that a stage starts its schedules anew."""
    nets = dict(state.nets)
    for role in roles:
        nets[role] = nets[role].replace(opt_state=networks[role].optimizer.init(nets[role].params))
    return state.replace(nets=nets)


def averaged(state: TrainState) -> TrainState:
    """The state to evaluate: weights replaced by their moving average where there is one."""
    nets = {role: net.replace(params=net.ema or net.params) for role, net in state.nets.items()}
    return state.replace(nets=nets)
