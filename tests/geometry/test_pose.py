"""Head pose from landmarks of the generic face in a known pose."""

import hashlib

import numpy as np
import pytest

from facealign.geometry import generic_face, pose, pose_face

POSES = [(0, 0, 0), (30, 0, 0), (-30, 0, 0), (0, 20, 0), (0, -20, 0), (0, 0, 40), (75, 10, -5),
         (-60, -25, 30), (12.5, -7, 3)]  # fmt: skip
MIRRORED = np.array(  # index of the mirror image of each of the 68 landmarks
    [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
     45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
     *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65]
)  # fmt: skip


def picture(yaw, pitch, roll, distance=pose.DISTANCE):
    """Landmarks [68, 2] of the generic face in a pose, in px."""
    turned = pose.centred_face() @ pose.rotation(yaw, pitch + pose.PITCH_OFFSET, roll).T
    return pose.project(turned, distance) * 7 + 64


@pytest.mark.parametrize("known", POSES)
def test_a_known_pose_is_found(known):
    np.testing.assert_allclose(pose.estimate_pose(picture(*known)), known, atol=0.01)


@pytest.mark.parametrize("known", POSES)
def test_angles_of_inverts_rotation(known):
    np.testing.assert_allclose(pose.angles_of(pose.rotation(*known)), known, atol=1e-9)


def test_mirrored_landmarks_change_the_signs_of_yaw_and_roll():
    landmarks = picture(25, -8, 6) + np.random.default_rng(0).normal(0, 1, (68, 2))
    mirrored = landmarks[MIRRORED] * (-1, 1) + (127, 0)
    yaw, pitch, roll = pose.estimate_pose(landmarks)
    np.testing.assert_allclose(pose.estimate_pose(mirrored), (-yaw, pitch, -roll), atol=0.01)


def test_pose_is_independent_of_scale_and_shift():
    landmarks = picture(25, -8, 6) + np.random.default_rng(0).normal(0, 1, (68, 2))
    expected = pose.estimate_pose(landmarks)
    for scale, shift in ((0.1, 0), (20, 0), (1, 5000)):
        found = pose.estimate_pose(landmarks * scale + shift)
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_rotating_the_image_changes_only_the_roll():
    """A photo rotated clockwise by 15 degrees has a roll larger by 15 degrees."""
    rotation = pose.rotation(0, 0, 15)[:2, :2]
    yaw, pitch, roll = pose.estimate_pose(picture(25, -8, 6))
    found = pose.estimate_pose(picture(25, -8, 6) @ rotation.T)
    np.testing.assert_allclose(found, (yaw, pitch, roll + 15), atol=0.01)


def test_noise_of_half_a_pixel_gives_an_error_of_about_a_degree():
    rng, errors = np.random.default_rng(0), []
    for known in rng.uniform((-45, -20, -20), (45, 20, 20), (50, 3)):
        found = pose.estimate_pose(picture(*known) + rng.normal(0, 0.5, (68, 2)))
        errors.append(found - known)
    assert np.sqrt(np.square(errors).mean(axis=0)).max() < 1.5


@pytest.mark.parametrize(("distance", "error"), [(75, 1.5), (300, 1.0)])
def test_a_wrong_camera_distance_hardly_changes_yaw(distance, error):
    assert abs(pose.estimate_pose(picture(30, 0, 0, distance))[0] - 30) < error


def test_the_ends_of_the_jaw_have_no_influence():
    """Near the ears, landmarks of the jaw move along the outline when the head turns."""
    landmarks = picture(25, -8, 6)
    expected = pose.estimate_pose(landmarks)
    landmarks[[0, 1, 2, 3, 13, 14, 15, 16]] += 20
    assert pose.estimate_pose(landmarks) == expected


@pytest.mark.parametrize("landmarks", [np.full((68, 2), np.nan), np.ones((68, 2))])
def test_invalid_landmarks_are_refused(landmarks):
    with pytest.raises(ValueError, match="not finite, or all at one place"):
        pose.estimate_pose(landmarks)


def test_the_face_of_the_judge_never_changes():
    """Every figure of an evaluation rests on it, so it does not follow the head of the project."""
    points = np.array(pose_face.LANDMARKS)
    assert hashlib.sha256(points.tobytes()).hexdigest()[:16] == "f0a42764e9682aac"
    np.testing.assert_array_equal(points, generic_face.landmarks())


@pytest.mark.parametrize(
    ("angles", "point", "turned"),
    [
        ((90, 0, 0), (0, 0, 1), (1, 0, 0)),  # the nose points to the right
        ((0, 90, 0), (0, 0, 1), (0, -1, 0)),  # up
        ((0, 0, 90), (0, -1, 0), (1, 0, 0)),  # the top of the head goes to the right
        ((90, 90, 0), (0, 0, 1), (0, -1, 0)),  # nods, then turns
        ((90, 0, 90), (0, 0, 1), (0, 1, 0)),  # turns, then leans
    ],
)
def test_signs_and_order(angles, point, turned):
    np.testing.assert_allclose(pose.rotation(*angles) @ point, turned, atol=1e-12)


def test_rotation_is_orthogonal_and_the_identity_at_pose_zero():
    matrix = pose.rotation(31, -17, 8)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1)
    np.testing.assert_array_equal(pose.rotation(0, 0, 0), np.eye(3))
