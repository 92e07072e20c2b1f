"""The surface of the mean head in the canonical crop."""

import numpy as np

from facealign.geometry import frame, head, head_surface, pose, rasterize
from facealign.geometry.frame import MIDDLE
from facealign.geometry.head_surface import COLUMNS, ROWS

SURFACE = head_surface.create_surface()
GRID = SURFACE.points.reshape(len(ROWS), len(COLUMNS), 3)
STILL = SURFACE.still.reshape(len(ROWS), len(COLUMNS))


def at(x, y):
    """The point of the sheet at a pixel of the crop."""
    return GRID[y - ROWS[0], x - COLUMNS[0]]


def profile_distance(points):
    """How far the nose tip is in front of eye and mouth corner of a profile, px of the crop."""
    places = points @ pose.rotation(90, 0, 0).T
    eye, nose, mouth = places[[0, 2, 3], :2]
    along = (mouth - eye) / np.linalg.norm(mouth - eye)
    return np.linalg.norm(nose - eye - ((nose - eye) @ along) * along)


def test_the_placed_head_has_the_canonical_landmarks():
    vertices, landmarks = head_surface.place_head()
    assert vertices.shape == head.load_head().mean.shape
    five = frame.five_points(landmarks)
    np.testing.assert_allclose(five[:2, :2], frame.FIVE_POINTS[:2], atol=0.8)
    np.testing.assert_allclose(five[3:, 1], frame.FIVE_POINTS[3:, 1], atol=0.5)
    np.testing.assert_allclose(five[2:, 0], frame.FIVE_POINTS[2:, 0], atol=5)  # LFW smiles
    np.testing.assert_allclose(SURFACE.five[:, 2], five[:, 2], atol=0.1)
    np.testing.assert_allclose(SURFACE.five[:, :2], frame.FIVE_POINTS, atol=0.6)
    mirrored = SURFACE.five[[1, 0, 2, 4, 3]] * (-1, 1, 1) + (2 * MIDDLE, 0, 0)
    np.testing.assert_allclose(mirrored, SURFACE.five, atol=1e-9)
    assert abs(profile_distance(SURFACE.five) - head_surface.NOSE) < 1


def test_the_face_of_the_sheet_is_that_of_the_mesh():
    vertices, _ = head_surface.place_head()
    triangles = head.load_head().triangles
    drawn = rasterize.draw_triangles(vertices, triangles, (frame.SIZE, frame.SIZE)).depth
    sheet = head_surface.in_crop(SURFACE.points)[..., 2]
    face = np.s_[30:110, 35:96]
    assert np.isfinite(drawn[face]).all()
    assert np.median(np.abs(sheet - drawn)[face]) < 1.0
    assert np.quantile((drawn - sheet)[face], 0.99) < 2.5  # filled rather than cut


def test_the_sheet_covers_the_crop_without_holes_or_jumps_and_is_symmetric():
    assert np.isfinite(SURFACE.points).all()
    assert {0, 127} <= set(ROWS) & set(COLUMNS)
    z = GRID[..., 2]
    np.testing.assert_allclose(z, z[:, ::-1], atol=1e-9)
    np.testing.assert_allclose(STILL, STILL[:, ::-1], atol=1e-9)
    steps = [np.abs(np.diff(z, axis=axis)).max() for axis in (0, 1)]
    assert max(steps) < 15  # px of depth between neighbouring pixels
    ends = SURFACE.points[SURFACE.corners][..., :2]
    first, second = ends[:, 1] - ends[:, 0], ends[:, 2] - ends[:, 0]
    area = (first[:, 1] * second[:, 0] - first[:, 0] * second[:, 1]) / 2
    assert (area > 0).all()  # the camera sees the outside of each
    assert area.sum() == (len(ROWS) - 1) * (len(COLUMNS) - 1)


def test_depth_order_is_nose_eyes_ears_background():
    nose, eye, ear = at(65, 80)[2], at(43, 53)[2], at(12, 65)[2]
    assert nose > eye + 15
    assert eye > ear + 20
    assert ear > head_surface.BACKGROUND_DEPTH + 20
    assert at(65, 70)[2] > at(58, 70)[2]  # the ridge of the nose
    assert STILL[40 - ROWS[0], 65 - COLUMNS[0]] == 0
    assert STILL[0, 0] == 1
    assert GRID[0, 0, 2] == head_surface.BACKGROUND_DEPTH


def test_a_profile_hides_nothing_of_its_side():
    """So depth rises from the sides to the middle, wherever things turn."""
    steps = np.diff(GRID[..., 2], axis=1)[:, : len(COLUMNS) // 2]
    assert (steps[STILL[:, 1 : len(COLUMNS) // 2 + 1] == 0] > 0).all()


def test_hair_turns_with_the_head():
    """The sheet is nearer than the scalp above the forehead, and moves beyond its outline."""
    vertices, _ = head_surface.place_head()
    top = vertices[head.load_head().part < head.PARTS.index("neck"), 1].min()
    above = int(top) - 6
    assert STILL[above - ROWS[0], MIDDLE - COLUMNS[0]] == 0
    shape = (len(ROWS), len(COLUMNS))
    moved = vertices - (COLUMNS[0], ROWS[0], 0)
    drawn = rasterize.draw_triangles(moved, head.load_head().triangles, shape).depth
    row = int(top) + 12
    assert at(MIDDLE, row)[2] > drawn[row - ROWS[0], MIDDLE - COLUMNS[0]] + 2
