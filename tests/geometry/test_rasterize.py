"""Drawing triangles with a depth buffer, and what an image shows of a head."""

import numpy as np
import pytest

from facealign.geometry import camera, generic_face, rasterize
from facealign.geometry.camera import Camera
from tests.plain_draw import draw
from tests.toy_head import create_toy_head

# Two triangles, counter-clockwise: a large one at z = 0, a small one 2 cm in front of it.
TWO = np.array([(0, 0, 0), (0, 8, 0), (8, 0, 0), (1, 1, 2), (1, 3, 2), (3, 1, 2)], float)
CORNERS = np.array([(0, 1, 2), (3, 4, 5)])


def posed(yaw: float, size: int = 64) -> np.ndarray:
    rotation = generic_face.rotation(yaw, 0, 0)
    middle = np.full(2, (size - 1) / 2)
    toy = create_toy_head()
    return np.array(camera.project(toy.mean, Camera(rotation, np.float64(size / 24), middle)))


def test_two_triangles_by_hand():
    drawn = rasterize.draw_triangles(TWO, CORNERS, (5, 10))
    expected = [
        [0, 0, 0, 0, 0, 0, 0, 0, 0, -1],
        [0, 1, 1, 1, 0, 0, 0, 0, -1, -1],
        [0, 1, 1, 0, 0, 0, 0, -1, -1, -1],
        [0, 1, 0, 0, 0, 0, -1, -1, -1, -1],
        [0, 0, 0, 0, 0, -1, -1, -1, -1, -1],
    ]
    np.testing.assert_array_equal(drawn.triangle, expected)
    np.testing.assert_array_equal(drawn.depth == 2, drawn.triangle == 1)
    np.testing.assert_array_equal(np.isneginf(drawn.depth), drawn.triangle == -1)
    np.testing.assert_allclose(drawn.shares[2, 4], (0.25, 0.25, 0.5), atol=1e-6)
    np.testing.assert_allclose(drawn.shares[1, 2], (0.5, 0, 0.5), atol=1e-6)
    np.testing.assert_array_equal(drawn.shares[4, 9], 0)


def test_the_order_of_triangles_does_not_matter_and_backs_are_not_drawn():
    swapped = rasterize.draw_triangles(TWO, CORNERS[::-1], (5, 10))
    np.testing.assert_array_equal(
        swapped.depth, rasterize.draw_triangles(TWO, CORNERS, (5, 10)).depth
    )
    back = rasterize.draw_triangles(TWO, CORNERS[:, ::-1], (5, 10))
    assert (back.triangle == -1).all()


def test_a_square_of_two_triangles_has_no_seam_and_ends_at_the_image():
    square = np.array([(-3, -3, 1), (-3, 20, 1), (20, 20, 1), (20, -3, 1)], float)
    drawn = rasterize.draw_triangles(square, np.array([(0, 1, 2), (0, 2, 3)]), (7, 6))
    assert drawn.triangle.shape == (7, 6)
    assert (drawn.triangle >= 0).all()
    np.testing.assert_allclose(drawn.depth, 1, rtol=1e-6)
    away = rasterize.draw_triangles(square + np.array((100, 0, 0)), np.array([(0, 1, 2)]), (7, 6))
    assert (away.triangle == -1).all()


@pytest.mark.parametrize("yaw", [0, 35, 90])
def test_as_a_plain_renderer(yaw):
    """It also draws the backs of triangles, which a closed head hides."""
    points, toy = posed(yaw), create_toy_head()
    drawn = rasterize.draw_triangles(points, toy.triangles, (64, 64))
    depth, values = draw(points, toy.triangles, toy.mean, (64, 64))
    np.testing.assert_array_equal(np.isfinite(drawn.depth), np.isfinite(depth))
    hit = drawn.triangle >= 0
    assert hit.mean() > 0.2
    np.testing.assert_allclose(drawn.depth[hit], depth[hit], atol=1e-4)
    found = (drawn.shares[..., None] * toy.mean[toy.triangles[drawn.triangle]]).sum(axis=2)
    np.testing.assert_allclose(found[hit], values[hit], atol=1e-4)


