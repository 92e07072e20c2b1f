"""Rotation of the generic head as a differentiable function of the pose."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.geometry import generic_face, head_surface, views
from facealign.geometry.frame import SIZE
from facealign.geometry.head_rotation import make_landmarks, make_unturn, mirror, resized
from facealign.geometry.head_surface import create_surface, in_crop


def test_pose_zero_is_the_identity_and_everything_faces_the_camera():
    places, facing = make_unturn()(jnp.zeros((1, 2)))
    own = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1)
    np.testing.assert_allclose(places[0], own, atol=1e-4)
    assert (facing > 0).all()
    assert (facing <= 1 + 1e-6).all()


@pytest.mark.parametrize("pose", [(0, 0), (30, 10), (-80, -20)])
def test_landmarks_equal_the_projected_surface(pose):
    points = head_surface.fit_face()[0][generic_face.LANDMARKS]
    wanted = views.project(points, np.array((*pose, 0.0)))[:, :2]
    np.testing.assert_allclose(make_landmarks()(jnp.float32([pose]))[0], wanted, atol=1e-3)


@pytest.mark.parametrize("pose", [(30, 10), (-80, -20), (15, 0)])
def test_places_equal_the_map_of_a_view(pose):
    places, _ = make_unturn()(jnp.float32([pose]))
    np.testing.assert_allclose(places[0], views.make_view((*pose, 0)).unturn, atol=1e-3)


def test_places_between_table_entries_are_near_the_map_of_a_view():
    places, _ = make_unturn()(jnp.float32([(47, 5)]))
    difference = np.linalg.norm(places[0] - views.make_view((47, 5, 0)).unturn, axis=-1)
    assert difference.max() < 1  # px


def test_poses_beyond_the_table_are_clipped_and_gradients_are_finite():
    unturn = make_unturn()
    poses = jnp.float32([(200, 0), (95, 0)])
    np.testing.assert_array_equal(*unturn(poses)[0])
    gradient = jax.grad(lambda p: unturn(p)[0].sum())(jnp.float32([(20, -7), (95, 0), (0, 0)]))
    assert np.isfinite(gradient).all()
    assert (gradient[0] != 0).all()


def test_the_opposite_yaw_gives_the_mirror_image():
    (left, right), _ = make_unturn()(jnp.float32([(-40, 10), (40, 10)]))
    inner = slice(8, 120)  # columns that have a mirror image in the crop
    there, here = mirror(left[None])[0][:, inner], right[:, inner]
    np.testing.assert_allclose(there[..., 1], here[..., 1], atol=0.2)
    # x of a place and of its mirror image add up to twice the middle of the face, 65 px.
    np.testing.assert_allclose(there[..., 0] + here[..., 0], 130, atol=0.7)


def test_a_resized_map_reads_at_the_same_points_of_the_face():
    places, _ = make_unturn()(jnp.float32([(30, 10)]))
    half = resized(places, SIZE // 2, SIZE // 2)
    blocks = places.reshape(1, SIZE // 2, 2, SIZE // 2, 2, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(half, (blocks + 0.5) / 2 - 0.5, atol=0.05)


def test_mirroring_twice_is_the_identity_except_at_the_border():
    picture = jax.random.uniform(jax.random.key(0), (2, SIZE, SIZE, 1))
    twice = mirror(mirror(picture))
    np.testing.assert_array_equal(twice[:, :, 3:], picture[:, :, 3:])


def test_the_face_turns_and_the_corners_of_the_crop_do_not():
    share = in_crop(create_surface().still)
    assert share.shape == (SIZE, SIZE)
    assert share[70, 65] == 0
    assert share[0, 0] == 1
