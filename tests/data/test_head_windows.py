"""Windows of training photos: landmarks and rotations move as the pixels do."""

import jax
import jax.numpy as jnp
import numpy as np

from facealign.data.head_windows import middle_window, soiled_windows
from facealign.geometry import camera as cameras
from facealign.geometry.reader_window import SIZE, STORED

COUNT = 6


def photos(places):
    """Photos with a Gaussian spot at a place [2] each, gray, on black."""
    y, x = np.mgrid[:STORED, :STORED]
    away = (x - places[:, 0, None, None]) ** 2 + (y - places[:, 1, None, None]) ** 2
    return np.repeat(2 * np.exp(-away / 18)[..., None] - 1, 3, axis=-1).astype(np.float32)


def heads(places):
    count = len(places)
    rotation = np.asarray(cameras.rotation_of(np.tile([20.0, 10.0, 0.0], (count, 1))))
    return {
        "landmarks": jnp.tile(jnp.asarray(places, jnp.float32)[:, None], (1, 68, 1)),
        "rotation": jnp.asarray(rotation),
        "known": jnp.ones((count, 68)),
        "expression": jnp.tile(jnp.arange(41.0), (count, 1)),
    }


def test_the_middle_window_by_hand():
    """The middle of 176 px is 87.5; a window's half covers 64 x 22/128 x 176/30 = 64.53 px."""
    landmarks = jnp.array([[[87.5, 87.5], [87.5 + 64.5333, 87.5 - 32.2667]]])
    windows, places = middle_window(jnp.zeros((1, STORED, STORED, 3)), landmarks)
    assert windows.shape == (1, SIZE, SIZE, 3)
    np.testing.assert_allclose(places, [[[0, 0], [1, -0.5]]], atol=1e-4)


def test_landmarks_go_where_their_pixels_go():
    places = 87.5 + np.random.default_rng(0).uniform(-20, 20, (COUNT, 2))
    windows, found = soiled_windows(jnp.asarray(photos(places)), heads(places), jax.random.key(3))
    seen = 0
    for window, (x, y) in zip(windows[..., 1], found["landmarks"][:, 0], strict=True):
        column, row = (float(c + 1) * SIZE / 2 - 0.5 for c in (x, y))
        near = window[round(row) - 2 : round(row) + 3, round(column) - 2 : round(column) + 3]
        seen += float(near.max()) > 0.3  # some spots are covered or blurred away
    assert seen >= COUNT - 2


def test_a_rotation_turns_with_its_window():
    """Only the roll changes: what leads to the camera, the last row, stays."""
    places = np.full((COUNT, 2), 87.5)
    before = heads(places)
    _, after = soiled_windows(jnp.asarray(photos(places)), before, jax.random.key(1))
    flipped = after["rotation"][:, 2, 0] * before["rotation"][:, 2, 0] < 0
    own = before["rotation"][:, 2] * jnp.where(flipped[:, None], jnp.array([-1.0, 1, 1]), 1)
    np.testing.assert_allclose(after["rotation"][:, 2], own, atol=1e-5)
    roll = np.asarray(cameras.angles_of(after["rotation"]))[:, 2]
    assert np.std(roll) > 2
    # The landmark in the middle moves against the roll of the window, as a shift does.
    square = jnp.einsum("bij,bkj->bik", after["rotation"], after["rotation"])
    np.testing.assert_allclose(square, np.tile(np.eye(3), (COUNT, 1, 1)), atol=1e-5)


def test_roll_and_landmarks_agree():
    """A landmark 30 px above the middle of an upright head shows the roll of the window."""
    up = np.tile([[87.5, 87.5], [87.5, 57.5]], (COUNT, 34, 1))  # by turns
    known = heads(up[:, 0]) | {"landmarks": jnp.asarray(up, jnp.float32)}
    known["rotation"] = jnp.tile(jnp.eye(3), (COUNT, 1, 1))
    _, after = soiled_windows(jnp.asarray(photos(up[:, 0])), known, jax.random.key(5))
    high, low = after["landmarks"][:, 27], after["landmarks"][:, 28]  # the nose, in its middle
    x, y = np.moveaxis(np.asarray(high - low), -1, 0)
    roll = np.asarray(cameras.angles_of(after["rotation"]))[:, 2]
    np.testing.assert_allclose(np.degrees(np.arctan2(x, -y)), roll, atol=1e-3)


def test_mirrored_heads_by_hand():
    """What was on the left is on the right, and half of the photos are mirrored."""
    places = np.full((COUNT, 2), 87.5)
    before = heads(places)
    side = jnp.zeros((COUNT, 68, 2)).at[:, :, 0].set(jnp.where(jnp.arange(68) == 36, -20, 0))
    before["landmarks"] += side  # the left eye's corner, on the left
    before["known"] = before["known"].at[:, 36].set(0.5)
    _, after = soiled_windows(jnp.asarray(photos(places)), before, jax.random.key(2))
    yaw = np.asarray(cameras.angles_of(after["rotation"]))[:, 0]
    mirrored = yaw * 20 < 0
    assert 0 < mirrored.sum() < COUNT
    np.testing.assert_array_equal(after["known"][:, 36] == 0.5, ~mirrored)
    np.testing.assert_array_equal(after["known"][:, 45] == 0.5, mirrored)
    x = np.asarray(after["landmarks"])[..., 0]
    assert (x[~mirrored, 36] < x[~mirrored, 30]).all() and (x[mirrored, 45] > x[mirrored, 30]).all()
    np.testing.assert_array_equal(after["expression"][:, 0] == 1, mirrored)  # of two cheeks


def test_the_same_key_gives_the_same_windows_also_in_jit():
    places = np.full((2, 2), 80.0)
    args = jnp.asarray(photos(places)), heads(places), jax.random.key(0)
    eager, jitted = soiled_windows(*args)[0], jax.jit(soiled_windows)(*args)[0]
    np.testing.assert_allclose(eager, jitted, atol=1e-4)
