"""The step that learns to give a head a requested yaw."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from facealign.models.apply import Network
from facealign.models.attribute import attribute_of
from facealign.names import DOMAINS, GENERATOR
from facealign.training import losses
from facealign.training.state import TrainState, update_networks
from facealign.training.steps.forward import Batch, TrainStep, apply_role
from facealign.training.steps.gan import GanRules, Labels, make_gan


def make_attribute_step(
    networks: Mapping[str, Network],
    train: tuple[str, ...],
    weights: Mapping[str, float],
    rules: GanRules,
) -> TrainStep:
    """One decoder makes photos of both domains with their own yaw, and fakes with another yaw.

    AttGAN, He et al. 2019, https://arxiv.org/abs/1711.10678. Terms: reconstruction, L1 of the
    outputs with their own yaw; those of `gan.make_gan`, with attributes. A fake gets the yaw of
    a random photo of the batch. R's photos of unknown yaw count as frontal; U's have no attribute.
    """
    gan = make_gan(networks, train, weights, rules)
    generator = tuple(role for role in train if role in GENERATOR)

    def step(state: TrainState, batch: Batch, key: jax.Array):
        order_key, network_key, gan_key = jax.random.split(key, 3)
        photos = jnp.concatenate([batch[domain] for domain in DOMAINS])
        inputs = jnp.concatenate([batch.get(f"input_{d}", batch[d]) for d in DOMAINS])
        yaw = [batch["yaw_unrestricted"], jnp.nan_to_num(batch["yaw_restricted"])]
        own = attribute_of(jnp.concatenate(yaw))
        asked = jax.random.permutation(order_key, own)

        def make_images(params):
            code, encoder_stats, _ = apply_role(
                networks, state, params, "encoder", inputs, network_key
            )
            twice = {"code": jnp.concatenate([code["code"]] * 2)}
            twice["attribute"] = jnp.concatenate([own, asked])
            images, decoder_stats, _ = apply_role(
                networks, state, params, "decoder_r", twice, network_key
            )
            return tuple(jnp.split(images[-1], 2)), encoder_stats | decoder_stats

        def own_loss(same):
            term = losses.l1(same, photos).mean()
            return weights.get("reconstruction", 0.0) * term, term

        old = {role: state.nets[role].params for role in generator}
        (same, fakes), pull, batch_stats = jax.vjp(make_images, old, has_aux=True)
        result = gan(state, photos, fakes, gan_key, labels=Labels(own, asked))
        gradients, terms = result.gradients, result.terms
        if generator:
            to_same, terms["reconstruction"] = jax.grad(own_loss, has_aux=True)(same)
            gradients |= pull((to_same, result.to_fake))[0]
        new = update_networks(networks, state, gradients, batch_stats)
        return new, {"loss": losses.weighted_sum(terms, weights), **terms, **result.accuracies}

    return step
