"""Faces to find: the ball of a head by hand; faces painted over; pictures cut into pieces."""

import numpy as np
from PIL import Image

from facealign.data.datasets import boxed
from facealign.faces.mmod import Found
from facealign.geometry import camera as cameras
from facealign.geometry.camera import Camera


def look(yaw, roll):
    rotation = np.asarray(cameras.rotation_of(np.array([yaw, 0.0, roll])))
    return Camera(rotation, np.float32(4), np.array([100.0, 80.0], np.float32))


def test_the_ball_of_a_head_by_hand():
    """8 cm before and 2.8 under its origin, enlarged by 1 / (1 - 8 / 120)."""
    centre, radius = boxed.ball_of(look(0.0, 0.0))
    np.testing.assert_allclose(centre, [100, 80 + 4 * 2.8 / (1 - 8 / 120)], rtol=1e-5)
    np.testing.assert_allclose(radius, 4 * boxed.RADIUS)
    aside, _ = boxed.ball_of(look(90.0, 0.0))
    np.testing.assert_allclose(np.abs(aside - [100, 80 + 4 * 2.8]), [32, 0], atol=1e-3)


def test_the_way_up_turns_with_the_head():
    np.testing.assert_allclose(boxed.way_up(look(30.0, 0.0)), [0, -1], atol=1e-6)
    np.testing.assert_allclose(np.abs(boxed.way_up(look(0.0, 90.0))), [1, 0], atol=1e-6)
    np.testing.assert_allclose(boxed.way_up(look(0.0, 180.0)), [0, 1], atol=1e-6)


def test_other_faces_are_those_away_from_the_ball():
    centre = np.array([50.0, 50.0])
    assert not boxed._has_others(Found([], []), centre, 20)
    assert not boxed._has_others(Found([(35, 35, 75, 75)], [1.0]), centre, 20)
    assert boxed._has_others(Found([(35, 35, 75, 75), (80, 40, 110, 70)], [1, 1]), centre, 20)


def test_a_face_is_painted_over_and_nothing_else():
    rng = np.random.default_rng(0)
    window = rng.integers(0, 255, (boxed.SIZE, boxed.SIZE), np.uint8)
    rows, columns = np.mgrid[: boxed.SIZE, : boxed.SIZE] - (boxed.SIZE - 1) / 2
    beside = np.hypot(rows, columns) > boxed.PAINTED * boxed.IN_EXAMPLE
    for _ in range(4):
        painted = boxed.paint_over(window, rng)
        np.testing.assert_array_equal(painted[beside], window[beside])
        assert (painted != window)[~beside].mean() > 0.5


def test_pictures_are_cut_into_pieces_without_faces():
    pieces = list(boxed._cut("a.jpg", Image.new("L", (2 * boxed.SIZE + 9, 90))))
    assert 1 <= len(pieces) <= boxed.MOST_PIECES
    for name, example in pieces:
        assert name.endswith("restricted") and example["domain"] == "restricted"
        np.testing.assert_array_equal(example["ball"], 0)
