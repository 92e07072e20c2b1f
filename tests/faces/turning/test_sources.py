"""Where the pixels of a portrait come from."""

import numpy as np
import pytest

from facealign.faces.turning import far_side, scene, sources, turn
from facealign.faces.turning.far_side import mirror_side
from facealign.geometry import head as heads
from tests.faces.turning.test_compose import NOBODY, SIZE, head_at
from tests.faces.turning.test_far_side import EVERYBODY

PHOTO = (240, 200)


def found(yaw, size=SIZE, matte=EVERYBODY):
    """Of the mean head in a photo that holds all of the frame."""
    model, head = heads.load_head(), head_at(yaw)
    portrait = turn.portrait_camera(model, model.mean, size)
    view = turn.view_head(model.mean, head.camera, portrait, size)
    reach = scene.map_scene(view, model.mean, head.camera, matte)
    held = np.ones((size, size), np.float32)
    got = sources.find_sources(view, reach, held, PHOTO)
    side = mirror_side(view, reach, got.own_weight)
    return view, reach, sources.replace_side(got, side, float(portrait.scale))


def face_of(view):
    return view.surface & (view.part == turn.FACE)


def test_all_of_a_head_that_looks_ahead_is_its_own():
    _, reach, got = found(2.0)
    assert reach.turned == 0 and got.own_weight.min() == 1 and got.other_weight.max() == 0
    np.testing.assert_array_equal(got.shares, np.broadcast_to((1.0, 0.0), (SIZE, SIZE, 2)))


@pytest.mark.parametrize("yaw", [13.0, 34.0])
def test_head_and_scene_meet_in_pixels_of_one_side(yaw):
    """The outermost pixel of the rim, 0.26 cm wide: the near side's, which the far one mirrors."""
    view, _, got = found(yaw)
    columns = np.arange(SIZE)
    for height in (8, 1, -6):  # cm above the eyes
        row = round(view.eyes - height * float(view.camera.scale))
        near, *_, far = columns[view.surface[row]]
        assert got.own_weight[row, near] > 0.9
        assert got.own_weight[row, far] < 0.1 and got.other_weight[row, far] > 0.9
    hidden = face_of(view) & (view.own.weight < 0.1)
    middle = np.abs(columns - float(view.camera.shift[0])) < far_side.SIDE[0] * view.camera.scale
    assert (got.own_weight[hidden & middle].min() > 0.9) == (yaw < sources.HARDLY[0])


@pytest.mark.parametrize("yaw", [25.0, 60.0, 90.0])
def test_all_of_the_other_side_may_be_mixed(yaw):
    *_, got = found(yaw)
    assert (got.alike >= got.other_weight - 1e-6).all() and got.far.max() > 0.9


@pytest.mark.parametrize("yaw", [90.0, -90.0])
def test_no_part_of_a_profile_is_filled(yaw):
    """Its middle, which neither side shows, is smeared; before, it was filled."""
    view, _, got = found(yaw)
    face = face_of(view)
    assert (np.minimum(1, 2 * (view.own.weight + view.other.weight))[face] < 0.5).mean() > 0.05
    assert got.known[face].mean() > 0.97


def test_a_head_comes_from_both_sides_alike():
    first, second = (found(yaw)[2] for yaw in (35.0, -35.0))
    middle = float(found(35.0)[0].camera.shift[0])
    columns = np.rint(2 * middle - np.arange(SIZE)).astype(int)
    kept = (columns >= 0) & (columns < SIZE)
    difference = np.abs(first.own_weight[:, kept] - second.own_weight[:, columns[kept]])
    assert difference.mean() < 0.02


def test_places_beside_the_head_move_to_the_nearest_in_it():
    size = 2 * SIZE
    view, reach, _ = found(90.0, size, NOBODY)
    core = sources.Core(reach, float(view.camera.scale))
    rows, columns = np.mgrid[:size, :size]
    upright = np.stack([columns, rows], axis=-1).reshape(-1, 2)
    place = scene.frame.apply(reach.upright, upright).reshape(size, size, 2)
    at, moved = core.at(place), core.move_inside(place)
    assert at[reach.outline].mean() > 0.8 and at[~reach.outline].max() < 0.5
    np.testing.assert_allclose(moved[at > 0.75], place[at > 0.75])
    assert core.at(moved)[reach.outline].min() > 0.2
    away = np.linalg.norm(moved - place, axis=-1)[(at < 0.5) & reach.outline]
    assert away.max() < 1.5 * float(head_at().camera.scale)  # cm in px of the photo
