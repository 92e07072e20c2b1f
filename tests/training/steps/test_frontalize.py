"""The objective of turned pairs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from configs import frontalize, ftgan
from facealign.errors import UserError
from facealign.geometry.head_rotation import make_landmarks
from facealign.geometry.resample import draw_heatmaps
from facealign.models.table import create_modules
from facealign.stages import create_stages
from facealign.training.state import create_networks, create_state
from facealign.training.steps.frontalize import (
    UNIT,
    face_weights,
    landmark_error,
    make_frontalize_step,
    pose_error,
    yaw_error,
)
from facealign.training.steps.table import create_step
from tests import by_hand

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


def tiny_config(variant=""):
    config = frontalize.get_config(variant)
    config.data.image_size = SIZE
    config.run, config.discriminator.features = ("frontalize",), 4
    return config


def build(config):
    stages = create_stages(config)
    networks = create_networks(config, stages)
    state = jax.jit(lambda key: create_state(networks, key, SIZE))(jax.random.key(0))
    return state, create_step(config, networks, stages[0])


def test_pose_error_by_hand():
    errors = pose_error(jnp.float32([(30, 0), (0, 0)]), jnp.float32([(0, 0), (0, 15)]))
    np.testing.assert_allclose(errors, [0.5, 0.25])


def test_yaw_error_by_hand_of_which_a_profile_may_have_any_from_70_to_90_to_its_side():
    yaw = jnp.float32([75, 40, -75, -100, -10, 10])
    known = jnp.float32([90, 90, 90, -90, np.nan, -20])
    errors = [0, 1, 145 / 30, 1 / 3, 0, 1]
    np.testing.assert_allclose(yaw_error(yaw, known), errors, rtol=1e-6)
    gradient = jax.grad(lambda y: yaw_error(y, known).sum())(yaw)
    np.testing.assert_allclose(gradient * UNIT, [0, -1, -1, -1, 0, 1])


def test_landmark_error_is_zero_for_the_right_heatmaps_and_by_hand_beside_them():
    """Of U's photos, behind the turned ones, nothing is known."""
    places = make_landmarks()(jnp.float32([(30, 0), (-60, 10)]))
    frontal = make_landmarks()(jnp.zeros((1, 2)))
    told = {
        "seen": jnp.concatenate([draw_heatmaps(places, 16), jnp.ones((1, 16, 16, 68))]),
        "heatmaps": jnp.repeat(draw_heatmaps(frontal, 16), 3, axis=0),
    }
    np.testing.assert_allclose(landmark_error(told, places), 0, atol=1e-6)
    told["seen"] = told["seen"].at[1, 3, 4, 5].add(0.5)
    told["heatmaps"] = told["heatmaps"].at[1, :, 0, 7].add(1.0)
    np.testing.assert_allclose(landmark_error(told, places), [0, (0.25 + 16) / 68], rtol=1e-5)


class Seeing(nn.Module):
    """The image as its own code and as what is seen in it."""

    @nn.compact
    def __call__(self, image, train):
        return {"image": image, "seen": image, "heatmaps": image}


class Twice(nn.Module):
    """Two outputs: half of the image, and it times a number."""

    @nn.compact
    def __call__(self, code, train):
        scale = self.param("scale", nn.initializers.constant(1.5), ())
        return code["image"] / 2, scale * code["image"]


def without_game(networks, train, weights, rules):
    return make_frontalize_step(networks, train, weights)


