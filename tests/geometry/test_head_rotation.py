"""Rotation of the mean head as a differentiable function of the pose."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.geometry import head_rotation, head_surface, views
from facealign.geometry.frame import MIDDLE, SIZE
from facealign.geometry.head_rotation import make_landmarks, mirror, resized
from facealign.geometry.head_surface import create_surface, in_crop
from tests.geometry.test_pose import MIRRORED


@pytest.mark.parametrize("pose", [(0, 0), (30, 10), (-80, -20)])
def test_landmarks_equal_the_projected_surface(pose):
    wanted = views.project(head_surface.place_head()[1], np.array((*pose, 0.0)))[:, :2]
    np.testing.assert_allclose(make_landmarks()(jnp.float32([pose]))[0], wanted, atol=1e-3)


def test_landmarks_between_table_entries_are_near_the_projected_surface():
    wanted = views.project(head_surface.place_head()[1], np.array((47.0, 5.0, 0.0)))[:, :2]
    found = make_landmarks()(jnp.float32([(47, 5)]))[0]
    assert np.linalg.norm(found - wanted, axis=-1).max() < 1  # px


def test_poses_beyond_the_table_are_clipped_and_gradients_are_finite():
    place = make_landmarks()
    np.testing.assert_array_equal(*place(jnp.float32([(200, 0), (95, 0)])))
    gradient = jax.grad(lambda p: place(p).sum())(jnp.float32([(20, -7), (95, 0), (0, 0)]))
    assert np.isfinite(gradient).all()
    assert (gradient[0] != 0).all()


def test_the_head_may_be_placed_while_a_function_is_traced():
    """As in a step whose bank of views was loaded from a cache."""
    poses = jnp.float32([(30, 10)])
    wanted = make_landmarks()(poses)
    for cached in (make_landmarks, head_rotation._table, create_surface, head_surface.place_head):
        cached.cache_clear()
    found = jax.jit(lambda poses: make_landmarks()(poses))(poses)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_the_opposite_yaw_gives_the_mirror_image():
    left, right = make_landmarks()(jnp.float32([(-40, 10), (40, 10)]))
    mirrored = left[MIRRORED] * jnp.array([-1, 1]) + jnp.array([2 * MIDDLE, 0])
    np.testing.assert_allclose(mirrored, right, atol=0.05)


def test_a_resized_map_reads_at_the_same_points_of_the_face():
    places = jnp.asarray(views.make_view((30, 10, 0)).unturn)[None]
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
    assert share[127, 0] == share[127, 127] == 1
    assert share[0, 0] > 0.2  # hair turns, and reaches near the upper corners
