"""The matte's step: hand-worked loss; only what is sure counts; it learns."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from configs import matte
from facealign.errors import UserError
from facealign.geometry.matte_window import STORED
from facealign.models.apply import Network
from facealign.models.matte import Matte
from facealign.stages import create_stages
from facealign.training import losses
from facealign.training.state import create_state
from facealign.training.steps.cut_out import make_cut_out_step
from facealign.training.steps.table import create_step

WEIGHTS = {"composed": 1.0, "outlines": 0.5}


def test_cross_entropy_by_hand_of_what_is_sure():
    """Logit 0 costs ln 2 = 0.6931; a logit of 2 for a person ln(1 + e^-2) = 0.1269."""
    logits, alpha = jnp.array([[[0.0, 2.0, -9.0]]]), jnp.array([[[0.3, 1.0, 1.0]]])
    value = losses.matte_cross_entropy(logits, alpha, jnp.array([[[1.0, 1.0, 0.0]]]))
    np.testing.assert_allclose(value, [(0.6931 + 0.1269) / 2], atol=1e-4)
    nothing = losses.matte_cross_entropy(logits, alpha, jnp.zeros((1, 1, 3)))
    np.testing.assert_array_equal(nothing, [0])


def test_a_step_learns_and_its_numbers_are_finite():
    networks = {"matte": Network(Matte(), optax.adam(1e-3))}
    state = jax.jit(lambda key: create_state(networks, key, STORED, 3))(jax.random.key(0))
    step = jax.jit(make_cut_out_step(networks, ("matte",), WEIGHTS))
    batch = {}
    for number, domain in enumerate(("unrestricted", "restricted")):
        batch[domain] = jax.random.uniform(jax.random.key(number), (2, STORED, STORED, 3))
        planes = jnp.full((2, STORED, STORED), 255, jnp.uint8)
        batch |= {f"{name}_{domain}": planes for name in ("alpha", "sure")}
    new, metrics = step(state, batch, jax.random.key(7))
    assert set(metrics) == {"loss", *WEIGHTS}
    expected = sum(weight * metrics[name] for name, weight in WEIGHTS.items())
    np.testing.assert_allclose(metrics["loss"], expected, rtol=1e-5)
    old, trained = (jax.tree.leaves(s.nets["matte"].params) for s in (state, new))
    assert all(np.isfinite(leaf).all() for leaf in trained)
    assert any(np.any(a != b) for a, b in zip(old, trained, strict=True))


@pytest.mark.parametrize("name", ["channels", "image_size"])
def test_other_photos_than_those_of_cutouts_are_refused(name):
    config = matte.get_config()
    config.data[name] = 1 if name == "channels" else 128
    with pytest.raises(UserError, match=rf"config\.data\.{name}=1.*the cut_out objective needs"):
        create_step(config, {}, create_stages(config)[0])


@pytest.mark.parametrize("name", ["flip", "shift", "brightness", "noise"])
def test_nobody_else_may_change_what_is_cut_out(name):
    config = matte.get_config()
    config.augment[name] = type(config.augment[name])(1)
    with pytest.raises(UserError, match=rf"config\.augment\.{name}.*makes such changes itself"):
        create_step(config, {}, create_stages(config)[0])
