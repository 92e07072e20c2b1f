"""Where the pixels of a portrait are on the head, and how well the photo shows them."""

import functools

import numpy as np
import pytest
from scipy import ndimage

from facealign.faces.turning import turn
from facealign.geometry import camera as cameras
from facealign.geometry import frame
from facealign.geometry import head as heads
from tests.faces.turning.test_compose import SIZE, head_at


@functools.cache
def mean_view(yaw=0.0, size=SIZE):
    model, head = heads.load_head(), head_at(yaw)
    portrait = turn.portrait_camera(model, model.mean, size)
    return turn.view_head(model.mean, head.camera, portrait, size), head


def test_a_portrait_shows_the_five_points_where_the_frame_has_them():
    model = heads.load_head()
    camera = turn.portrait_camera(model, model.mean, 256)
    points = np.asarray(cameras.project(heads.landmarks68(model, model.mean), camera))[:, :2]
    wanted = frame.apply(frame.to_portrait(256), frame.FIVE_POINTS)
    np.testing.assert_allclose(frame.five_points(points), wanted, atol=6)
    assert camera.scale * frame.PORTRAIT == pytest.approx(256, rel=0.12)


def test_a_portrait_from_aside_is_as_large_and_looks_there():
    model = heads.load_head()
    ahead = turn.portrait_camera(model, model.mean, 256)
    aside = turn.portrait_camera(model, model.mean, 256, (30.0, -10.0))
    angles = np.asarray(cameras.angles_of(aside.rotation))
    np.testing.assert_allclose(angles, (30, -10, 0), atol=1e-3)
    assert aside.scale == ahead.scale and (aside.shift == ahead.shift).all()


def test_places_of_a_head_that_looks_ahead_are_those_of_its_similarity():
    view, head = mean_view()
    back = np.argwhere(view.surface)[:, ::-1] - view.camera.shift
    wanted = back * float(head.camera.scale / view.camera.scale) + head.camera.shift
    np.testing.assert_allclose(view.own.place[view.surface], wanted, atol=0.05)
    middle = view.surface & (view.part == turn.FACE) & (view.own.facing > 0.5)
    assert view.own.visible[middle].all() and view.own.weight[middle].min() == 1


def test_the_other_side_is_the_mirror_image_of_a_head_that_looks_ahead():
    """The mean head is symmetric about the column where its origin is."""
    view, head = mean_view()
    own, other = view.own.place[view.surface], view.other.place[view.surface]
    np.testing.assert_allclose(own[:, 0] + other[:, 0], 2 * head.camera.shift[0], atol=0.1)
    np.testing.assert_allclose(own[:, 1], other[:, 1], atol=0.1)


def test_a_turned_head_hides_its_far_side_and_shows_the_other():
    """It looks to the right in the photo: the right half of the face is hidden."""
    view, _ = mean_view(60.0)
    face = view.surface & (view.part == turn.FACE)
    columns = np.broadcast_to(np.arange(SIZE), face.shape)
    left = face & (columns < view.camera.shift[0] - 8)
    right = face & (columns > view.camera.shift[0] + 8)
    for side, (shown, hidden) in ((view.own, (left, right)), (view.other, (right, left))):
        assert side.weight[shown].mean() > 0.9 > 0.35 > side.weight[hidden].mean()


def test_what_the_nose_may_hide_comes_from_the_other_side():
    """Of a head that looks to the right: its right cheek beside the nose, if the nose is larger."""
    view, _ = mean_view(25.0)
    face = view.surface & (view.part == turn.FACE)
    doubted = face & view.own.visible & ~view.own.clear
    right = np.broadcast_to(np.arange(SIZE), face.shape) > view.camera.shift[0]
    assert doubted.any() and right[doubted].mean() > 0.9
    assert view.own.weight[doubted].mean() < 0.5 and view.other.weight[doubted].mean() > 0.9


def test_places_have_no_steps_where_the_head_has_creases():
    """Second differences in px of the photo; the head itself has 2.2 around its nostrils."""
    view, _ = mean_view(25.0)
    inner = ndimage.binary_erosion(view.surface & (view.part == turn.FACE), iterations=3)
    bends = np.abs(np.diff(view.own.place, n=2, axis=1)).max(axis=-1)
    assert bends[inner[:, 1:-1]].max() < 1