def test_all_outputs_count_and_landmarks_are_compared_as_the_encoder_sees_them():
    """Turned photos of 0.4 and targets of 0.3: outputs 0.2 and 0.6, 0.1 and 0.3 off."""
    weights = {"l1": 1.0, "gradient": 1.0, "landmarks": 0.1}
    modules = {"encoder": Seeing(), "decoder_r": Twice()}

    state, step = by_hand.build(without_game, modules, ("decoder_r",), "hinge", weights, size=16)
    flat = functools.partial(by_hand.flat, size=16)
    batch = {"input_restricted": flat(0.4), "restricted": flat(0.3), "unrestricted": flat(0)}
    new, terms = step(state, batch, jax.random.key(0))
    np.testing.assert_allclose(terms["l1"], 0.1 + 0.3, rtol=1e-5)
    np.testing.assert_allclose(terms["gradient"], 0, atol=1e-6)
    np.testing.assert_allclose(terms["landmarks"], 16 * 16 * 0.3**2, rtol=1e-5)
    old, now = (s.nets["decoder_r"].params["scale"] for s in (state, new))
    wanted = 0.4 + 0.1 * 16 * 16 * 2 * 0.3 * 0.4
    np.testing.assert_allclose(old - now, wanted, rtol=1e-4)


class Posed(nn.Module):
    """A code that is a pose, and a wrong one."""

    @nn.compact
    def __call__(self, image, train):
        return {"pose": jnp.full((len(image), 2), 900.0)}


class ShowPose(nn.Module):
    """An image as bright as yaw (0) or pitch (1) of its code, in 100 degrees."""

    angle: int

    @nn.compact
    def __call__(self, code, train):
        return (by_hand.flat(1.0, size=16) * code["pose"][:, self.angle, None, None, None] / 100,)


@pytest.mark.parametrize(("angle", "deviation"), [(0, 6.0), (1, 4.0)])
def test_the_decoder_is_told_the_true_pose_with_an_error(angle, deviation):
    """Of the images that show the truth, the told ones are off by a normal error's mean size."""
    weights = {"l1": 1.0, "gradient": 1.0}
    modules = {"encoder": Posed(), "decoder_r": ShowPose(angle)}
    state, step = by_hand.build(without_game, modules, ("decoder_r",), "hinge", weights, size=16)
    photos = by_hand.flat(*[0.2] * 400, size=16)
    batch = {"input_restricted": photos, "restricted": photos, "unrestricted": photos[:1]}
    batch["pose_restricted"] = jnp.full((400, 2), 20.0)
    _, terms = step(state, batch, jax.random.key(0))
    np.testing.assert_allclose(terms["l1"], deviation / 100 * np.sqrt(2 / np.pi), rtol=0.1)


def test_an_untrained_refinement_leaves_the_coarse_photo_as_it_is():
    config = ftgan.get_config()
    decoder = create_modules(config, ("decoder_r",))["decoder_r"]
    code = {
        name: jax.random.uniform(jax.random.key(number), (1, side, side, channels))
        for number, (name, side, channels) in enumerate(
            [("image", 32, 1), ("coarse", 32, 1), ("seen", 8, 68), ("heatmaps", 8, 68)]
        )
    }
    (coarse, refined), variables = jax.jit(
        functools.partial(decoder.init_with_output, train=False)
    )(jax.random.key(0), code)
    np.testing.assert_array_equal(refined, coarse)
    variables["params"]["amount"] += 1
    assert np.any(jax.jit(decoder.apply, static_argnums=2)(variables, code, False)[1] != coarse)


def test_weights_have_mean_one_and_are_highest_at_the_features():
    weights = face_weights(SIZE)
    assert weights.shape == (SIZE, SIZE, 1)
    np.testing.assert_allclose(weights.mean(), 1, rtol=1e-5)
    assert weights[26, 21] > weights[40, 15] > weights[0, 0]  # eye, cheek, corner


@pytest.mark.parametrize("variant", ["", "medium"])
def test_a_step_lowers_the_loss_and_all_stays_finite(variant):
    state, step = build(tiny_config(variant))
    step, batch, losses = jax.jit(step), make_batch(), []
    for _ in range(4):
        state, metrics = step(state, batch, jax.random.key(1))
        losses.append(float(metrics["loss"]))
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.nets))
    assert ("pose" in metrics) == (variant == "")  # only where the code has a pose


