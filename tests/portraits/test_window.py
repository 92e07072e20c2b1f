"""The window of a portrait shrinks to what the photo holds."""

import numpy as np
import pytest

from facealign.portraits.window import FACE_SIDE, FACE_TOP, SMALLEST, choose_window

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
    assert top <= FACE_TOP + 0.01 and top + side >= FACE_TOP + FACE_SIDE - 0.01


def test_the_smallest_window_shows_the_face_whatever_is_missing():
    left, top, side = choose_window(np.zeros((SIZE, SIZE)))
    assert side == pytest.approx(SMALLEST, abs=0.01)
    assert top <= FACE_TOP + 0.01 and top + side >= FACE_TOP + FACE_SIDE - 0.01
    assert left == pytest.approx((1 - side) / 2, abs=0.01)
