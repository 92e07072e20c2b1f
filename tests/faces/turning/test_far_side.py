"""The far side: the near one, mirrored about the middle of the portrait."""

import numpy as np
import pytest
from scipy import ndimage

from facealign.faces.turning import far_side, turn
from facealign.faces.turning.far_side import mirror_side
from facealign.faces.turning.matte import Matte
from facealign.faces.turning.scene import map_scene
from facealign.geometry import head as heads
from tests.faces.turning.test_compose import NOBODY, SIZE, head_at

EVERYBODY = Matte(np.ones((8, 8), np.float32), np.eye(3)[:2])


def found(yaw, matte=EVERYBODY, view_yaw=0.0, person=None):
    model, head = heads.load_head(), head_at(yaw)
    portrait = turn.portrait_camera(model, model.mean, SIZE, (view_yaw, 0.0))
    view = turn.view_head(model.mean, head.camera, portrait, SIZE)
    reach = map_scene(view, model.mean, head.camera, matte)
    if person is not None:
        reach = reach._replace(person=person(view, reach))
    side = mirror_side(view, reach, np.ones((SIZE, SIZE), np.float32))
    return view, reach, side.place, side.share


def short_hair(view, reach):
    """The person ends 0.8 cm beside the head."""
    return (reach.beside < 0.8).astype(np.float32)


def not_the_far_cheek(view, reach):
    """The matte knows just the left half, where the near side is."""
    return np.broadcast_to(np.arange(SIZE) < float(view.camera.shift[0]), (SIZE, SIZE)) * 1.0


@pytest.mark.parametrize("yaw", [30.0, -30.0])
def test_it_is_far_from_the_middle_and_sticks_out_of_the_fitted_head(yaw):
    view, reach, _, share = found(yaw, person=short_hair)
    _, columns = np.nonzero(share > 0.01)
    right = (columns - float(view.camera.shift[0])) * np.sign(yaw) / float(view.camera.scale)
    assert right.min() > far_side.SIDE[0]
    assert (share > 0.5)[~view.surface].any()
    assert (share[reach.beside > 0.8 + 2 / float(view.camera.scale)] < 0.5).all()


def test_the_neck_is_not_mirrored_where_it_would_end_in_a_step():
    """Not beside the jaw, but for a soft edge; of the neck, and beside it, only below the chin."""
    view, reach, _, share = found(30.0, person=short_hair)
    height = (view.eyes - np.arange(SIZE)[:, None]) / float(view.camera.scale)
    low = (height < far_side.BESIDE[0]) & (reach.beside > far_side.EDGE[1])
    assert low.any() and share[low].max() == 0
    neck = far_side._neck(view, reach, float(view.camera.scale)) == 1
    out = (np.arange(SIZE) - float(view.camera.shift[0])) / float(view.camera.scale)
    aside = neck & (out > far_side.THROAT[1])
    for there in (aside & view.surface, aside & ~view.surface):
        assert there.any() and share[there].max() == 0


def test_what_the_photo_shows_stays_unless_it_is_the_background():
    view, _, _, share = found(30.0, person=short_hair)
    well = ndimage.minimum_filter(view.own.weight, 5) > 0.99
    assert well.any() and share[well].max() < 0.01
    view, _, _, share = found(30.0, person=not_the_far_cheek)
    rows, columns = np.nonzero(well)
    far = columns > float(view.camera.shift[0]) + far_side.SIDE[1] * float(view.camera.scale)
    assert share[rows[far], columns[far]].max() > 0.9


def test_without_a_matte_that_finds_the_head_there_is_none():
    *_, share = found(30.0, NOBODY)
    assert share.max() == 0


def test_it_reads_the_photo_where_the_mirrored_pixel_does():
    view, reach, place, share = found(30.0, person=short_hair)
    row, column = np.argwhere(share > 0.9)[0]
    mirrored = round(2 * float(view.camera.shift[0]) - column)
    np.testing.assert_array_equal(place[row, column], reach.place[row, mirrored])


@pytest.mark.parametrize(
    ("yaw", "view_yaw", "person"),
    [(8.0, 0.0, short_hair), (30.0, 20.0, short_hair),
     (30.0, 0.0, lambda view, reach: np.zeros_like(reach.beside))],
    ids=["hardly turned", "another view", "nobody there"],
)  # fmt: skip
def test_otherwise_there_is_none(yaw, view_yaw, person):
    *_, share = found(yaw, view_yaw=view_yaw, person=person)
    assert share.max() < 0.05
