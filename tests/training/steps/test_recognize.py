"""Learning to tell people apart, and asking the result."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import recognizer
from facealign.stages import create_stages
from facealign.training.state import create_networks, create_state
from facealign.training.steps.recognize import identity_loss
from facealign.training.steps.table import create_step

SIZE = 64


@pytest.fixture(scope="module")
def built():
    config = recognizer.get_config()
    config.data.image_size, config.recognizer.people = SIZE, 8
    stages = create_stages(config)
    networks = create_networks(config, stages)
    state = jax.jit(lambda key: create_state(networks, key, SIZE))(jax.random.key(0))
    return networks, state, jax.jit(create_step(config, networks, stages[0]))


def images(seed, count=4):
    return jax.random.uniform(jax.random.key(seed), (count, SIZE, SIZE, 1), minval=-1)


def test_people_are_learned_by_heart(built):
    _, state, step = built
    batch = {
        "unrestricted": images(0),
        "restricted": images(1),
        "input_restricted": images(1),
        "subject_unrestricted": jnp.arange(4),
        "subject_restricted": jnp.arange(4, 8),
    }
    for _ in range(15):
        state, metrics = step(state, batch, jax.random.key(0))
    assert metrics["accuracy_person"] == 1
    assert np.isfinite(metrics["margin"])


def test_identity_is_zero_for_the_same_photos_and_pulls_at_the_first_ones_alone(built):
    networks, state, _ = built
    network, net = networks["recognizer"], state.nets["recognizer"]
    loss = jax.jit(lambda a, b: identity_loss(network, net, a, b))
    np.testing.assert_allclose(loss(images(0), images(0)), 0, atol=1e-3)
    assert loss(images(0), images(1)).min() > 1e-3
    to_own, to_other = jax.jit(
        jax.grad(lambda a, b: identity_loss(network, net, a, b).sum(), argnums=(0, 1))
    )(images(0), images(1))
    assert np.abs(to_own).max() > 0 and np.abs(to_other).max() == 0
