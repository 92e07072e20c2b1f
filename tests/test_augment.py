"""Random changes of images: what they keep, and what they draw."""

import jax
import jax.numpy as jnp
import numpy as np

from configs import base
from facealign.augment import augment, brightness, flip, shift

IMAGES = jax.random.uniform(jax.random.key(0), (64, 6, 6, 1), minval=-1)
KEY = jax.random.key(1)


def strengths(flip=True, shift=2, brightness=0.3):
    config = base.get_config().augment
    config.flip, config.shift, config.brightness = flip, shift, brightness
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


def test_augmented_images_stay_in_range():
    output = augment({"u": IMAGES}, KEY, strengths(brightness=1.5))["u"]
    assert output.min() == -1 and output.max() == 1


def test_pairs_stay_pairs():
    """Whatever is drawn for U is drawn for R."""
    output = augment({"u": IMAGES, "r": IMAGES[..., ::-1]}, KEY, strengths())
    np.testing.assert_array_equal(output["u"], output["r"])
    signed = augment({"u": IMAGES, "r": -IMAGES}, KEY, strengths(brightness=0.0))
    np.testing.assert_array_equal(signed["u"], -signed["r"])


def test_jit_equals_eager_and_the_key_decides():
    jitted = jax.jit(lambda images, key: augment({"u": images}, key, strengths())["u"])
    eager = augment({"u": IMAGES}, KEY, strengths())["u"]
    np.testing.assert_allclose(jitted(IMAGES, KEY), eager, atol=1e-6)
    np.testing.assert_array_equal(jitted(IMAGES, KEY), jitted(IMAGES, KEY))
    assert jnp.any(jitted(IMAGES, jax.random.key(2)) != jitted(IMAGES, KEY))
