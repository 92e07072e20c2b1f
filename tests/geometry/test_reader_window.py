"""Windows around heads: centred, upright, of a fixed width in cm."""

import numpy as np
import pytest

from facealign.geometry import camera as cameras
from facealign.geometry import frame, reader_window
from facealign.geometry.camera import Camera


def camera(yaw=0.0, roll=0.0, scale=5.0):
    rotation = np.asarray(cameras.rotation_of(np.array([yaw, 0.0, roll])))
    return Camera(rotation, np.float32(scale), np.array([200.0, 150.0], np.float32))


def test_the_middle_of_a_window_is_the_projected_centre():
    """By hand: y = 1.8 cm at z = 9.5 cm is enlarged by 120 / 110.5, at 5 px a cm: 9.77 px."""
    place = frame.apply(reader_window.around(camera()), [(200.0, 150.0 + 9.7738)])
    np.testing.assert_allclose(place, [(63.5, 63.5)], atol=1e-3)


def test_a_window_shows_its_width():
    """22 cm in 128 px at the depth of the origin, so 10 cm are 58.18 px."""
    first, second = frame.apply(reader_window.around(camera()), [(200, 150), (250, 150)])
    np.testing.assert_allclose(second - first, (58.1818, 0), atol=1e-3)


@pytest.mark.parametrize("yaw", [0.0, 60.0, -90.0])
@pytest.mark.parametrize("roll", [-120.0, 30.0])
def test_heads_stand_upright_in_their_windows(yaw, roll):
    matrix = reader_window.around(camera(yaw, roll))
    inside = cameras.transformed(camera(yaw, roll), matrix)
    np.testing.assert_allclose(np.asarray(inside.rotation)[0, 1], 0, atol=1e-5)
    assert np.asarray(inside.rotation)[1, 1] > 0.9  # the way down of the head is that of the image


def test_many_heads_at_once_are_as_one_at_a_time():
    several = [camera(10, 5, 3), camera(-50, -20, 8)]
    together = Camera(*(np.stack(each) for each in zip(*several, strict=True)))
    expected = [reader_window.around(each) for each in several]
    np.testing.assert_allclose(reader_window.around(together), expected, rtol=1e-4, atol=1e-3)
