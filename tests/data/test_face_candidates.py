"""Finds on canvases: different ones, what is right of them, and their windows."""

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from facealign.data import face_candidates
from facealign.data.face_candidates import Finds
from facealign.data.face_canvases import SIZE, Canvases
from facealign.faces.verify import cut_windows
from facealign.geometry.face_cells import LOGIT, NUMBERS, PLACE, Faces, centres


def finds(*squares, up=(0.0, -1.0)):
    x, y, side = np.array(squares, np.float32).T[:, None]
    return Finds(np.stack([x, y], -1), side, np.broadcast_to(np.float32(up), (*side.shape, 2)))


def test_finds_are_the_likeliest_and_different():
    """The likeliest cell, then not those beside it, of the same face, but the one far away."""
    cells = centres(SIZE, SIZE)
    said = np.zeros((1, len(cells), NUMBERS), np.float32)
    said[..., -1] = -1
    first, beside, far = 0, 1, 700
    for cell, logit in ((first, 9), (beside, 8), (far, 7)):
        said[0, cell, LOGIT] = logit
    said[0, beside, PLACE] = -0.5, 0.0
    found, likeness = jax.jit(face_candidates.likeliest)(said)
    assert found.side.shape == (1, face_candidates.MOST)
    np.testing.assert_allclose(found.centre[0, :2], cells[[first, far], :2])
    assert 1 > likeness[0, 0] > likeness[0, 1] > likeness[0, 2]


def test_what_is_a_face_by_hand():
    """Faces at (60, 60) of 40 px and, mostly hidden, at (200, 200)."""
    ball = jnp.array([[[60.0, 60, 20], [200, 200, 20]]])
    up = jnp.tile(jnp.array([0.0, -1.0]), (1, 2, 1))
    canvases = Canvases(jnp.zeros((1, SIZE, SIZE, 1)), ball, up, jnp.array([[1.0, 0.3]]))
    found = finds((62, 60, 44), (62, 60, 90), (80, 60, 40), (200, 200, 40), (150, 60, 40))
    face, known = face_candidates.judge(found, canvases)
    np.testing.assert_array_equal(face, [[True, False, False, False, False]])
    np.testing.assert_array_equal(known, [[True, False, False, False, True]])
    lying = face_candidates.judge(finds((62, 60, 44), up=(1.0, 0.0)), canvases)
    np.testing.assert_array_equal(np.ravel(lying), [False, False])


def test_windows_are_those_of_the_search():
    """A canvas of noise, read by JAX and by NumPy, upright and turned, larger and smaller."""
    image = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE), np.uint8)
    for up in ((0.0, -1.0), (0.6, 0.8)):
        found = finds((100, 120, 90), (150, 90, 20), (30, 200, 150), up=up)
        windows = face_candidates.cut(image[None, ..., None] / 127.5 - 1, found)
        faces = Faces(*(np.asarray(leaf[0]) for leaf in found), np.ones(3))
        wanted = cut_windows(Image.fromarray(image), faces)
        np.testing.assert_allclose(windows, wanted, atol=0.01)


def test_stirred_finds_stay_near():
    found = finds(*[(100, 100, 50)] * 200)
    moved = face_candidates.stir(found, jax.random.key(0))
    np.testing.assert_allclose(np.linalg.norm(moved.up, axis=-1), 1, rtol=1e-5)
    away = np.std(moved.centre - found.centre) / 50
    np.testing.assert_allclose(away, face_candidates.SHIFT, rtol=0.2)
