"""The verifier's step learns, from what a detector finds that stays as it is."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from facealign.data.face_canvases import SIZE
from facealign.geometry.face_cells import HEADS, LOGIT, RARE
from facealign.models.apply import Network
from facealign.models.detector import Detector
from facealign.models.verifier import Verifier
from facealign.training.state import create_state
from facealign.training.steps.verify import make_verify_step


@pytest.mark.parametrize("sure", [True, False])
def test_a_step_trains_the_verifier_alone_and_on_what_may_be_faces(sure):
    """A detector that begins takes nothing for a face, so that there is nothing to learn."""
    modules = {"detector": Detector(), "verifier": Verifier()}
    networks = {role: Network(module, optax.adam(1e-3)) for role, module in modules.items()}
    state = jax.jit(lambda key: create_state(networks, key, SIZE, 1))(jax.random.key(0))
    if sure:
        for number in HEADS:
            bias = state.nets["detector"].params[f"head_{number}"]["bias"]
            state.nets["detector"].params[f"head_{number}"]["bias"] = bias.at[LOGIT].add(RARE)
    step = jax.jit(make_verify_step(networks, ("verifier",), {"verified": 2.0}))
    photos = jax.random.uniform(jax.random.key(1), (1, SIZE, SIZE, 1))
    batch = {"unrestricted": photos, "restricted": photos}
    batch |= {"ball_unrestricted": jnp.array([[127.5, 127.5, 44.0]])}
    batch |= {"up_unrestricted": jnp.array([[0.0, -1.0]])}
    new, metrics = step(state, batch, jax.random.key(7))
    np.testing.assert_allclose(metrics["loss"], 2 * metrics["verified"], rtol=1e-6)
    for role, same in {"detector": True, "verifier": not sure}.items():
        old, trained = (jax.tree.leaves(s.nets[role].params) for s in (state, new))
        assert all(np.isfinite(leaf).all() for leaf in trained)
        assert same == all(np.all(a == b) for a, b in zip(old, trained, strict=True))
