"""The matte's train step: people cut out and set before other backgrounds, and outlined photos."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from facealign.data.matte_windows import composed_windows, photo_windows
from facealign.models.apply import Network
from facealign.training import losses
from facealign.training.state import TrainState, update_networks
from facealign.training.steps.forward import Batch, TrainStep, apply_role

ROLE = "matte"


def make_cut_out_step(
    networks: Mapping[str, Network], train: tuple[str, ...], weights: Mapping[str, float]
) -> TrainStep:
    """Learns which pixels are the person's. Terms: composed, outlines.

    R's photos are people that are cut out, and U's photos their new backgrounds; of U's people
    themselves only a part of the matte is known.
    """

    def step(state: TrainState, batch: Batch, key: jax.Array):
        composed_key, photo_key, net_key = jax.random.split(key, 3)
        names = ("alpha", "sure")
        cut = {name: batch[f"{name}_restricted"] for name in names}
        cut["image"] = batch["restricted"]
        photos = batch["unrestricted"]
        composed = composed_windows(cut, photos, composed_key)
        outlined = photo_windows(photos, *(batch[f"{n}_unrestricted"] for n in names), photo_key)
        windows = jnp.concatenate([composed["image"], outlined["image"]])

        def loss(params):
            output, batch_stats, _ = apply_role(networks, state, params, ROLE, windows, net_key)
            logits = jnp.split(output, 2)
            terms = {
                name: losses.matte_cross_entropy(own, known["alpha"], known["sure"]).mean()
                for name, own, known in zip(
                    ("composed", "outlines"), logits, (composed, outlined), strict=True
                )
            }
            return losses.weighted_sum(terms, weights), (terms, batch_stats)

        (total, (terms, batch_stats)), gradients = jax.value_and_grad(loss, has_aux=True)(
            {role: state.nets[role].params for role in train}
        )
        return update_networks(networks, state, gradients, batch_stats), {"loss": total, **terms}

    return step
