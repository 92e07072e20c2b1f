"""Reconstruction and paired steps: what is compared with what, and the KL term."""

import jax
import jax.numpy as jnp
import numpy as np

from facealign.models.apply import apply_network, train_network
from facealign.training.steps.table import create_step
from tests.toy_steps import only_terms, random_batch, setup


def test_the_encoder_sees_warped_inputs_and_the_loss_the_images(tiny_gan):
    stage, networks, state = setup(tiny_gan, 0)
    batch, seen, key = random_batch(), random_batch(seed=2), jax.random.key(2)
    warped = {f"input_{domain}": images for domain, images in seen.items()}
    terms = only_terms(create_step(tiny_gan, networks, stage))(state, batch | warped, key)

    def run(role, x):
        net = state.nets[role]
        return train_network(networks[role], net.params, net.batch_stats, x, key)[0]

    @jax.jit
    def expected():
        codes = jnp.split(run("encoder", jnp.concatenate(list(seen.values()))), 2)
        return [
            jnp.abs(run(role, code)[-1] - batch[domain]).mean()
            for domain, role, code in zip(batch, ("decoder_u", "decoder_r"), codes, strict=True)
        ]

    np.testing.assert_allclose(terms["reconstruction"], sum(expected()) / 2, rtol=1e-4)


def test_details_are_compared_if_they_have_a_weight(tiny):
    """L1 as without them; all are added by their weights, and nothing else."""
    batch, key = random_batch(), jax.random.key(0)
    stage, networks, state = setup(tiny, 0)
    plain = only_terms(create_step(tiny, networks, stage))(state, batch, key)
    weights = {"reconstruction": 1.0, "gradient": 0.5, "structure": 2.0}
    step = create_step(tiny, networks, stage._replace(loss_weights=weights))
    terms = only_terms(step)(state, batch, key)
    np.testing.assert_allclose(terms["reconstruction"], plain["reconstruction"], rtol=1e-5)
    wanted = sum(weight * terms[name] for name, weight in weights.items())
    np.testing.assert_allclose(terms["loss"], wanted, rtol=1e-5)
    assert 0 < terms["structure"] < 2 and terms["gradient"] > 0


def test_l1_of_a_perfect_reconstruction_is_reported_as_zero(tiny):
    """The target of a pair is what the networks make of it already."""
    stage, networks, state = setup(tiny, 1)
    batch = random_batch()

    @jax.jit
    def swap(images):
        code = apply_network(networks["encoder"], state.nets["encoder"], images)
        return apply_network(networks["decoder_r"], state.nets["decoder_r"], code)[-1]

    batch["restricted"] = swap(batch["unrestricted"])
    step = only_terms(create_step(tiny, networks, stage))
    assert step(state, batch, jax.random.key(0))["paired"] < 1e-6


def test_a_variational_code_adds_its_kl_term_and_draws_from_the_key(tiny):
    tiny.model.kl_weight = 0.5
    stage, networks, state = setup(tiny, 0)
    step = only_terms(create_step(tiny, networks, stage))
    a, b = (step(state, random_batch(), jax.random.key(seed)) for seed in (0, 1))
    np.testing.assert_allclose(a["loss"], a["reconstruction"] + 0.5 * a["kl"], rtol=1e-6)
    assert a["reconstruction"] != b["reconstruction"] and a["kl"] == b["kl"]
