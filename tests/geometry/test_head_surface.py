"""The surface of the generic head, and the renderer."""

import numpy as np

from facealign.geometry import frame, head_surface
from facealign.geometry.head_surface import COLUMNS, MIDDLE, ROWS

SURFACE = head_surface.create_surface()
GRID = SURFACE.points.reshape(len(ROWS), len(COLUMNS), 3)
STILL = SURFACE.still.reshape(len(ROWS), len(COLUMNS))


def at(x, y):
    """The point of the sheet at a pixel of the crop."""
    return GRID[y - ROWS[0], x - COLUMNS[0]]


def test_the_nearer_triangle_is_drawn_and_values_are_interpolated():
    points = np.array(
        [(0, 0, 0), (6, 0, 0), (0, 6, 0), (0, 0, 5), (2, 0, 5), (0, 2, 5)], np.float64
    )
    depth, values = head_surface.draw(
        points, np.array([(0, 1, 2), (5, 4, 3)]), np.array([[0.0, 6, 0, 9, 9, 9]]).T, (7, 8)
    )
    assert depth.shape == (7, 8)
    near = {(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (0, 2)}
    for y, x in np.ndindex(7, 8):
        if (x, y) in near:
            assert (depth[y, x], values[y, x, 0]) == (5, 9)
        elif x + y <= 6:
            np.testing.assert_allclose((depth[y, x], values[y, x, 0]), (0, x), atol=1e-12)
        else:
            assert (depth[y, x], values[y, x, 0]) == (-np.inf, 0)


def test_depth_of_a_slope():
    points = np.array([(-9, -9, 0), (30, -9, 39), (-9, 30, 78)], np.float64)
    depth, _ = head_surface.draw(points, np.array([(0, 1, 2)]), points, (5, 5))
    y, x = np.mgrid[:5, :5]
    np.testing.assert_allclose(depth, (x + 9) + 2 * (y + 9))


def test_the_fitted_face_has_the_canonical_landmarks():
    vertices, five = head_surface.fit_face()
    np.testing.assert_allclose(five[:, :2], frame.FIVE_POINTS, atol=1.6)
    np.testing.assert_allclose(five[:2, 1].mean(), frame.FIVE_POINTS[:2, 1].mean(), atol=0.3)
    np.testing.assert_allclose(vertices[:, 0].max() - MIDDLE, head_surface.HALF_WIDTH)
    mirrored = five[[1, 0, 2, 4, 3]] * (-1, 1, 1) + (2 * MIDDLE, 0, 0)
    np.testing.assert_allclose(mirrored, five, atol=2e-3)


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
    area = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2
    assert area.sum() == (len(ROWS) - 1) * (len(COLUMNS) - 1)


def test_depth_order_is_nose_eyes_ears_background():
    nose, eye, ear = at(65, 77)[2], at(43, 53)[2], at(15, 65)[2]
    assert nose > eye + 20
    assert eye > ear + 20
    assert ear > head_surface.BACKGROUND_DEPTH + 30
    assert at(65, 70)[2] > at(58, 70)[2]  # the ridge of the nose
    assert STILL[40 - ROWS[0], 65 - COLUMNS[0]] == 0
    assert STILL[0, 0] == 1
    assert GRID[0, 0, 2] == head_surface.BACKGROUND_DEPTH
