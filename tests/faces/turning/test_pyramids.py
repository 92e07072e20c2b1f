"""Pyramids: what is known stays, what is not comes from around it."""

import numpy as np
import pytest

from facealign.faces.turning import pyramids

SIZES = [(64, 64), (61, 50), (33, 96)]


def image(shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (*shape, 3)).astype(np.float32)


def blend(own, other, share):
    """The own image where the share is 1, the other where it is 0."""
    return other + pyramids.keep(own - other, share)


@pytest.mark.parametrize("shape", SIZES)
def test_a_constant_stays_constant(shape):
    constant = np.full((3, *shape), 77, np.float32)
    small = pyramids.halve(constant)
    assert small.shape == (3, -(-shape[0] // 2), -(-shape[1] // 2))
    np.testing.assert_allclose(small, 77, rtol=1e-5)
    np.testing.assert_allclose(pyramids.double(small, shape), 77, rtol=1e-5)


@pytest.mark.parametrize("shape", SIZES)
def test_known_values_stay_and_holes_are_filled(shape):
    values, weights = image(shape), np.ones(shape, np.float32)
    weights[10:20, 5:25] = 0
    values[10:20, 5:25] = 1e6  # says nothing
    filled = pyramids.fill(values, weights)
    known = weights == 1
    np.testing.assert_allclose(filled[known], values[known], rtol=1e-4)
    assert filled[~known].min() > 0 and filled[~known].max() < 255


def test_a_hole_between_two_colours_goes_from_one_to_the_other():
    values = np.zeros((32, 64, 1), np.float32)
    values[:, 40:] = 100
    weights = np.ones((32, 64), np.float32)
    weights[:, 24:40] = 0
    row = pyramids.fill(values, weights)[16, :, 0]
    assert (np.diff(row[22:42]) > -1).all() and row[24] < 30 < 50 < row[38]


@pytest.mark.parametrize("shape", SIZES)
def test_a_blend_is_one_image_the_other_or_the_same_as_both(shape):
    own, share = image(shape), np.random.default_rng(1).uniform(0, 1, shape).astype(np.float32)
    np.testing.assert_allclose(blend(own, own, share), own, atol=1e-2)
    other = image(shape, 2)
    whole = np.ones(shape, np.float32)
    np.testing.assert_allclose(blend(own, other, whole), own, atol=1e-2)
    np.testing.assert_allclose(blend(own, other, 0 * whole), other, atol=1e-2)


def test_a_seam_between_two_gray_levels_is_soft_and_edges_stay_sharp():
    """Left 50, right 200, both with the same fine stripes."""
    stripes = np.tile(np.array([10, -10], np.float32), 64)[None, :, None]
    first, second = np.full((64, 128, 1), 50.0) + stripes, np.full((64, 128, 1), 200.0) + stripes
    share = np.zeros((64, 128), np.float32)
    share[:, :64] = 1
    row = blend(first.astype(np.float32), second.astype(np.float32), share)[32, :, 0]
    coarse = (row[:-1] + row[1:]) / 2
    assert np.abs(np.diff(coarse)).max() < 20  # a cut would be 150
    fine = (row - stripes[0, :, 0])[40:88]
    assert np.abs(np.diff(fine)).max() < 20


@pytest.mark.parametrize("shape", SIZES)
def test_what_stays_and_what_goes_is_the_whole(shape):
    """The shares of both images are 1 together, so the order does not matter."""
    own, share = image(shape), np.random.default_rng(1).uniform(0, 1, shape).astype(np.float32)
    both = pyramids.keep(own, share) + pyramids.keep(own, 1 - share)
    np.testing.assert_allclose(both, own, atol=1e-2)
    assert np.abs(pyramids.keep(own, share) - own).max() > 10
