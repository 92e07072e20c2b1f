"""Steps on images of 32 px: the networks and the fresh state of a tiny config, and a batch."""

import functools
import json

import jax
import numpy as np
from ml_collections import ConfigDict

from facealign.stages import create_stages
from facealign.training.state import create_networks, create_state

SIZE = 32


def setup(config, number):
    """A stage by its number, its networks, and a fresh state, which no step changes."""
    stages = create_stages(config)
    networks = create_networks(config, stages, stages[number])
    return stages[number], networks, _fresh_state(config.to_json(), jax.config.jax_enable_x64)


@functools.cache  # compiled once for tests of one config; it takes as long as compiling a step
def _fresh_state(config_json, double):
    del double  # which types a state has
    config = ConfigDict(json.loads(config_json))
    networks = create_networks(config, create_stages(config))
    return jax.jit(lambda key: create_state(networks, key, SIZE))(jax.random.key(0))


def random_batch(seed=1, size=4):
    keys = jax.random.split(jax.random.key(seed))
    return {
        domain: jax.random.uniform(key, (size, SIZE, SIZE, 1), minval=-1)
        for domain, key in zip(("unrestricted", "restricted"), keys, strict=True)
    }


def only_terms(step):
    """A step without its new state, compiled in a fraction of the time."""
    return jax.jit(lambda state, batch, key: step(state, batch, key)[1])


def assert_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)
