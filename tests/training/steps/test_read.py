"""The reader's step: hand-worked loss terms; only what is known counts."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from configs import reader
from facealign.errors import UserError
from facealign.geometry.reader_window import STORED
from facealign.models.apply import Network
from facealign.models.reader import Reader
from facealign.stages import create_stages
from facealign.training import losses
from facealign.training.state import create_state
from facealign.training.steps.read import compare, make_read_step
from facealign.training.steps.table import create_step

WEIGHTS = {"landmarks": 1.0, "rotation": 2.0, "identity": 0.1, "expression": 1.0}


def head(count, **changes):
    fields = {
        "landmarks": jnp.zeros((count, 68, 2)),
        "known": jnp.ones((count, 68)),
        "rotation": jnp.tile(jnp.eye(3), (count, 1, 1)),
        "posed": jnp.ones(count),
        "identity": jnp.zeros((count, 24)),
        "expression": jnp.zeros((count, 41)),
        "shaped": jnp.ones(count),
    }
    return fields | changes


def said(count, **changes):
    return head(count, spread=jnp.zeros((count, 68))) | changes


def test_laplace_by_hand_and_least_at_half_the_distance():
    """3-4-5: 5 / exp(s) + 2 s; at s = 0 that is 5, at s = ln 2.5 it is 2 + 2 ln 2.5 = 3.833."""
    place, target = jnp.array([[[3.0, 4.0]]]), jnp.zeros((1, 1, 2))
    value = [
        float(losses.laplace(place, jnp.array([[s]]), target)[0, 0])
        for s in (0.0, np.log(2.5), np.log(2.4), np.log(2.6))
    ]
    np.testing.assert_allclose(value[:2], [5, 3.8326], atol=1e-3)
    assert value[1] < min(value[2:])


def test_terms_by_hand():
    """All landmarks 0.5 away at spread 0: 0.5. A turn by 90 degrees: four entries off by 1: 4.
    Identities all off by 2: 4. Expressions all off by 3: 9."""
    turned = jnp.tile(jnp.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]), (2, 1, 1))
    output = said(
        2,
        landmarks=jnp.full((2, 68, 2), 0.5) * jnp.array([1, 0]),
        rotation=turned,
        identity=jnp.full((2, 24), 2.0),
        expression=jnp.full((2, 41), 3.0),
    )
    terms = compare(output, head(2))
    expected = {"landmarks": 0.5, "rotation": 4.0, "identity": 4.0, "expression": 9.0}
    for name, value in expected.items():
        np.testing.assert_allclose(terms[name], value, atol=1e-5)


def test_what_is_unknown_does_not_count():
    """The second example is wrong in everything, and nothing of it is known."""
    wrong = jnp.stack([jnp.zeros((68, 2)), jnp.full((68, 2), 9.0)])
    known = jnp.array([1.0, 0.0])
    truth = head(2, known=known[:, None] * jnp.ones((2, 68)), posed=known, shaped=known)
    terms = compare(said(2, landmarks=wrong, identity=wrong[:, :24, 0]), truth)
    np.testing.assert_allclose([terms["landmarks"], terms["identity"]], 0, atol=1e-5)
    nothing = head(2, known=jnp.zeros((2, 68)), posed=jnp.zeros(2), shaped=jnp.zeros(2))
    assert all(jnp.isfinite(term) for term in compare(said(2), nothing).values())


def test_a_step_learns_and_its_numbers_are_finite():
    networks = {"reader": Network(Reader(), optax.adam(1e-3))}
    state = jax.jit(lambda key: create_state(networks, key, STORED, 3))(jax.random.key(0))
    step = jax.jit(make_read_step(networks, ("reader",), WEIGHTS))
    batch = {}
    for number, domain in enumerate(("unrestricted", "restricted")):
        batch[domain] = jax.random.uniform(jax.random.key(number), (2, STORED, STORED, 3))
        fields = head(2, landmarks=jnp.full((2, 68, 2), 90.0))
        batch |= {f"{name}_{domain}": value for name, value in fields.items()}
    new, metrics = step(state, batch, jax.random.key(7))
    assert all(np.isfinite(value) for value in metrics.values())
    assert set(metrics) == {"loss", *WEIGHTS}
    old, trained = (jax.tree.leaves(s.nets["reader"].params) for s in (state, new))
    assert all(np.isfinite(leaf).all() for leaf in trained)
    assert any(np.any(a != b) for a, b in zip(old, trained, strict=True))


@pytest.mark.parametrize("name", ["channels", "image_size"])
def test_other_photos_than_those_of_the_heads_are_refused(name):
    config = reader.get_config()
    config.data[name] = 1 if name == "channels" else 128
    with pytest.raises(UserError, match=rf"config\.data\.{name}=1.*the read objective needs"):
        create_step(config, {}, create_stages(config)[0])


@pytest.mark.parametrize("name", ["flip", "shift", "rotation"])
def test_pictures_may_not_be_moved_by_others(name):
    config = reader.get_config()
    config.augment[name] = type(config.augment[name])(1)
    with pytest.raises(UserError, match=rf"config\.augment\.{name}.*makes such changes itself"):
        create_step(config, {}, create_stages(config)[0])