def test_bfloat16_computes_nearly_the_same():
    terms = {}
    for dtype in ("float32", "bfloat16"):
        config = tiny_config()
        config.model.dtype = dtype
        state, step = build(config)
        terms[dtype] = jax.jit(step)(state, make_batch(), jax.random.key(1))[1]
    for name, value in terms["float32"].items():
        np.testing.assert_allclose(terms["bfloat16"][name], value, rtol=0.05, err_msg=name)


@pytest.fixture(scope="module")
def refine():
    """A state and the step against a critic; R1 every second step."""
    config = tiny_config()
    config.run, config.discriminator.r1_every = ("refine",), 2
    state, step = build(config)
    return state, jax.jit(step), config


def test_against_a_critic_the_encoder_stays_and_all_terms_are_weighed(refine):
    state, step, config = refine
    new, metrics = step(state, make_batch(), jax.random.key(1))
    assert jax.tree.all(
        jax.tree.map(np.array_equal, new.nets["encoder"].params, state.nets["encoder"].params)
    )
    for role in ("decoder_r", "discriminator"):
        moved = jax.tree.map(
            lambda a, b: np.any(a != b), new.nets[role].params, state.nets[role].params
        )
        assert jax.tree.all(moved), role
    weights = dict(config.stages.refine.loss_weights) | {"r1": config.discriminator.r1_weight}
    assert metrics["r1"] > 0 and "pose" not in metrics
    total = sum(weight * metrics[name] for name, weight in weights.items())
    np.testing.assert_allclose(metrics["loss"], total, rtol=1e-5)


def test_the_critic_sees_what_comes_of_u_photos_too(refine):
    state, step, _ = refine
    state = state.replace(step=state.step + 1)  # without R1
    batch, logits = make_batch(), []
    for photos in (batch["unrestricted"], -batch["unrestricted"]):
        _, metrics = step(state, {**batch, "unrestricted": photos}, jax.random.key(1))
        logits.append(metrics["adversarial"])
    assert logits[0] != logits[1]


def test_the_critic_pulls_at_the_decoder(refine):
    """With an adversarial weight alone, a step of the decoder raises the fakes' logits."""
    config = refine[2].copy_and_resolve_references()
    config.stages.refine.loss_weights.update(l1=0.0, gradient=0.0, flow=0.0, discriminator=0.0)
    config.discriminator.r1_weight = 0.0
    config.optimizer.epsilon = 1e-3
    _, step = build(config)
    step, (state, *_), terms = jax.jit(step), refine, []
    for _ in range(6):
        state, metrics = step(state, make_batch(), jax.random.key(1))
        terms.append(float(metrics["adversarial"]))
    assert terms[-1] < terms[0]


def test_outputs_learn_to_face_the_camera_as_the_encoder_sees_it(refine):
    config = refine[2].copy_and_resolve_references()
    others = dict.fromkeys(config.stages.refine.loss_weights, 0.0)
    config.stages.refine.loss_weights.update(others | {"facing": 1.0})
    config.discriminator.r1_weight, config.optimizer.epsilon = 0.0, 1e-3
    config.stages.refine.learning_rate = 2e-5  # what an untrained encoder sees is near 0 already
    _, step = build(config)
    step, (state, *_), terms = jax.jit(step), refine, []
    for _ in range(6):
        state, metrics = step(state, make_batch(), jax.random.key(1))
        terms.append(float(metrics["facing"]))
    assert 0 < terms[-1] < terms[0], terms


def test_a_frozen_recognizer_weighs_in_and_stays():
    config = tiny_config("identity")
    config.run, config.discriminator.r1_weight = ("refine",), 0.0
    config.recognizer.people = 5
    state, step = build(config)
    new, metrics = jax.jit(step)(state, make_batch(), jax.random.key(1))
    assert 0 < metrics["identity"] < 2
    kept = jax.tree.map(np.array_equal, new.nets["recognizer"], state.nets["recognizer"])
    assert jax.tree.all(kept)


def test_flips_of_the_crop_are_refused():
    config = tiny_config()
    config.augment.flip = True
    with pytest.raises(UserError, match=r"augment\.flip=True"):
        build(config)
