"""The window of a portrait shrinks to what the photo holds."""

import numpy as np
import pytest

from facealign.faces.turning.turn import portrait_camera
from facealign.faces.turning.window import (
    BOTTOM,
    SMALLEST,
    TIGHT,
    TOP,
    Window,
    choose_window,
    enlarge,
    enlarge_some,
)
from facealign.geometry import camera as cameras
from facealign.geometry import frame
from facealign.geometry import head as heads

SIZE = 132


def test_a_photo_that_fills_the_frame_keeps_it():
    assert choose_window(np.ones((SIZE, SIZE))) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("missing", ["left", "right", "top", "bottom"])
def test_what_is_missing_at_a_side_is_left_out(missing):
    held, edge = np.ones((SIZE, SIZE)), SIZE // 8
    cut = {
        "left": np.s_[:, :edge],
        "right": np.s_[:, -edge:],
        "top": np.s_[:edge],
        "bottom": np.s_[-edge:],
    }
    held[cut[missing]] = 0
    left, top, side = choose_window(held)
    corner, other = round(left * SIZE), round(top * SIZE)
    length = round(side * SIZE)
    assert held[other : other + length, corner : corner + length].mean() >= 0.995
    assert abs(left + side / 2 - 0.5) < 0.01  # the face stays in the middle
    assert side > 0.7
    assert top <= TOP + 0.01 and top + side >= BOTTOM - 0.01


def test_the_smallest_window_shows_the_face_whatever_is_missing():
    left, top, side = choose_window(np.zeros((SIZE, SIZE)))
    assert side == pytest.approx(SMALLEST, abs=0.01)
    assert top <= TOP + 0.01 and top + side >= BOTTOM - 0.01
    assert left == pytest.approx((1 - side) / 2, abs=0.01)


def test_a_window_is_a_transformation_of_the_frame():
    """Of 100 px the middle 50, to 25 px: the corners of the window become those of the image."""
    matrix = Window(0.25, 0.1, 0.5).matrix(100, 25)
    corners = frame.apply(matrix, [(24.5, 9.5), (74.5, 59.5)])
    np.testing.assert_allclose(corners, [(-0.5, -0.5), (24.5, 24.5)])


def test_the_tight_window_is_the_canonical_crop():
    back = frame.compose(TIGHT.matrix(330, 128), frame.to_portrait(330))
    np.testing.assert_allclose(back, np.eye(2, 3), atol=1e-9)


def test_the_smallest_window_shows_brows_and_chin():
    """Those of the mean face."""
    window = choose_window(np.zeros((SIZE, SIZE)))
    landmarks = heads.landmarks68(heads.load_head(), heads.load_head().mean)
    camera = portrait_camera(heads.load_head(), heads.load_head().mean, 330)
    heights = np.asarray(cameras.project(landmarks, camera))[:, 1] / 330
    assert window.top < heights[17:27].min() and heights[:17].max() < window.top + window.side


def ramp(x, y):
    return 3.0 * x + 5.0 * y - 20


@pytest.mark.parametrize("window", [Window(0.0, 0.0, 1.0), Window(0.25, 0.5, 0.25), TIGHT])
@pytest.mark.parametrize("size", [8, 16, 50])
def test_a_linear_ramp_stays_one(window, size):
    """Also half a pixel beyond the border, where it goes on."""
    image = ramp(*np.meshgrid(np.arange(16), np.arange(16))).astype(np.float32)
    middles = (np.arange(size) + 0.5) / size * window.side  # of pixels, in shares of the frame
    x, y = ((start + middles) * 16 - 0.5 for start in (window.left, window.top))
    wanted = ramp(*np.meshgrid(x, y))
    found = enlarge(image, window, size)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    colours = enlarge(np.stack([image, -image], axis=-1), window, size)
    np.testing.assert_allclose(colours, np.stack([wanted, -wanted], axis=-1), atol=1e-4)


def test_some_pixels_of_a_window_are_those_of_all():
    image = np.random.default_rng(0).uniform(0, 1, (12, 12, 2)).astype(np.float32)
    window = Window(0.1, 0.2, 0.6)
    some = np.array([3, 9, 0, 19]), np.array([5, 6, 0, 19])
    np.testing.assert_allclose(
        enlarge_some(image, window, 20, some), enlarge(image, window, 20)[some], atol=1e-6
    )
