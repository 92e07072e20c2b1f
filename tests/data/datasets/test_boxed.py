"""Faces to find: the ball of a head by hand; faces painted over; pictures cut into pieces."""

import numpy as np
import pytest
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
    away = np.hypot(rows, columns) / boxed.IN_EXAMPLE
    beside, inside = away > boxed.PAINTED[1], away < boxed.PAINTED[0]
    for _ in range(4):
        painted = boxed.paint_over(window, rng)
        np.testing.assert_array_equal(painted[beside], window[beside])
        assert (painted != window)[inside].mean() > 0.5


@pytest.mark.parametrize(
    ("size", "count"),
    [
        ((2 * boxed.SIZE + 9, 90), 6),  # enlarged, so that a piece fits; then of one size
        ((600, 500), 6 + 2),  # as it is, and all of its height in a piece
        ((3000, 2000), 6 + 6 + 2),
    ],
)
def test_pictures_are_cut_into_pieces_without_faces(size, count):
    pieces = list(boxed._cut("a.jpg", Image.linear_gradient("L").resize(size)))
    assert len(pieces) == count and len({name for name, _ in pieces}) == count
    rows = [np.asarray(Image.open(example["image"]))[:, 0] for _, example in pieces]
    assert any(row[0] < 30 and row[-1] > 225 for row in rows)  # one shows all
    for name, example in pieces:
        assert name.endswith("restricted") and example["domain"] == "restricted"
        np.testing.assert_array_equal(example["ball"], 0)
