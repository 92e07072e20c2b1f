"""Steps of turned pairs with the networks of the configs: what learns, what pulls, what stays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import frontalize
from facealign.data.augment import augment
from facealign.errors import UserError
from facealign.stages import create_stages
from facealign.training import losses
from facealign.training.state import create_networks
from facealign.training.steps.frontalize import make_frontalize_step
from facealign.training.steps.gan import GanRules
from facealign.training.steps.table import create_step
from tests.toy_steps import fresh_state, only_terms

SIZE = 64


def make_batch(count=2):
    keys = jax.random.split(jax.random.key(0), 3)
    names = ("unrestricted", "restricted", "input_restricted")
    shape = (count, SIZE, SIZE, 1)
    images = {
        name: jax.random.uniform(key, shape, minval=-1)
        for name, key in zip(names, keys, strict=True)
    }
    return images | {
        "pose_restricted": jnp.float32([(30, 0), (-60, 10)]),
        "yaw_unrestricted": jnp.float32([90, np.nan]),
    }


def tiny_config(variant="", stage="frontalize"):
    config = frontalize.get_config(variant)
    config.data.image_size = SIZE
    config.run, config.discriminator.features = (stage,), 4
    return config


def build(config):
    """The stage of a config that has one, and its networks."""
    stages = create_stages(config)
    return stages[0], create_networks(config, stages)


@pytest.mark.parametrize("variant", ["", "medium"])
def test_a_step_lowers_the_loss_and_all_stays_finite(variant):
    config = tiny_config(variant)
    stage, networks = build(config)
    step, state = jax.jit(create_step(config, networks, stage)), fresh_state(networks, SIZE)
    batch, values = make_batch(), []
    for _ in range(4):
        state, metrics = step(state, batch, jax.random.key(1))
        values.append(float(metrics["loss"]))
    assert np.isfinite(values).all()
    assert values[-1] < values[0]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.nets))
    assert ("pose" in metrics) == (variant == "")  # only where the code has a pose


def test_bfloat16_computes_nearly_the_same():
    terms = {}
    for dtype in ("float32", "bfloat16"):
        config = tiny_config()
        config.model.dtype = dtype
        stage, networks = build(config)
        step = only_terms(create_step(config, networks, stage))
        terms[dtype] = step(fresh_state(networks, SIZE), make_batch(), jax.random.key(1))
    for name, value in terms["float32"].items():
        np.testing.assert_allclose(terms["bfloat16"][name], value, rtol=0.05, err_msg=name)


@pytest.fixture(scope="module")
def refine():
    """A state, a step against a critic and with a recognizer, and the weights that it takes too.

    Compiled once for tests of several weights.
    """
    config = tiny_config("identity", "refine")
    config.recognizer.people, config.discriminator.r1_every = 5, 2
    # Small steps, since what an untrained encoder sees is near 0 already.
    config.optimizer.epsilon, config.stages.refine.learning_rate = 1e-3, 2e-5
    stage, networks = build(config)
    critic = config.discriminator
    rules = GanRules(
        losses.gan_loss(critic.loss),
        critic.r1_every,
        lambda images, key: augment({"images": images}, key, critic.augment)["images"],
    )

    @jax.jit
    def step(state, batch, weights):
        weighted = make_frontalize_step(networks, stage.train, weights, rules)
        return weighted(state, batch, jax.random.key(1))

    return fresh_state(networks, SIZE), step, stage.loss_weights | {"r1": critic.r1_weight}


def test_against_a_critic_the_encoder_stays_and_all_terms_are_weighed(refine):
    state, step, weights = refine
    new, metrics = step(state, make_batch(), weights)
    assert jax.tree.all(
        jax.tree.map(np.array_equal, new.nets["encoder"].params, state.nets["encoder"].params)
    )
    for role in ("decoder_r", "discriminator"):
        moved = jax.tree.map(
            lambda a, b: np.any(a != b), new.nets[role].params, state.nets[role].params
        )
        assert jax.tree.all(moved), role
    assert metrics["r1"] > 0 and "pose" not in metrics
    total = sum(weight * metrics[name] for name, weight in weights.items())
    np.testing.assert_allclose(metrics["loss"], total, rtol=1e-5)


def test_a_frozen_recognizer_weighs_in_and_stays(refine):
    state, step, weights = refine
    new, metrics = step(state, make_batch(), weights)
    assert weights["identity"] > 0 and 0 < metrics["identity"] < 2
    kept = jax.tree.map(np.array_equal, new.nets["recognizer"], state.nets["recognizer"])
    assert jax.tree.all(kept)


def test_the_critic_sees_what_comes_of_u_photos_too(refine):
    state, step, weights = refine
    batch, logits = make_batch(), []
    for photos in (batch["unrestricted"], -batch["unrestricted"]):
        _, metrics = step(state, {**batch, "unrestricted": photos}, weights)
        logits.append(metrics["adversarial"])
    assert logits[0] != logits[1]


@pytest.mark.parametrize("term", ["adversarial", "facing"])
def test_a_term_alone_pulls_at_the_decoder(refine, term):
    """The fakes' logits rise; outputs learn to face the camera as the encoder sees it."""
    state, step, weights = refine
    alone = dict.fromkeys(weights, 0.0) | {term: 1.0}
    values = []
    for _ in range(6):
        state, metrics = step(state, make_batch(), alone)
        values.append(float(metrics[term]))
    assert 0 < values[-1] < values[0], values


def test_flips_of_the_crop_are_refused():
    config = tiny_config()
    config.augment.flip = True
    stage, networks = build(config)
    with pytest.raises(UserError, match=r"augment\.flip=True"):
        create_step(config, networks, stage)
