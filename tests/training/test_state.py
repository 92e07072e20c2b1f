"""Network states: moving averages, optimizer resets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.stages import create_stages
from facealign.training.state import (
    averaged,
    create_networks,
    create_state,
    reset_optimizers,
    update_networks,
)


def create(config, stage=0):
    stages = create_stages(config)
    networks = create_networks(config, stages, stages[stage])
    return networks, create_state(networks, jax.random.key(config.seed), config.data.image_size)


def ones_like(tree):
    return jax.tree.map(np.ones_like, tree)


def test_the_same_key_gives_the_same_weights_and_roles_differ(tiny):
    (_, a), (_, b) = create(tiny), create(tiny)
    jax.tree.map(np.testing.assert_array_equal, a, b)
    u, r = (a.nets[role].params["Dense_0"]["kernel"] for role in ("decoder_u", "decoder_r"))
    assert np.any(u != r)


@pytest.mark.parametrize(("step", "decay"), [(0, 0.1), (26, 0.75), (90, 0.75)])
def test_ema_follows_its_formula_and_is_what_gets_evaluated(tiny, step, decay):
    tiny.optimizer.ema_decay.encoder = 0.75
    networks, state = create(tiny)
    state = state.replace(step=jnp.array(step))
    gradients = {"encoder": ones_like(state.nets["encoder"].params)}
    new = update_networks(networks, state, gradients, {})
    expected = jax.tree.map(
        lambda old, now: decay * old + (1 - decay) * now,
        state.nets["encoder"].params,
        new.nets["encoder"].params,
    )
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)  # noqa: E731
    jax.tree.map(close, new.nets["encoder"].ema, expected)
    jax.tree.map(close, averaged(new).nets["encoder"].params, expected)
    assert new.nets["decoder_u"].ema == {}


def test_averages_start_with_the_first_stage_that_trains_a_role(tiny_gan):
    stages = create_stages(tiny_gan)
    networks = create_networks(tiny_gan, stages, stages[2])
    starts = {role: networks[role].ema_start for role in ("encoder", "discriminator")}
    assert starts == {"encoder": 0, "discriminator": 4}


def test_a_reset_gives_fresh_optimizers_to_the_named_roles_only(tiny):
    networks, state = create(tiny)
    gradients = {role: ones_like(state.nets[role].params) for role in ("encoder", "decoder_u")}
    moved = update_networks(networks, state, gradients, {})
    reset = reset_optimizers(networks, moved, ("encoder",))
    fresh = networks["encoder"].optimizer.init(moved.nets["encoder"].params)
    jax.tree.map(np.testing.assert_array_equal, reset.nets["encoder"].opt_state, fresh)
    assert reset.nets["decoder_u"] is moved.nets["decoder_u"]
    assert reset.nets["encoder"].params is moved.nets["encoder"].params


def test_learning_rate_scale_is_per_network(tiny):
    tiny.optimizer.learning_rate_scale.decoder_u = 0.1
    tiny.optimizer.schedule = "constant"
    networks, state = create(tiny)
    gradients = {role: ones_like(state.nets[role].params) for role in ("encoder", "decoder_u")}
    new = update_networks(networks, state, gradients, {})

    def moved(role):
        before, after = (s.nets[role].params["Dense_0"]["kernel"] for s in (state, new))
        return np.abs(np.asarray(after - before)).mean()

    np.testing.assert_allclose(moved("decoder_u"), 0.1 * moved("encoder"), rtol=1e-3)
