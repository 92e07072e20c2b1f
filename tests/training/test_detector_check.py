"""How a detector is measured: average precision and counts by hand."""

import numpy as np

from facealign.data.face_canvases import Canvases
from facealign.geometry.face_cells import Faces
from facealign.training import detector_check


def test_average_precision_by_hand():
    """Right, wrong, right of three faces: 1 and 2/3 of two, 0 of the third."""
    likeness, right = np.array([0.9, 0.8, 0.7]), np.array([True, False, True])
    found = detector_check._average_precision(likeness, right, 3)
    np.testing.assert_allclose(found, (1 + 2 / 3) / 3)
    assert detector_check._average_precision(np.array([]), np.array([], bool), 3) == 0


def test_finds_are_counted_once_and_hidden_faces_not_at_all():
    """One face twice found, one missed, one half hidden, one invented."""
    ball = np.array([[[50.0, 50.0, 20.0], [150.0, 150.0, 20.0], [220.0, 50.0, 20.0]]])
    up = np.tile([0.0, -1.0], (1, 3, 1))
    seen = np.array([[1.0, 1.0, 0.3]])
    canvases = Canvases(np.zeros((1, 256, 256, 1)), ball, up, seen)
    faces = Faces(
        np.array([[52.0, 50.0], [50.0, 48.0], [220.0, 50.0], [20.0, 200.0]]),
        np.array([40.0, 44.0, 40.0, 40.0]),
        np.array([[0.0, -1.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]),
        np.array([0.95, 0.9, 0.8, 0.75]),
    )
    found = detector_check._errors([faces], canvases)
    np.testing.assert_allclose(found["missed/faces"], 0.5)
    np.testing.assert_allclose(found["invented/faces"], 2)  # the same face again, and the last
    np.testing.assert_allclose(found["turned/faces"], 0)
    np.testing.assert_allclose(found["lost/faces"], 0.5)