def test_what_a_triangle_hides():
    """Vertices: of the front triangle; behind it by 2 cm; beside it; outside of the image."""
    points = np.concatenate([TWO, [(1.5, 1.5, 0), (1.2, 1.2, 1.8), (6, 1, 0), (-2, -2, 0)]])
    # Small triangles make vertices 6 to 9 part of the surface.
    added = [(6, 1, 2), (7, 1, 2), (8, 1, 2), (9, 1, 2)]
    corners = np.array([*CORNERS, *added])
    found = rasterize.seen(points, corners, (9, 9))
    np.testing.assert_array_equal(found[3:6], True)
    assert not found[6]
    assert found[7]  # 0.2 cm behind is within the tolerance
    assert not rasterize.seen(points, corners, (9, 9), tolerance=0.1)[7]
    assert found[8]
    assert not found[9]


def test_a_profile_shows_one_side_of_the_head():
    toy = create_toy_head()
    found = rasterize.seen(posed(90), toy.triangles, (64, 64))
    x = toy.mean[:, 0]  # the face looks to the right, so its left side is seen
    assert found[x < -1].all()
    assert not found[x > 1].any()
    far = posed(90) + np.array((1000, 0, 0))
    assert not rasterize.seen(far, toy.triangles, (64, 64)).any()


def test_seen_does_not_depend_on_the_size_of_the_photo():
    toy = create_toy_head()
    small, large = (
        rasterize.seen(posed(30, size), toy.triangles, (size, size)) for size in (400, 4000)
    )
    assert (small == large).mean() > 0.98


def test_places_of_the_same_view_are_its_pixels():
    toy = create_toy_head()
    found = rasterize.places(posed(20), posed(20), toy.triangles, (64, 64), (64, 64))
    y, x = np.nonzero(found.mask)
    np.testing.assert_allclose(found.place[found.mask], np.stack([x, y], axis=1), atol=1e-3)
    assert found.seen[found.mask].all()
    assert not found.seen[~found.mask].any()
    np.testing.assert_array_equal(found.place[~found.mask], 0)


def test_places_of_a_turned_head():
    """The frontal view of a head whose face looks to the right: its right side is hidden."""
    toy = create_toy_head()
    photo = posed(60, 128)
    found = rasterize.places(posed(0), photo, toy.triangles, (64, 64), (128, 128))
    nose = toy.mean[:, 2].argmax()
    np.testing.assert_allclose(found.place[31, 31], photo[nose, :2], atol=4)
    assert found.place[31, 31, 0] > 64 + 20
    columns = np.nonzero(found.mask)[1]
    assert found.seen[:, :30][found.mask[:, :30]].mean() > 0.95
    right = np.arange(64) > columns.max() - 8
    assert found.seen[:, right].sum() < 0.1 * found.mask[:, right].sum()
    cut = rasterize.places(posed(0), photo, toy.triangles, (64, 64), (128, 64))
    assert (cut.place[cut.seen][:, 0] < 63.5).all()


def test_a_smooth_sheet_of_twenty_thousand_triangles_has_no_hole():
    y, x = np.mgrid[:101, :101] * 5.0
    points = np.stack([x, y, np.sin(x / 40)], axis=-1).reshape(-1, 3)
    corner = (np.arange(100)[:, None] * 101 + np.arange(100)).ravel()
    a, b, c, d = corner, corner + 1, corner + 101, corner + 102
    triangles = np.concatenate([np.stack([a, c, d], 1), np.stack([a, d, b], 1)])
    drawn = rasterize.draw_triangles(points, triangles, (512, 512))
    assert (drawn.triangle[:501, :501] >= 0).all()
