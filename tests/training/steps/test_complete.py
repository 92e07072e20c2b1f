"""The step that mends portraits: what counts, what it learns from, what stays frozen."""

import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from configs import completion as config_of_completion
from facealign.errors import UserError
from facealign.models.apply import Network
from facealign.models.completion import FACE, HEAD, HELD, KNOWN, OWN, Completion
from facealign.models.critics import Discriminator
from facealign.stages import create_stages
from facealign.training import losses
from facealign.training.state import create_state
from facealign.training.steps.complete import make_complete_step, pixel_weights
from facealign.training.steps.gan import GanRules
from facealign.training.steps.table import create_step

SIZE = 32
WEIGHTS = {"l1": 1.0, "gradient": 0.5}


def batch(yaw=(-30.0, 40.0)):
    keys = jax.random.split(jax.random.key(0), 3)
    images = (jax.random.uniform(key, (2, SIZE, SIZE, 3), minval=-1) for key in keys[:2])
    maps = jax.random.randint(keys[2], (2, SIZE // 2, SIZE // 2, 8), 0, 256).astype(jnp.uint8)
    return dict(zip(("unrestricted", "restricted"), images, strict=True)) | {
        "maps_unrestricted": maps,
        "yaw_unrestricted": jnp.array(yaw),
    }


def start(*roles):
    modules = {"completion": Completion((8, 16), (1, 1)), "discriminator": Discriminator(4)}
    networks = {role: Network(modules[role], optax.sgd(0.1)) for role in roles}
    return networks, jax.jit(lambda k: create_state(networks, k, SIZE, 3))(jax.random.key(3))


def changed(old, new, role):
    pairs = zip(*(jax.tree.leaves(s.nets[role].params) for s in (old, new)), strict=True)
    return any(np.any(a != b) for a, b in pairs)


def test_what_counts_by_hand():
    """The face 2, the head and what is held beside it 1, all else .03; nothing where unknown."""
    maps = jnp.zeros((1, 16, 16, 8)).at[..., :9, KNOWN].set(1).at[..., 3:, HELD].set(1)
    maps = maps.at[:, :, 5:7, HEAD].set(1).at[:, :, 5, FACE].set(1).at[:, :, 4, HELD].set(0)
    expected = (*[0.03] * 5, 2, 1, 1, 0.03, *[0] * 7)
    np.testing.assert_allclose(pixel_weights(maps)[0, 9, ::2, 0], expected, rtol=1e-6)


def test_mirrored_batches_cost_the_same():
    networks, state = start("completion")
    step = jax.jit(make_complete_step(networks, ("completion",), WEIGHTS))
    first = batch()
    names = ("unrestricted", "restricted", "maps_unrestricted")
    other = {name: first[name][:, :, ::-1] for name in names}
    other["yaw_unrestricted"] = -first["yaw_unrestricted"]
    losses_of = [float(step(state, each, jax.random.key(0))[1]["loss"]) for each in (first, other)]
    np.testing.assert_allclose(*losses_of, rtol=1e-6)


def test_what_is_unknown_teaches_nothing():
    networks, state = start("completion")
    step = jax.jit(make_complete_step(networks, ("completion",), WEIGHTS))
    blind = batch() | {"maps_unrestricted": batch()["maps_unrestricted"].at[..., KNOWN].set(0)}
    new, metrics = step(state, blind, jax.random.key(0))
    assert float(metrics["loss"]) == 0 and not changed(state, new, "completion")
    new, metrics = step(state, batch(), jax.random.key(0))
    assert float(metrics["loss"]) > 0 and changed(state, new, "completion")


@pytest.mark.parametrize(
    "train", [("completion",), ("discriminator",), ("completion", "discriminator")]
)
def test_only_what_trains_changes_with_a_discriminator(train):
    networks, state = start("completion", "discriminator")
    rules = GanRules(losses.gan_loss("hinge"), 16, lambda images, key: images)
    terms = {"completion": {"adversarial": 0.1}, "discriminator": {"discriminator": 1.0}}
    weights = functools.reduce(operator.or_, (terms[role] for role in train), WEIGHTS)
    step = jax.jit(make_complete_step(networks, train, weights, rules))
    new, metrics = step(state, batch(), jax.random.key(0))
    for role in networks:
        assert changed(state, new, role) == (role in train)
    assert all(np.isfinite(value) for value in metrics.values())


def test_a_discriminator_learns_nothing_where_nothing_may_change():
    networks, state = start("completion", "discriminator")
    rules = GanRules(losses.gan_loss("relative"), 16, lambda images, key: images)
    weights = WEIGHTS | {"discriminator": 1.0}
    step = jax.jit(make_complete_step(networks, ("discriminator",), weights, rules))
    for planes, learns in ((KNOWN, False), (HEAD, False), (OWN, True)):
        some = batch() | {"maps_unrestricted": batch()["maps_unrestricted"].at[..., planes].set(0)}
        new, _ = step(state, some, jax.random.key(0))
        assert changed(state, new, "discriminator") == learns


@pytest.mark.parametrize(("name", "value"), [("image_size", 128), ("paired", False)])
def test_other_photos_than_round_trips_are_refused(name, value):
    config = config_of_completion.get_config()
    config.data[name] = value
    with pytest.raises(UserError, match=rf"config\.data\.{name}={value}.*complete objective needs"):
        create_step(config, {}, create_stages(config)[0])
