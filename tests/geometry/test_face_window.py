"""The window of a face by hand: its middle, its way up, its size; light and contrast."""

import numpy as np

from facealign.geometry import frame
from facealign.geometry.face_window import REACH, SIZE, even_out, to_window


def test_a_face_stands_in_the_middle_of_its_window():
    """A face that lies, its way up to the right: what is above its centre is right of it."""
    centre, side, up = np.array([100.0, 60.0]), 30.0, np.array([1.0, 0.0])
    matrix = to_window(centre, side, up)
    middle = (SIZE - 1) / 2
    points = [centre, centre + side * up / 2, centre + np.array([0, side / 2])]
    half = SIZE / REACH / 2
    wanted = [[middle, middle], [middle, middle - half], [middle + half, middle]]
    np.testing.assert_allclose(frame.apply(matrix, np.array(points)), wanted, atol=1e-9)
    assert np.linalg.det(matrix[:, :2]) > 0  # never mirrored


def test_light_and_contrast_do_not_count():
    window = np.random.default_rng(0).uniform(-1, 1, (1, 8, 8, 1))
    both = even_out(np.concatenate([window, window / 2 + 0.3]))
    np.testing.assert_allclose(both.mean(axis=(1, 2, 3)), 0, atol=1e-12)
    deviation = window.std()
    np.testing.assert_allclose(both[0].std(), deviation / (deviation + 0.1))
    np.testing.assert_allclose(both[1] / both[1].std(), both[0] / both[0].std(), atol=1e-9)
