"""The perspective camera: projection by hand, there and back, angles, crops and mirror images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.geometry import camera, frame, generic_face, pose
from facealign.geometry.camera import Camera

POSES = [(0, 0, 0), (30, 0, 0), (-30, 0, 0), (0, 20, 0), (0, -20, 0), (0, 0, 40), (75, 10, -5),
         (-60, -25, 30), (12.5, -7, 3)]  # fmt: skip


# Compiled as a whole: the many small operations would be compiled one by one.
rotation_of, angles_of, rotate, from_points = map(
    jax.jit, (camera.rotation_of, camera.angles_of, camera.rotate, camera.from_points)
)


def some_camera(angles=(25, -10, 5)) -> Camera:
    rotation = generic_face.rotation(*angles).astype(np.float32)
    return Camera(rotation, np.float32(7), np.float32([64, 60]))


def some_points() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 6, (20, 3)).astype(np.float32)


def test_projection_by_hand():
    """A point 20 cm nearer than the origin looks 120 / 100 times as large."""
    still = Camera(np.eye(3), np.array(10.0), np.array([100.0, 50.0]))
    points = np.array([[0, 0, 0], [1, 2, 0], [1, 2, 20], [1, 2, -120]])
    expected = [[100, 50, 0], [110, 70, 0], [112, 74, 20], [105, 60, -120]]
    np.testing.assert_allclose(camera.project(points, still), expected, rtol=1e-6)
    turned = still._replace(rotation=generic_face.rotation(90, 0, 0))
    # The nose, 12 cm in front, goes to the right; the right ear goes 7 cm away from the camera.
    found = camera.project(np.array([[0, 0, 12], [7, 0, 0]]), turned)
    np.testing.assert_allclose(found, [[220, 50, 0], [100, 50, -7]], atol=1e-4)


def test_there_and_back():
    places = camera.project(some_points(), some_camera())
    np.testing.assert_allclose(camera.unproject(places, some_camera()), some_points(), atol=1e-4)


def test_leading_axes_jit_and_vmap():
    cameras = [some_camera(angles) for angles in POSES[:4]]
    stack = Camera(*(np.stack(part) for part in zip(*cameras, strict=True)))
    points = np.stack([some_points() + i for i in range(4)])
    expected = [camera.project(p, c) for p, c in zip(points, cameras, strict=True)]
    found = camera.project(points, stack)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(
        jax.jit(jax.vmap(camera.project))(points, stack), expected, atol=1e-4
    )
    shared = camera.project(points[0], stack)  # one head, four cameras
    assert shared.shape == (4, 20, 3)
    np.testing.assert_allclose(camera.unproject(found, stack), points, atol=1e-4)


def test_rotation_of_is_that_of_the_generic_face():
    expected = [generic_face.rotation(*angles) for angles in POSES]
    np.testing.assert_allclose(rotation_of(np.array(POSES)), expected, atol=1e-6)


def test_angles_of_inverts_it_as_in_pose():
    rotations = rotation_of(np.array(POSES))
    found = angles_of(rotations)
    np.testing.assert_allclose(found, POSES, atol=1e-3)
    expected = [pose.angles_of(rotation) for rotation in np.array(rotations, float)]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_head_seen_a_little_from_behind_keeps_its_pitch():
    for angles in ((100, 10, -4), (-95, -5, 8)):
        rotation = np.float32(generic_face.rotation(*angles))
        np.testing.assert_allclose(angles_of(rotation), angles, atol=0.01)


@pytest.mark.parametrize("angle", [0.0, 1e-4, 0.00999, 0.01001, 1.0, 3.0])
def test_rotate_is_a_rotation_about_its_vector(angle):
    found = rotate(jnp.array([0, angle, 0]))
    expected = generic_face.rotation(np.degrees(angle), 0, 0)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    skew = np.array(rotate(angle * jnp.array([0.6, -0.48, 0.64])))
    np.testing.assert_allclose(skew @ skew.T, np.eye(3), atol=1e-6)
    assert np.trace(skew) == pytest.approx(1 + 2 * np.cos(angle), abs=1e-5)
    np.testing.assert_allclose(skew @ (0.6, -0.48, 0.64), (0.6, -0.48, 0.64), atol=1e-6)


def test_gradients_are_finite_at_zero_and_at_a_profile():
    slopes = np.array(jax.jacobian(rotate)(jnp.zeros(3)))
    np.testing.assert_allclose(slopes[:, :, 2], [[0, -1, 0], [1, 0, 0], [0, 0, 0]], atol=1e-6)
    for yaw in (0.0, 90.0):
        slopes = jax.jacobian(angles_of)(rotation_of(jnp.array([yaw, 0, 0])))
        assert np.isfinite(slopes).all()


@pytest.mark.parametrize("angles", POSES)
def test_from_points_finds_the_camera_of_distant_points(angles):
    known = some_camera(angles)
    flat = known.scale * some_points() @ known.rotation.T + np.array((*known.shift, 0))
    found = from_points(some_points(), flat[:, :2], np.ones(20))
    np.testing.assert_allclose(found.rotation, known.rotation, atol=2e-3)
    assert found.scale == pytest.approx(7, rel=2e-3)
    np.testing.assert_allclose(found.shift, known.shift, atol=0.2)


def test_from_points_without_weights_looks_into_the_camera():
    found = from_points(some_points(), np.zeros((20, 2)), np.zeros(20))
    np.testing.assert_allclose(found.rotation, np.eye(3), atol=1e-3)
    assert np.isfinite(found.scale)


def test_a_crop_moves_the_camera():
    matrix = frame.similarity(np.array([(10.0, 20), (90, 35)]), np.array([(5.0, 100), (60, 40)]))
    places = np.array(camera.project(some_points(), some_camera()))
    found = camera.project(some_points(), camera.transformed(some_camera(), matrix))
    np.testing.assert_allclose(found[:, :2], frame.apply(matrix, places[:, :2]), atol=1e-3)
    np.testing.assert_allclose(found[:, 2], places[:, 2], atol=1e-4)


def test_a_mirrored_photo_shows_the_mirrored_head():
    places = np.array(camera.project(some_points(), some_camera()))
    seen = some_camera()
    x, y = seen.shift
    mirrored = seen._replace(
        rotation=camera.mirrored(seen.rotation), shift=np.array([199 - x, y], np.float32)
    )
    found = camera.project(some_points() * np.float32((-1, 1, 1)), mirrored)
    expected = places * (-1, 1, 1) + (199, 0, 0)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_allclose(angles_of(mirrored.rotation), (-25, -10, -5), atol=1e-3)


@pytest.mark.parametrize("length", [0.0, 1e-4, 0.5, 3.0])
def test_the_vector_of_a_rotation_turns_as_far(length):
    vector = length * np.float32([0.6, -0.48, 0.64])
    found = camera.vector_of(rotate(vector))
    np.testing.assert_allclose(found, vector, atol=2e-3 if length > 2 else 1e-5)
    assert np.isfinite(jax.jacobian(camera.vector_of)(rotate(vector))).all()
