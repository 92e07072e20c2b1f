"""The detector's step: what cells should say reads back; hand-worked loss; it learns."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from facealign.data.face_canvases import SIZE, Canvases
from facealign.geometry.face_cells import LOGIT, NUMBERS, PLACE, RARE, SIDE, UP, centres, read_cells
from facealign.models.apply import Network
from facealign.models.detector import Detector
from facealign.training.state import create_state
from facealign.training.steps import detect

WEIGHTS = {"found": 1.0, "placed": 0.2, "upright": 0.1}


want = jax.jit(detect.want)


def canvas(ball, seen=(1.0, 1.0)):
    up = jnp.array([[[0.6, -0.8], [0.0, 1.0]]])
    return Canvases(jnp.zeros((1, SIZE, SIZE, 1)), jnp.array([ball]), up, jnp.array([seen]))


def say(wanted):
    """What a network would say that is right."""
    said = np.zeros((*wanted.face.shape, NUMBERS), np.float32)
    said[..., LOGIT] = np.where(wanted.face, 24, -20)
    said[..., PLACE], said[..., SIDE], said[..., UP] = wanted.place, wanted.side, wanted.up
    return said


def test_what_cells_should_say_is_where_the_faces_are():
    balls = np.array([[60.0, 70.0, 9.0], [180.0, 150.0, 50.0]])
    wanted = want(canvas(balls))
    found = read_cells(say(wanted)[0], centres(SIZE, SIZE), 0.5)
    for ball, up in zip(balls, ([0.6, -0.8], [0, 1]), strict=True):
        own = np.linalg.norm(found.centre - ball[:2], axis=1) < 1e-3
        assert own.any()
        np.testing.assert_allclose(found.side[own], 2 * ball[2], rtol=1e-5)
        np.testing.assert_allclose(found.up[own], np.tile(up, (own.sum(), 1)), atol=1e-5)
    np.testing.assert_allclose(list(detect.measure(say(wanted), wanted).values()), 0, atol=1e-6)


def test_a_hidden_face_may_be_found_or_not():
    ball = [[100.0, 100.0, 20.0], [0.0, 0.0, 0.0]]
    hidden = want(canvas(ball, (0.3, 0.0)))
    assert not hidden.face.any() and not hidden.counts.all()
    nobody = want(canvas([[100.0, 100.0, 0.0]] * 2))
    assert not nobody.face.any() and nobody.counts.all()


def test_loss_by_hand():
    """Logit 0: half of (1/2)^2 ln 2 = 0.0866 each, of one face and one cell without."""
    wanted = detect.Wanted(
        jnp.array([[True, False]]), jnp.ones((1, 2), bool), jnp.ones((1, 2, 2)),
        jnp.full((1, 2), 0.5), jnp.zeros((1, 2, 2)),
    )  # fmt: skip
    terms = detect.measure(jnp.zeros((1, 2, NUMBERS)).at[..., LOGIT].set(RARE), wanted)
    np.testing.assert_allclose(terms["found"], 2 * 0.0866, atol=1e-4)
    np.testing.assert_allclose(terms["placed"], 2.5)


def test_a_step_learns_and_its_numbers_are_finite():
    networks = {"detector": Network(Detector(), optax.adam(1e-3))}
    state = jax.jit(lambda key: create_state(networks, key, SIZE, 1))(jax.random.key(0))
    step = jax.jit(detect.make_detect_step(networks, ("detector",), WEIGHTS))
    photos = jax.random.uniform(jax.random.key(1), (1, SIZE, SIZE, 1))
    batch = {"unrestricted": photos, "restricted": photos}
    batch |= {"ball_unrestricted": jnp.array([[127.5, 127.5, 44.0]])}
    batch |= {"up_unrestricted": jnp.array([[0.0, -1.0]])}
    new, metrics = step(state, batch, jax.random.key(7))
    assert set(metrics) == {"loss", *WEIGHTS}
    old, trained = (jax.tree.leaves(s.nets["detector"].params) for s in (state, new))
    assert all(np.isfinite(leaf).all() for leaf in trained)
    assert any(np.any(a != b) for a, b in zip(old, trained, strict=True))
