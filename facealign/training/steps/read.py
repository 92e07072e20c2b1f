"""The reader's train step: pose, shape and landmarks of real photos and of turned heads."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from facealign.data.head_windows import soiled_windows
from facealign.models.apply import Network
from facealign.names import DOMAINS
from facealign.stages import HEAD_FIELDS
from facealign.training import losses
from facealign.training.state import TrainState, update_networks
from facealign.training.steps.forward import Batch, TrainStep, apply_role

ROLE = "reader"


def make_read_step(
    networks: Mapping[str, Network], train: tuple[str, ...], weights: Mapping[str, float]
) -> TrainStep:
    """Learns to read heads. Terms: landmarks, rotation, identity, expression."""

    def step(state: TrainState, batch: Batch, key: jax.Array):
        photos = jnp.concatenate([batch[domain] for domain in DOMAINS])
        heads = {
            field: jnp.concatenate([batch[f"{field}_{domain}"] for domain in DOMAINS])
            for field in HEAD_FIELDS
        }
        window_key, net_key = jax.random.split(key)
        windows, heads = soiled_windows(photos, heads, window_key)

        def loss(params):
            output, batch_stats, _ = apply_role(networks, state, params, ROLE, windows, net_key)
            terms = compare(output, heads)
            total = losses.weighted_sum(terms, weights)
            return total, (terms, batch_stats)

        (total, (terms, batch_stats)), gradients = jax.value_and_grad(loss, has_aux=True)(
            {role: state.nets[role].params for role in train}
        )
        return update_networks(networks, state, gradients, batch_stats), {"loss": total, **terms}

    return step


def compare(
    output: Mapping[str, jax.Array], heads: Mapping[str, jax.Array]
) -> dict[str, jax.Array]:
    """The loss terms, scalars, of what a reader says about windows, and what is known of them.

    Each is a mean, weighted by how well a thing is known.
    """
    landmarks = losses.laplace(output["landmarks"], output["spread"], heads["landmarks"])
    rotation = jnp.square(output["rotation"] - heads["rotation"]).sum(axis=(1, 2))
    terms = {"landmarks": _mean(landmarks, heads["known"])}
    terms["rotation"] = _mean(rotation, heads["posed"])
    for field in ("identity", "expression"):
        error = jnp.square(output[field] - heads[field]).mean(axis=1)
        terms[field] = _mean(error, heads["shaped"])
    return terms


def _mean(values: jax.Array, weights: jax.Array) -> jax.Array:
    return (values * weights).sum() / jnp.maximum(weights.sum(), 1e-6)
