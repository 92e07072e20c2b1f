"""The recognizer's train step, and the loss that compares people with its embeddings."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from facealign.models.apply import NetState, Network, apply_network
from facealign.training import losses
from facealign.training.state import TrainState, update_networks
from facealign.training.steps.forward import Batch, TrainStep, apply_role

ROLE = "recognizer"


def make_recognize_step(
    networks: Mapping[str, Network], train: tuple[str, ...], weights: Mapping[str, float]
) -> TrainStep:
    """Learns to classify the people in U's photos and R's turned photos. Term: margin."""

    def step(state: TrainState, batch: Batch, key: jax.Array):
        photos = jnp.concatenate([batch["unrestricted"], batch["input_restricted"]])
        subjects = jnp.concatenate([batch["subject_unrestricted"], batch["subject_restricted"]])

        def loss(params):
            output, batch_stats, _ = apply_role(networks, state, params, ROLE, photos, key)
            margin = losses.margin_softmax(output["cosines"], subjects).mean()
            right = (output["cosines"].argmax(axis=1) == subjects).mean()
            total = losses.weighted_sum({"margin": margin}, weights)
            return total, ({"margin": margin, "accuracy_person": right}, batch_stats)

        (total, (terms, batch_stats)), gradients = jax.value_and_grad(loss, has_aux=True)(
            {role: state.nets[role].params for role in train}
        )
        return update_networks(networks, state, gradients, batch_stats), {"loss": total, **terms}

    return step


def identity_loss(
    network: Network, net: NetState, images: jax.Array, others: jax.Array
) -> jax.Array:
    """Distance [B] between the people in two sets of photos [B, H, H, C]: from 0 to 2.

    It is one minus the cosine of their embeddings. `others` get no gradient.
    """
    seen = apply_network(network, net, jnp.concatenate([images, jax.lax.stop_gradient(others)]))
    own, other = jnp.split(seen["embedding"], 2)
    return 1 - (own * jax.lax.stop_gradient(other)).sum(axis=-1)
