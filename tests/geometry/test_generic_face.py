"""MediaPipe's canonical face: mesh, symmetry and landmarks."""

import numpy as np

from facealign.geometry import frame, generic_face, pose

MIRROR = np.concatenate(  # index of the mirror image of each of the 68 landmarks
    [
        np.arange(16, -1, -1),
        np.arange(26, 16, -1),
        np.arange(27, 31),
        np.arange(35, 30, -1),
        (45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        (54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
        (64, 63, 62, 61, 60, 67, 66, 65),
    ]
)


def test_the_mesh_is_complete():
    points, corners = generic_face.vertices(), generic_face.triangles()
    assert points.shape == (468, 3)
    assert corners.shape == (898, 3)
    assert set(corners.ravel()) == set(range(468))
    x, y, _ = points[corners].transpose(2, 1, 0)  # [3, T] each
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    assert (area < 0).mean() > 0.95  # triangles face the camera, except folds at nose and lips


def test_a_mirrored_landmark_is_the_mirrored_vertex():
    points = generic_face.landmarks()
    np.testing.assert_allclose(points[MIRROR] * (-1, 1, 1), points, atol=2e-4)


def test_landmarks_are_where_a_face_has_them():
    points = generic_face.landmarks()
    x, y, z = points.T
    assert len(set(generic_face.LANDMARKS)) == 68
    assert (np.diff(x[:17]) > 0).all()  # the jaw runs from left to right
    assert (np.diff(x[17:27]) > 0).all()
    assert (np.diff(y[27:31]) > 0).all()  # down the nose
    assert z[30] > np.delete(z, [29, 30]).max()  # the nose tip is nearest to the camera
    assert y[8] == y.max()  # the chin is lowest
    assert y[17:27].max() < y[36:48].min() < y[36:48].max() < y[30] < y[33] < y[48:].min()
    for ring in (slice(36, 42), slice(42, 48), slice(48, 60), slice(60, 68)):  # clockwise
        corners, after = points[ring, :2], np.roll(points[ring, :2], -1, axis=0)
        assert (corners[:, 0] * after[:, 1] - corners[:, 1] * after[:, 0]).sum() > 0


def test_five_points_are_in_the_order_of_the_canonical_frame():
    points = frame.five_points(generic_face.landmarks())
    np.testing.assert_allclose(points[[1, 0, 2, 4, 3]] * (-1, 1, 1), points, atol=2e-4)
    assert points[0, 0] < 0 < points[1, 0]
    assert points[1, 1] < points[2, 1] < points[3, 1]


def test_rotation_has_its_old_name():
    assert generic_face.rotation is pose.rotation
