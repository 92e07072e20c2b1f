"""The seam between what a photo shows of a head and its mirrored other side."""

import itertools

import numpy as np
import pytest

from facealign.faces.turning import far_side, seam
from facealign.faces.turning.far_side import mirror_side
from tests.faces.turning.test_compose import SIZE
from tests.faces.turning.test_far_side import found, short_hair

LIGHT, DARK = 180.0, 40.0


def cost_of(path, cost):
    steps = np.abs(np.diff(path))
    if steps.max(initial=0) > seam.STEEP:
        return np.inf
    return cost[np.arange(len(path)), path].sum() + seam.BEND * steps.sum() / seam.STEEP


@pytest.mark.parametrize("seed", range(5))
def test_no_way_is_cheaper(seed):
    cost = np.random.default_rng(seed).uniform(0, 10, (4, 6))
    ways = itertools.product(range(6), repeat=4)
    best = min(cost_of(np.array(way), cost) for way in ways)
    assert cost_of(seam.find_path(cost), cost) == pytest.approx(best)


def moved(yaw, patch):
    """A gray head, but for a dark patch (right, wide, low, high: cm) of its own at the temple."""
    view, reach, *_ = found(yaw, person=short_hair)
    side = mirror_side(view, reach, np.ones((SIZE, SIZE), np.float32))
    out = far_side.outwards(view, reach)
    height = (view.eyes - np.arange(SIZE)[:, None]) / float(view.camera.scale)
    left, right, low, high = patch
    mirrored = np.full((SIZE, SIZE, 3), LIGHT)
    own = mirrored.copy()
    there = (out > left) & (out < right) & (height > low) & (height < high)
    own[there] = DARK
    new = seam.move_seam(side, own, mirrored, view, reach)
    return side, new, there & view.surface & (side.share < 0.5)


@pytest.mark.parametrize("yaw", [30.0, -30.0])
def test_hair_over_the_forehead_is_replaced_and_eyes_are_not(yaw):
    _, new, there = moved(yaw, (4.5, 9.0, 2.4, 3.6))
    assert there.sum() > 5 and new.share[there].min() > 0.99
    _, new, there = moved(yaw, (2.0, 4.0, -1.0, 1.0))
    assert there.sum() > 20 and new.share[there].max() < 0.1


def test_without_a_difference_it_stays():
    side, new, _ = moved(30.0, (0.0, 0.0, 0.0, 0.0))
    assert np.abs(new.share - side.share).mean() < 0.02
    assert (new.share >= side.share).all() and (new.alike >= new.share).all()


def test_a_head_that_looks_ahead_has_none():
    side, new, _ = moved(2.0, (4.5, 9.0, 2.4, 3.6))
    assert new is side and side.share.max() == 0
