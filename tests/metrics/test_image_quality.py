"""Metrics against brute force and by hand."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.metrics import image_quality

IMAGES = jax.random.uniform(jax.random.key(0), (7, 4, 4, 1), minval=-1)


def test_spread_equals_brute_force_over_all_pairs():
    distances = [np.abs(a - b).mean() for a, b in itertools.combinations(np.asarray(IMAGES), 2)]
    np.testing.assert_allclose(image_quality.spread(IMAGES), np.mean(distances), rtol=1e-5)


def test_spread_does_not_depend_on_the_order():
    np.testing.assert_allclose(
        image_quality.spread(IMAGES[::-1]), image_quality.spread(IMAGES), rtol=1e-5
    )


def test_spread_follows_scale_and_ignores_offset():
    changed = image_quality.spread(3 * IMAGES + 0.5)
    np.testing.assert_allclose(changed, 3 * image_quality.spread(IMAGES), rtol=1e-5)


def test_spread_of_two_images_is_their_distance():
    images = jnp.array([[0.5, -1.0], [0.0, 1.0]]).reshape(2, 2, 1, 1)
    np.testing.assert_allclose(image_quality.spread(images), 1.25)


def test_duplicates_have_no_diversity():
    copies = jnp.repeat(IMAGES[:1], len(IMAGES), axis=0)
    np.testing.assert_allclose(image_quality.diversity(copies, IMAGES), 0, atol=1e-6)


def test_diversity_is_one_for_the_inputs_and_half_at_half_contrast():
    np.testing.assert_allclose(image_quality.diversity(IMAGES, IMAGES), 1, rtol=1e-6)
    np.testing.assert_allclose(image_quality.diversity(IMAGES / 2, IMAGES), 0.5, rtol=1e-5)


def test_diversity_is_finite_for_identical_inputs():
    assert np.isfinite(image_quality.diversity(IMAGES, jnp.zeros_like(IMAGES)))


@pytest.mark.parametrize(("real", "boundary", "shares"), [
    (True, 0.0, [0.75, 0.0]),
    (False, 0.0, [0.25, 1.0]),
    (True, 1.5, [0.5, 0.0]),
])  # fmt: skip
def test_accuracy_by_hand(real, boundary, shares):
    logits = jnp.array([[-1.0, 1, 2, 3], [-1, -2, -3, -4]]).reshape(2, 2, 2, 1)
    np.testing.assert_allclose(image_quality.accuracy(logits, real, boundary), shares)


@pytest.mark.parametrize("real", [True, False])
def test_a_critic_that_says_nothing_is_never_right(real):
    assert image_quality.accuracy(jnp.full((1, 2, 2, 1), 0.5), real, 0.5) == 0


def test_spread_between_subjects_equals_brute_force():
    subjects = np.array(list("aabbbcd"))
    pairs = itertools.combinations(range(7), 2)
    images = np.asarray(IMAGES)
    distances = [
        np.abs(images[i] - images[j]).mean() for i, j in pairs if subjects[i] != subjects[j]
    ]
    np.testing.assert_allclose(
        image_quality.spread_between(IMAGES, subjects), np.mean(distances), rtol=1e-5
    )
    with pytest.raises(ValueError, match="one subject"):
        image_quality.spread_between(IMAGES, np.array(["a"] * 7))


def test_one_portrait_for_every_photo_of_a_person_is_diverse():
    people = jnp.repeat(IMAGES[:2], 2, axis=0)
    subjects = np.array(list("aabb"))
    expected = np.abs(IMAGES[0] - IMAGES[1]).mean()
    np.testing.assert_allclose(image_quality.spread_between(people, subjects), expected, rtol=1e-5)


def test_equal_photos_of_two_people_are_not_less_than_nothing_apart():
    apart = image_quality.spread_between(jnp.full((8, 4, 4, 1), 0.1), np.array(list("aaaabbbb")))
    assert 0 <= apart < 1e-6  # by rounding, 0.1 is 3e-9 less


def test_psnr_by_hand():
    images = jnp.full((2, 2, 2, 1), -0.5)
    targets = images.at[0].add(0.2).at[1, 0, 0].add(2.0)
    # Squared errors 0.04 and 4 / 4; the peak is 2: 10 log10(4 / 0.04) and 10 log10(4 / 1).
    np.testing.assert_allclose(image_quality.psnr(images, targets), [20, 6.0206], atol=1e-4)
    assert np.isinf(image_quality.psnr(images, images)).all()


PHOTOS = jax.random.uniform(jax.random.key(1), (3, 16, 14, 1), minval=-1)


def test_ssim_of_flat_images_by_hand():
    # No variance, so luminance alone: (2 * 0.5 * 0.1 + c1) / (0.5^2 + 0.1^2 + c1), c1 = 0.02^2.
    a, b = jnp.full((1, 12, 12, 1), 0.5), jnp.full((1, 12, 12, 1), 0.1)
    np.testing.assert_allclose(image_quality.ssim(a, b), 0.1004 / 0.2604, rtol=1e-4)


def test_ssim_is_one_for_equal_images_and_symmetric():
    np.testing.assert_allclose(image_quality.ssim(PHOTOS, PHOTOS), 1, rtol=1e-5)
    other = PHOTOS[::-1]
    np.testing.assert_allclose(
        image_quality.ssim(PHOTOS, other), image_quality.ssim(other, PHOTOS), rtol=1e-5
    )


def test_ssim_equals_an_independent_library():
    # scikit-image 0.26.0: structural_similarity(x, y, data_range=2, gaussian_weights=True,
    # sigma=1.5, use_sample_covariance=False), of these two drawings.
    rows, columns = np.mgrid[:20, :24]
    x = np.sin(rows / 3) * np.cos(columns / 2)
    y = 0.8 * x + 0.1 * np.sin(columns) + 0.05
    found = image_quality.ssim(jnp.array(x[None, ..., None]), jnp.array(y[None, ..., None]))
    np.testing.assert_allclose(found, 0.7963231, atol=2e-5)


def test_noise_lowers_psnr_and_ssim():
    noise = jax.random.normal(jax.random.key(2), PHOTOS.shape)
    for metric in (image_quality.psnr, image_quality.ssim):
        values = [float(metric(PHOTOS + s * noise, PHOTOS).mean()) for s in (0.01, 0.1, 0.5)]
        assert values == sorted(values, reverse=True)


def test_sharpness_by_hand_and_blur_lowers_it():
    image = jnp.array([[0.0, 1], [0, 3]]).reshape(1, 2, 2, 1)
    # Steps along x: 1 and 3, mean square 5. Along y: 0 and 2, mean square 2.
    np.testing.assert_allclose(image_quality.sharpness(image), [7])
    blurred = (PHOTOS + jnp.roll(PHOTOS, 1, axis=2)) / 2
    assert (image_quality.sharpness(blurred) < image_quality.sharpness(PHOTOS)).all()
    np.testing.assert_allclose(image_quality.sharpness(jnp.ones((2, 4, 4, 1))), 0)
