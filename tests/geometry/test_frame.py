"""Transformations to the canonical frame, and canonical crops."""

import numpy as np
import pytest
from PIL import Image

from facealign.geometry import frame


def photo(size=(300, 260)):
    """A smooth gray image without repetitions."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 12), dtype=np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC)


def transformation(angle, scale, shift):
    """A similarity transformation [2, 3]; the angle is in degrees."""
    a, b = scale * np.cos(np.radians(angle)), scale * np.sin(np.radians(angle))
    return np.array([[a, -b, shift[0]], [b, a, shift[1]]])


def draw_transformed(image, matrix, size):
    """The image transformed by `matrix`, with Pillow only."""
    (a, b, c), (d, e, f) = frame.invert(matrix)
    c, f = c - (a + b) / 2 + 0.5, f - (d + e) / 2 + 0.5
    return image.transform(
        size, Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BICUBIC
    )


FACE = frame.apply(transformation(-8, 1.3, (60, 40)), frame.FIVE_POINTS)  # five points in `photo()`


def test_the_canonical_points_have_not_changed():
    """Prepared photos and packed weights depend on them."""
    face = np.array([(42.8, 53.5), (86.1, 52.8), (64.8, 77.1), (45.9, 99.7), (84.8, 99.1)])
    same = transformation(0, 1, (0, 0))
    np.testing.assert_allclose(frame.from_five_points(face), same, atol=1e-9)
    np.testing.assert_allclose(frame.from_pupils(face[:2]), same, atol=1e-9)
    assert frame.crop(photo(), same).shape == (128, 128, 1)


def test_similarity_finds_a_known_transformation():
    matrix = transformation(33, 0.4, (-5, 70))
    points = np.random.default_rng(0).uniform(0, 100, (7, 2))
    found = frame.similarity(points, frame.apply(matrix, points))
    np.testing.assert_allclose(found, matrix, atol=1e-9)


def test_similarity_never_mirrors_and_has_the_least_squared_error():
    points = np.array([(0, 0), (10, 0), (0, 10), (7, 9)])
    target = points * (-1, 1) + np.random.default_rng(0).normal(0, 1, (4, 2))
    matrix = frame.similarity(points, target)
    assert np.linalg.det(matrix[:, :2]) > 0

    def error(matrix):
        return np.square(frame.apply(matrix, points) - target).sum()

    for row, column in np.ndindex(2, 3):  # no similarity nearby is better
        change = np.zeros((2, 3))
        change[row, column] = 1e-3
        if column < 2:
            change[1 - row, 1 - column] = -1e-3 if row != column else 1e-3
        assert error(matrix) < error(matrix + change)


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([(3, 3), (3, 3)], "one place"),
        ([(0, 0), (1, np.nan)], "number"),
        ([(0, 0)], "at least two"),
    ],
)
def test_points_without_a_similarity_are_refused(points, reason):
    with pytest.raises(ValueError, match=reason):
        frame.similarity(np.array(points), np.array(points))


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ([(0, 0), (1, 1), (2, 0)], [(0, 0), (1, 1)], "two equal sets"),
        ([(0, 0), (1, 1)], [(0, 0), (1, 1), (2, 0)], "two equal sets"),
        ([(0,), (1,)], [(0,), (1,)], "two equal sets"),
        ([(0, 0, 0), (1, 1, 1)], [(0, 0, 0), (1, 1, 1)], "two equal sets"),
        ([(0, 0), (1, np.nan)], [(0, 0), (1, 1)], "number"),
        ([(0, 0), (1, 1)], [(0, 0), (1, np.inf)], "number"),
    ],
)
def test_points_that_do_not_match_are_refused(source, target, reason):
    with pytest.raises(ValueError, match=reason):
        frame.similarity(np.array(source), np.array(target))


def test_scaled_keeps_the_corners_of_the_crop():
    # The corner of the first pixel is at -0.5, the corner of the last pixel at 127.5.
    np.testing.assert_allclose(
        frame.scaled([(-0.5, 127.5), (0, 63.5)], 64), [(-0.5, 63.5), (-0.25, 31.5)]
    )


def test_similarity_of_points_near_each_other():
    matrix = frame.similarity(np.array([(0, 0), (0.1, 0)]), np.array([(0, 0), (1, 0)]))
    np.testing.assert_allclose(matrix, transformation(0, 10, (0, 0)), atol=1e-9)


def test_compose_applies_the_first_transformation_first():
    first, second = transformation(90, 2, (1, 0)), transformation(0, 1, (0, 5))
    # (3, 4) rotated is (-4, 3); 2 * (-4, 3) + (1, 0) is (-7, 6).
    np.testing.assert_allclose(frame.apply(frame.compose(second, first), [(3, 4)]), [(-7, 11)])


def test_side_in_photo_is_inverse_to_the_scale():
    np.testing.assert_allclose(frame.side_in_photo(transformation(30, 0.5, (3, 4))), 256)
    np.testing.assert_allclose(frame.side_in_photo(transformation(30, 0.6, (3, 4))), 128 / 0.6)


def test_invert_undoes_a_transformation():
    matrix = transformation(12, 0.3, (4, 9))
    points = np.random.default_rng(0).uniform(0, 100, (5, 2))
    back = frame.apply(frame.invert(matrix), frame.apply(matrix, points))
    np.testing.assert_allclose(back, points, atol=1e-9)


@pytest.mark.parametrize("size", [64, 128, 200])
def test_pupils_and_five_points_land_on_the_canonical_ones(size):
    target = frame.scaled(frame.FIVE_POINTS, size)
    five = frame.from_five_points(FACE, size)
    np.testing.assert_allclose(frame.apply(five, FACE), target, atol=1e-9)
    for order in ([0, 1], [1, 0]):
        pupils = frame.from_pupils(FACE[order], size)
        np.testing.assert_allclose(frame.apply(pupils, FACE), target, atol=1e-9)


@pytest.mark.parametrize("mirrored", [False, True])
def test_half_a_frontal_face_is_completed_by_its_mirror_image(mirrored):
    """Within 0.7 px, since the canonical points are not quite symmetric."""
    side = 1 if mirrored else 0
    eye, nose, mouth = FACE[0 + side], FACE[2], FACE[3 + side]
    midline = np.array([FACE[:2].mean(axis=0), FACE[3:].mean(axis=0)])
    matrix = frame.from_half_face(eye, nose, mouth, midline)
    np.testing.assert_allclose(frame.apply(matrix, FACE), frame.FIVE_POINTS, atol=0.7)


def test_half_a_symmetric_face_gives_the_transformation_of_the_whole_face():
    face = np.array([(40.0, 50.0), (88.0, 50.0), (64.0, 80.0), (50.0, 100.0), (78.0, 100.0)])
    seen = frame.apply(transformation(10, 0.6, (5, 9)), face)
    midline = frame.apply(transformation(10, 0.6, (5, 9)), [(64, 20), (64, 60), (64, 120)])
    whole = frame.from_five_points(seen)
    for eye, mouth in ((0, 3), (1, 4)):
        half = frame.from_half_face(seen[eye], seen[2], seen[mouth], midline)
        np.testing.assert_allclose(half, whole, atol=1e-9)


@pytest.mark.parametrize("looks", [1, -1])
def test_a_profile_is_upright_at_the_heights_of_a_frontal_face(looks):
    middle = (frame.SIZE - 1) / 2
    face = np.array([(57.0, 53.15), (87.0, 77.0), (57.0, 99.4)])  # eye, nose, mouth
    face[:, 0] = middle + looks * (face[:, 0] - middle)
    seen = frame.apply(transformation(25, 2.2, (30, -10)), face)
    matrix = frame.from_profile(*seen)
    np.testing.assert_allclose(frame.apply(matrix, seen), face, atol=1e-9)


@pytest.mark.parametrize("scale", [0.7, 1.4, 5.3])
def test_a_known_point_is_drawn_where_the_matrix_says(scale):
    """Draws a spot at each point and compares its centre of brightness in the crop."""
    points = frame.apply(transformation(20, scale, (250, 60)), frame.FIVE_POINTS)
    rows, columns = np.indices((1000, 1200))
    distances = [np.hypot(columns - x, rows - y) / scale for x, y in points]
    image = Image.fromarray((255 * np.exp(-np.square(distances).min(axis=0) / 6)).astype(np.uint8))
    drawn = frame.crop(image, frame.from_five_points(points))[:, :, 0] / 255
    rows, columns = np.indices(drawn.shape)
    for x, y in frame.FIVE_POINTS:
        near = drawn * (np.hypot(columns - x, rows - y) < 8)
        centre = np.array([(columns * near).sum(), (rows * near).sum()]) / near.sum()
        np.testing.assert_allclose(centre, (x, y), atol=0.02)


@pytest.mark.parametrize(("x", "y"), [(31, 17), (17, 131)])
def test_a_crop_without_rotation_and_scale_copies_pixels(x, y):
    image = photo()
    cut = frame.crop(image, transformation(0, 1, (-x, -y)), 64)
    assert cut.shape == (64, 64, 1) and cut.dtype == np.uint8
    np.testing.assert_array_equal(cut[:, :, 0], np.asarray(image)[y : y + 64, x : x + 64])


@pytest.mark.parametrize("angle", [0, 40, 130, 220, 310])
@pytest.mark.parametrize("scale", [0.4, 3.7])
def test_a_crop_is_the_middle_of_a_larger_one(angle, scale):
    """Pixels at the border of a crop use all pixels of the photo around them."""
    noise = np.random.default_rng(0).integers(0, 256, (400, 400), dtype=np.uint8)
    matrix = transformation(angle, scale, (0, 0))
    matrix[:, 2] = 31.5 - frame.apply(matrix, [(200, 200)])[0]
    small = frame.crop(Image.fromarray(noise), matrix, 64)
    matrix[:, 2] += 16
    large = frame.crop(Image.fromarray(noise), matrix, 96)
    assert np.abs(small.astype(int) - large[16:-16, 16:-16]).max() <= 1


@pytest.mark.parametrize(("angle", "scale"), [(15, 1.0), (-40, 1.7), (90, 0.8)])
def test_rotating_photo_and_points_together_gives_the_same_crop(angle, scale):
    matrix = transformation(angle, scale, (0, 0))
    corners = frame.apply(matrix, [(0, 0), (300, 0), (0, 260), (300, 260)])
    matrix[:, 2] -= corners.min(axis=0)
    size = tuple(np.ceil(np.ptp(corners, axis=0)).astype(int).tolist())
    first = frame.crop(photo(), frame.from_five_points(FACE))
    points = frame.apply(matrix, FACE)
    second = frame.crop(draw_transformed(photo(), matrix, size), frame.from_five_points(points))
    assert np.abs(first.astype(int) - second).mean() < 1.0


@pytest.mark.parametrize(("scale", "most"), [(0.1, 2), (0.5, 2), (0.4, 10)])
def test_shrinking_averages(scale, most):
    """A chessboard of single pixels becomes gray, without aliasing."""
    board = Image.fromarray((np.indices((800, 800)).sum(axis=0) % 2 * 255).astype(np.uint8))
    small = frame.crop(board, transformation(0, scale, (0, 0)), 64)
    assert np.abs(small[1:, 1:].astype(int) - 128).max() <= most


def test_the_border_is_repeated_beyond_the_photo():
    rows, columns = np.indices((40, 50))
    image = (4 * rows + columns + 9).astype(np.uint8)
    cut = frame.crop(Image.fromarray(image), transformation(0, 1, (30, 30)), 128)[:, :, 0]
    np.testing.assert_array_equal(cut, np.pad(image, ((30, 58), (30, 48)), mode="edge"))
    assert (frame.crop(Image.fromarray(image), transformation(0, 1, (200, 200))) == 9).all()


def test_a_crop_that_covers_too_much_is_refused():
    with pytest.raises(ValueError, match="16384 px"):
        frame.crop(photo(), transformation(0, 1e-6, (0, 0)))


def test_a_crop_may_cover_16384_px():
    """The crop and half a pixel on each side are 128 px wide, each 128 px of the photo."""
    wide = np.array([(1 / 128, 0.0, 0.0), (0.0, 1.0, 0.0)])
    assert frame.crop(photo(), wide, 127).shape == (127, 127, 1)
    with pytest.raises(ValueError, match="16384 px"):
        frame.crop(photo(), wide / [(1.00003,), (1,)], 127)
