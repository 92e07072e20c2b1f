"""Steps on images of 32 px: the networks and the fresh state of a tiny config, and a batch."""

import jax
import jax.numpy as jnp

from facealign.stages import create_stages
from facealign.training.state import create_networks, create_state

SIZE = 32


_STATES = {}  # of networks that were asked for: compiling one takes as long as compiling a step


def setup(config, number):
    """A stage by its number, its networks, and a fresh state, which no step changes."""
    stages = create_stages(config)
    networks = create_networks(config, stages, stages[number])
    return stages[number], networks, fresh_state(networks)


def fresh_state(networks, size=SIZE):
    """What `create_state` makes; made once for networks that differ in learning rates alone."""
    key = [size, jax.config.jax_enable_x64]
    for role, net in networks.items():
        key += [role, net.module, net.dtype == jnp.float64, net.ema_decay > 0]
    key = tuple(key)
    if key not in _STATES:
        create = jax.jit(lambda key: create_state(networks, key, size))
        _STATES[key] = create(jax.random.key(0))
    return _STATES[key]


def random_batch(seed=1, size=4):
    keys = jax.random.split(jax.random.key(seed))
    return {
        domain: jax.random.uniform(key, (size, SIZE, SIZE, 1), minval=-1)
        for domain, key in zip(("unrestricted", "restricted"), keys, strict=True)
    }


def only_terms(step):
    """A step without its new state, compiled in a fraction of the time."""
    return jax.jit(lambda state, batch, key: step(state, batch, key)[1])
