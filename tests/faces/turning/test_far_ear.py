"""The far ear: the near one, mirrored about the middle of the portrait."""

import numpy as np
import pytest

from facealign.faces.turning import turn
from facealign.faces.turning.far_ear import mirror_ear
from facealign.faces.turning.matte import Matte
from facealign.faces.turning.scene import map_scene
from facealign.geometry import head as heads
from tests.faces.turning.test_compose import SIZE, head_at

EVERYBODY = Matte(np.ones((8, 8), np.float32), np.eye(3)[:2])


def found(yaw, matte=EVERYBODY, view_yaw=0.0, person=None):
    model, head = heads.load_head(), head_at(yaw)
    portrait = turn.portrait_camera(model, model.mean, SIZE, (view_yaw, 0.0))
    view = turn.view_head(model.mean, head.camera, portrait, SIZE)
    reach = map_scene(view, model.mean, head.camera, matte)
    if person is not None:
        reach = reach._replace(person=person(view, reach))
    place, share = mirror_ear(view, reach, np.ones((SIZE, SIZE), np.float32))
    return view, reach, place, share


def short_hair(view, reach):
    """The person ends 0.8 cm beside the head."""
    return (reach.beside < 0.8).astype(np.float32)


@pytest.mark.parametrize("yaw", [30.0, -30.0])
def test_it_is_on_the_far_side_at_the_height_of_ears(yaw):
    view, *_, share = found(yaw, person=short_hair)
    rows, columns = np.nonzero(share > 0.5)
    assert len(rows)
    height = (view.eyes - rows) / float(view.camera.scale)
    assert height.max() < 3 and height.min() > -6
    middle = float(view.camera.shift[0])
    assert ((columns - middle) * np.sign(yaw) > 0).all()
    assert (share > 0.5)[~view.surface].any()  # further out than the fitted head


def test_it_reads_the_photo_where_the_mirrored_pixel_does():
    view, reach, place, share = found(30.0, person=short_hair)
    row, column = np.argwhere(share > 0.9)[0]
    mirrored = round(2 * float(view.camera.shift[0]) - column)
    np.testing.assert_array_equal(place[row, column], reach.place[row, mirrored])


@pytest.mark.parametrize(
    ("yaw", "view_yaw", "person"),
    [(8.0, 0.0, short_hair), (30.0, 20.0, short_hair),
     (30.0, 0.0, lambda view, reach: np.ones_like(reach.beside)),
     (30.0, 0.0, lambda view, reach: np.zeros_like(reach.beside))],
    ids=["hardly turned", "another view", "long hair", "nobody there"],
)  # fmt: skip
def test_otherwise_there_is_none(yaw, view_yaw, person):
    *_, share = found(yaw, view_yaw=view_yaw, person=person)
    assert share.max() < 0.05
