"""Metrics against brute force and by hand."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign import metrics

IMAGES = jax.random.uniform(jax.random.key(0), (7, 4, 4, 1), minval=-1)


def test_spread_equals_brute_force_over_all_pairs():
    distances = [np.abs(a - b).mean() for a, b in itertools.combinations(np.asarray(IMAGES), 2)]
    np.testing.assert_allclose(metrics.spread(IMAGES), np.mean(distances), rtol=1e-5)


def test_spread_does_not_depend_on_the_order():
    np.testing.assert_allclose(metrics.spread(IMAGES[::-1]), metrics.spread(IMAGES), rtol=1e-5)


def test_spread_follows_scale_and_ignores_offset():
    changed = metrics.spread(3 * IMAGES + 0.5)
    np.testing.assert_allclose(changed, 3 * metrics.spread(IMAGES), rtol=1e-5)


def test_spread_of_two_images_is_their_distance():
    images = jnp.array([[0.5, -1.0], [0.0, 1.0]]).reshape(2, 2, 1, 1)
    np.testing.assert_allclose(metrics.spread(images), 1.25)


def test_duplicates_have_no_diversity():
    copies = jnp.repeat(IMAGES[:1], len(IMAGES), axis=0)
    np.testing.assert_allclose(metrics.diversity(copies, IMAGES), 0, atol=1e-6)


def test_diversity_is_one_for_the_inputs_and_half_at_half_contrast():
    np.testing.assert_allclose(metrics.diversity(IMAGES, IMAGES), 1, rtol=1e-6)
    np.testing.assert_allclose(metrics.diversity(IMAGES / 2, IMAGES), 0.5, rtol=1e-5)


def test_diversity_is_finite_for_identical_inputs():
    assert np.isfinite(metrics.diversity(IMAGES, jnp.zeros_like(IMAGES)))


@pytest.mark.parametrize(("real", "boundary", "shares"), [
    (True, 0.0, [0.75, 0.0]),
    (False, 0.0, [0.25, 1.0]),
    (True, 1.5, [0.5, 0.0]),
])  # fmt: skip
def test_accuracy_by_hand(real, boundary, shares):
    logits = jnp.array([[-1.0, 1, 2, 3], [-1, -2, -3, -4]]).reshape(2, 2, 2, 1)
    np.testing.assert_allclose(metrics.accuracy(logits, real, boundary), shares)


@pytest.mark.parametrize("real", [True, False])
def test_a_critic_that_says_nothing_is_never_right(real):
    assert metrics.accuracy(jnp.full((1, 2, 2, 1), 0.5), real, 0.5) == 0
