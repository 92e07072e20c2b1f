"""The outline of a head that meets its matte: where, how far, and on which side."""

import numpy as np
import pytest

from facealign.faces.turning import scene, turn
from facealign.geometry import head as heads
from tests.faces.turning.test_compose import NOBODY, head_at

SIZE, SCALE, EYES = 128, 4.0, 60
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]
HEIGHTS = (EYES - np.arange(SIZE)) / SCALE
LEFT, RIGHT = 40, 87
OUTLINE = (COLUMNS >= LEFT) & (COLUMNS <= RIGHT) & (ROWS > 20) & (ROWS < 110)
CHEEK = slice(EYES + 6, EYES + 26)  # rows well between temple and jaw


def matte_to(right, left=LEFT):
    return ((COLUMNS >= left) & (COLUMNS <= right)).astype(np.float32)


def meet(alpha, way=0.5):
    return scene._meet_matte(OUTLINE, alpha, HEIGHTS, SCALE, way)


@pytest.mark.parametrize("off", [-2, -1, 1, 2])
def test_the_far_cheek_ends_where_the_matte_does(off):
    met = meet(matte_to(RIGHT + off))
    rows = met[CHEEK]
    np.testing.assert_array_equal(rows, (COLUMNS >= LEFT)[CHEEK] & (COLUMNS <= RIGHT + off)[CHEEK])
    above = slice(0, EYES - round(3.5 * SCALE))  # the temple's hair is left alone
    np.testing.assert_array_equal(met[above], OUTLINE[above])


def test_it_is_the_side_to_which_the_face_looks():
    narrow = matte_to(RIGHT - 2, LEFT + 2)
    right, left = meet(narrow), meet(narrow, way=-0.5)
    assert not right[EYES + 15, RIGHT] and right[EYES + 15, LEFT]
    assert not left[EYES + 15, LEFT] and left[EYES + 15, RIGHT]
    np.testing.assert_array_equal(right, left[:, ::-1])


@pytest.mark.parametrize(
    "alpha", [matte_to(RIGHT + 12), matte_to(RIGHT - 12), np.zeros((SIZE, SIZE), np.float32),
              np.ones((SIZE, SIZE), np.float32)], ids=["hair", "far off", "nobody", "all"]
)  # fmt: skip
def test_a_matte_that_ends_elsewhere_changes_nothing(alpha):
    np.testing.assert_array_equal(meet(alpha), OUTLINE)


def test_a_face_that_looks_ahead_has_no_far_cheek():
    np.testing.assert_array_equal(meet(matte_to(RIGHT - 3), way=0.1), OUTLINE)


def test_the_way_a_face_looks_does_not_change_with_its_leaning():
    model = heads.load_head()
    portrait = turn.portrait_camera(model, model.mean, SIZE)
    ways = []
    for roll in (0.0, 25.0, -25.0):
        head = head_at(14.0, 15.0, roll)
        view = turn.view_head(model.mean, head.camera, portrait, SIZE)
        ways.append(scene.map_scene(view, model.mean, head.camera, NOBODY).way)
    assert ways[0] > 0.15
    np.testing.assert_allclose(ways, ways[0], atol=0.02)
