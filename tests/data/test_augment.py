"""Random changes of images: what they keep, and what they draw."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import base
from facealign.data import augment as changes
from facealign.data.augment import (
    augment,
    blur,
    brightness,
    contrast,
    exchange,
    flip,
    light,
    noise,
    shift,
    warp,
    zoom_and_rotate,
    zoom_matrices,
)

IMAGES = jax.random.uniform(jax.random.key(0), (64, 6, 6, 1), minval=-1)
KEY = jax.random.key(1)
ALL = dict(flip=True, shift=2, zoom=0.1, rotation=10.0, brightness=0.3, contrast=0.2,
           light=0.3, exchange=0.5, noise=0.1, input_warp=1.0)  # fmt: skip


def strengths(**changed):
    config = base.get_config().augment
    config.update(changed or ALL)
    return config


def test_the_base_config_changes_nothing():
    same = augment({"restricted": IMAGES}, KEY, base.get_config().augment)
    np.testing.assert_array_equal(same["restricted"], IMAGES)


def test_flip_mirrors_some_images_and_leaves_the_others():
    flipped = flip(IMAGES, KEY)
    mirrored = np.all(flipped == IMAGES[:, :, ::-1], axis=(1, 2, 3))
    kept = np.all(flipped == IMAGES, axis=(1, 2, 3))
    assert np.all(mirrored ^ kept)
    assert 16 < mirrored.sum() < 48


def test_flip_is_its_own_inverse_under_one_key():
    np.testing.assert_array_equal(flip(flip(IMAGES, KEY), KEY), IMAGES)


def test_exchange_takes_parts_of_the_next_image_for_about_a_share_of_the_images():
    black, white = jnp.full((32, 40, 40, 1), -1.0), jnp.full((32, 40, 40, 1), 1.0)
    images = jnp.stack([black, white], axis=1).reshape(64, 40, 40, 1)  # in turn
    taken = jnp.abs(exchange(images, KEY, 0.5) - images) / 2
    changed = np.asarray(taken.max(axis=(1, 2, 3)) > 0)
    assert 20 < changed.sum() < 44
    whole, none = (taken[changed] > 0.7).mean(), (taken[changed] < 0.3).mean()
    assert whole > 0.2 and none > 0.2 and 0.4 < taken[changed].mean() < 0.6
    assert jnp.abs(jnp.diff(taken, axis=1)).max() < 0.5  # soft edges
    np.testing.assert_array_equal(exchange(images, KEY, 0.0), images)


def test_blur_keeps_flat_images_and_smooths_others_each_by_its_own_strength():
    flat = jnp.full((3, 16, 16, 1), 0.25)
    np.testing.assert_allclose(blur(flat, KEY, 2.0), 0.25, atol=1e-6)
    rough = jax.random.normal(jax.random.key(2), (8, 16, 16, 1))
    left = blur(rough, KEY, 2.0).std(axis=(1, 2, 3)) / rough.std(axis=(1, 2, 3))
    assert (left < 1.001).all()
    assert left.min() < 0.6 and left.max() - left.min() > 0.2
    np.testing.assert_allclose(blur(rough, KEY, 0.0), rough, atol=1e-6)


def test_blur_by_hand_is_a_gaussian():
    point = jnp.zeros((1, 9, 9, 1)).at[0, 4, 4].set(1.0)
    spread = np.asarray(blur(point, KEY, 3.0))[0, :, :, 0]
    np.testing.assert_allclose(spread.sum(), 1, rtol=1e-5)
    np.testing.assert_allclose(spread[4, 5] ** 2, spread[5, 5] * spread[4, 4], rtol=1e-4)
    np.testing.assert_allclose(spread, spread.T, rtol=1e-5)


def test_shift_moves_by_whole_pixels_and_repeats_the_border():
    pixels = 2
    padded = np.pad(IMAGES, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)), mode="edge")
    seen = set()
    for output, source in zip(np.asarray(shift(IMAGES, KEY, pixels)), padded, strict=True):
        offsets = [
            (y, x)
            for y in range(2 * pixels + 1)
            for x in range(2 * pixels + 1)
            if np.array_equal(output, source[y : y + 6, x : x + 6])
        ]
        assert len(offsets) == 1
        seen.update(offsets)
    assert {y for y, _ in seen} == {x for _, x in seen} == {0, 1, 2, 3, 4}


def test_brightness_adds_one_number_to_an_image():
    dim = IMAGES / 4
    added = np.asarray(brightness(dim, KEY, 0.5) - dim).reshape(len(dim), -1)
    np.testing.assert_allclose(added, added[:, :1] * np.ones(36), atol=1e-6)
    assert -0.5 <= added.min() < -0.25 and 0.25 < added.max() <= 0.5


def test_contrast_keeps_the_mean_and_scales_what_differs_from_it():
    dim = IMAGES / 4
    means = dim.mean(axis=(1, 2, 3), keepdims=True)
    changed = np.asarray(contrast(dim, KEY, 0.5))
    factors = np.asarray((changed - means) / (dim - means)).reshape(len(dim), -1)
    np.testing.assert_allclose(factors, factors[:, :1] * np.ones(36), rtol=1e-3)
    assert 0.5 <= factors.min() < 0.75 and 1.25 < factors.max() <= 1.5


def test_light_comes_from_one_side():
    """On gray images it is a plane, as much brighter at one border as darker at the other."""
    lit = np.asarray(light(jnp.zeros((64, 5, 9, 1)), KEY, 0.5))[..., 0]
    np.testing.assert_allclose(lit[:, 2, 4], 0, atol=1e-6)
    np.testing.assert_allclose(lit, -lit[:, ::-1, ::-1], atol=1e-6)
    np.testing.assert_allclose(lit[:, 0] + lit[:, 4], 2 * lit[:, 2], atol=1e-6)
    strength = np.hypot(lit[:, 2, 8], lit[:, 4, 4])
    assert 0 <= strength.min() < 0.1 and 0.4 < strength.max() <= 0.5
    assert lit[:, 2, 8].min() < -0.2 and lit[:, 2, 8].max() > 0.2
    np.testing.assert_array_equal(light(-jnp.ones((4, 5, 9, 1)), KEY, 0.5), -1)


def test_noise_has_its_deviation():
    gray = jnp.zeros((64, 16, 16, 1))
    added = noise(gray, KEY, 0.1)
    np.testing.assert_allclose([added.mean(), added.std()], [0, 0.1], atol=2e-3)


def test_zoom_and_rotation_keep_the_centre_and_stay_within_their_limits():
    """On images that hold their own coordinates, what is read says where it was read."""
    ramp = jnp.stack(jnp.meshgrid(jnp.arange(-20.0, 21), jnp.arange(-20.0, 21)), -1)
    images = jnp.broadcast_to(ramp, (64, *ramp.shape)) / 20
    read = np.asarray(zoom_and_rotate(images, KEY, 0.1, 10.0)) * 20
    np.testing.assert_allclose(read[:, 20, 20], 0, atol=1e-5)
    right = read[:, 20, 25]  # 5 px to the right of the centre
    scale = 5 / np.linalg.norm(right, axis=-1)
    angle = np.degrees(np.arctan2(right[:, 1], right[:, 0]))
    assert 1 / 1.1 - 1e-4 < scale.min() < 0.95 and 1.05 < scale.max() < 1.1 + 1e-4
    assert -10.01 < angle.min() < -8 and 8 < angle.max() < 10.01
    down = read[:, 25, 20]
    np.testing.assert_allclose((right * down).sum(-1), 0, atol=1e-3)


def test_the_matrices_of_zoom_and_rotation_say_where_is_read():
    ramp = jnp.stack(jnp.meshgrid(jnp.arange(-20.0, 21), jnp.arange(-20.0, 21)), -1)
    images = jnp.broadcast_to(ramp, (4, *ramp.shape))
    read = zoom_and_rotate(images, KEY, 0.1, 10.0)[:, 20 + 3, 20 + 7]
    wanted = zoom_matrices(KEY, 4, 0.1, 10.0) @ jnp.array((7.0, 3.0))
    np.testing.assert_allclose(read, wanted, atol=1e-4)


def test_a_warp_moves_its_points_by_normal_numbers_and_what_is_between_linearly():
    ramp = jnp.stack(jnp.meshgrid(jnp.arange(81.0), jnp.arange(81.0)), -1) / 80
    images = jnp.broadcast_to(ramp, (256, *ramp.shape))
    moves = (np.asarray(warp(images, KEY, 2.5)) - ramp) * 80
    inner = moves[:, 20:61:20, 20:61:20]
    np.testing.assert_allclose([inner.mean(), inner.std()], [0, 2.5], atol=0.1)
    middle = (moves[:, 20, 20] + moves[:, 20, 40]) / 2
    np.testing.assert_allclose(moves[:, 20, 30], middle, atol=1e-3)


def test_only_inputs_are_warped():
    output = augment({"u": IMAGES}, KEY, strengths(input_warp=1.0))
    np.testing.assert_array_equal(output["u"], IMAGES)
    assert np.abs(output["input_u"] - IMAGES).max() > 0.1


@pytest.mark.parametrize(
    ("name", "values"),
    [("shift", (0,)), ("zoom_and_rotate", (0.0, 0.0)), ("brightness", (0.0,)),
     ("contrast", (0.0,)), ("light", (0.0,)), ("noise", (0.0,)), ("warp", (0.0,))],
)  # fmt: skip
def test_strength_0_changes_nothing(name, values):
    same = getattr(changes, name)(IMAGES, KEY, *values)
    np.testing.assert_allclose(same, IMAGES, atol=1e-5)


def test_augmented_images_stay_in_range():
    output = augment({"u": IMAGES}, KEY, strengths(**ALL | {"brightness": 1.5}))["u"]
    assert output.min() == -1 and output.max() == 1
    assert output.shape == IMAGES.shape and output.dtype == IMAGES.dtype


def test_pairs_stay_pairs():
    """Whatever is drawn for U is drawn for R."""
    output = augment({"u": IMAGES, "r": IMAGES[..., ::-1]}, KEY, strengths())
    np.testing.assert_array_equal(output["u"], output["r"])
    np.testing.assert_array_equal(output["input_u"], output["input_r"])
    geometry = strengths(flip=True, shift=2, zoom=0.1, rotation=10.0, contrast=0.2)
    signed = augment({"u": IMAGES, "r": -IMAGES}, KEY, geometry)
    np.testing.assert_array_equal(signed["u"], -signed["r"])


def test_jit_equals_eager_and_the_key_decides():
    jitted = jax.jit(lambda images, key: augment({"u": images}, key, strengths())["input_u"])
    eager = augment({"u": IMAGES}, KEY, strengths())["input_u"]
    np.testing.assert_allclose(jitted(IMAGES, KEY), eager, atol=1e-5)
    np.testing.assert_array_equal(jitted(IMAGES, KEY), jitted(IMAGES, KEY))
    assert jnp.any(jitted(IMAGES, jax.random.key(2)) != jitted(IMAGES, KEY))
