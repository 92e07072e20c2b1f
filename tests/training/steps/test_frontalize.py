"""The objective of turned pairs, worked out by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from facealign.geometry.head_rotation import make_landmarks
from facealign.geometry.resample import draw_heatmaps
from facealign.training.steps.frontalize import (
    UNIT,
    face_weights,
    landmark_error,
    make_frontalize_step,
    pose_error,
    yaw_error,
)
from tests import by_hand

SIZE = 64


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


def test_weights_have_mean_one_and_are_highest_at_the_features():
    weights = face_weights(SIZE)
    assert weights.shape == (SIZE, SIZE, 1)
    np.testing.assert_allclose(weights.mean(), 1, rtol=1e-5)
    assert weights[26, 21] > weights[40, 15] > weights[0, 0]  # eye, cheek, corner
