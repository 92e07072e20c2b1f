"""Canvases: what is said of a face is where it was drawn; what hides it is counted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.data.face_canvases import SIZE, _draw_face, _Layer, _seen, halved, look_up
from facealign.geometry.resample import grid

BALL, UP = jnp.array([[120.0, 130.0, 40.0]]), jnp.array([[0.6, -0.8]])

draw = jax.jit(lambda read, ball, up, key: _draw_face(read, ball, up, 1.0, key))


def spot(x, y, radius=12.0):
    """A photo [1, SIZE, SIZE, 1] with a soft white spot on black."""
    away = jnp.square(grid(SIZE, SIZE) - jnp.array([x, y])).sum(axis=-1)
    return 2 * jnp.exp(-away / (2 * radius**2))[None, :, :, None] - 1


@pytest.mark.parametrize("seed", range(4))
def test_a_face_lies_where_it_is_said_to(seed):
    """The spot is half a radius up from the centre, in the photo and on the canvas."""
    there = BALL[0, :2] + UP[0] * 20
    layer, ball, up = draw(halved(spot(*there)), BALL, UP, jax.random.key(seed))
    np.testing.assert_allclose(np.linalg.norm(up), 1, rtol=1e-5)
    bright = (layer.image[0, :, :, 0] + 1) * layer.mask[0, :, :, 0]
    wanted = ball[0, :2] + up[0] * ball[0, 2] / 2
    if (np.abs(wanted - SIZE / 2) > SIZE / 2 - 1.5 * float(ball[0, 2])).any():
        pytest.skip("the face is cut by the border")
    found = jnp.einsum("hw,hwi->i", bright, grid(SIZE, SIZE)) / bright.sum()
    assert np.linalg.norm(found - wanted) < max(1.0, 0.08 * float(ball[0, 2]))


def test_halved_sizes_are_read_where_the_zoom_asks_for_them():
    photos = spot(100.0, 60.0, 30.0)
    for zoom in (1.0, 2.0, 4.0, 8.0):
        places = grid(SIZE, SIZE)[None]
        read = look_up(halved(photos), places, jnp.full((1, 1, 1), zoom))
        assert float(jnp.abs(read - photos).max()) < 0.02 + 0.03 * zoom


def test_what_is_hidden_or_outside_is_not_seen():
    """The right half of the first ball lies under the second face's piece."""
    right = (grid(SIZE, SIZE)[None, :, :, :1] >= 100).astype(jnp.float32)
    layers = [_Layer(right, jnp.ones_like(right)), _Layer(right, right)]
    balls = jnp.array([[[100.0, 100.0, 40.0], [-30.0, 100.0, 20.0]]])
    seen = _seen(balls, layers, jnp.ones_like(right))
    np.testing.assert_allclose(seen, [[3 / 9, 0]], atol=1e-5)
