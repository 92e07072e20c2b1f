"""Measurements of drawn faces."""

import numpy as np

from tests import toy_faces


def test_measures_faces_and_gives_nan_without_a_face():
    photos = toy_faces.examples([(1, 30.0, 0, True), (1, 30.0, 0, False), (2, -10.0, 0, True)])
    with toy_faces.ToyMeasurementCache() as cache:
        measured = cache.measure(photos["image"])
    assert measured.found.tolist() == [True, False, True]
    np.testing.assert_allclose(measured.yaw, [30, np.nan, -10], atol=2)
    assert np.isnan(measured.descriptor[1]).all()
    assert np.isfinite(measured.descriptor[[0, 2]]).all()
    assert measured.descriptor.shape == (3, 128) and measured.landmarks.shape == (3, 68, 2)
