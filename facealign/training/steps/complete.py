"""The step that learns to mend thumbnails of portraits, on photos turned away and back."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from facealign.data.augment import without_colour
from facealign.models import completion
from facealign.models.apply import Network
from facealign.models.completion import FACE, KNOWN, MAPS, look_right, near_head, shrink
from facealign.models.layers import upsample
from facealign.names import DOMAINS
from facealign.training import losses
from facealign.training.state import TrainState, update_networks
from facealign.training.steps.forward import Batch, TrainStep, apply_role
from facealign.training.steps.gan import TERMS, GanRules, make_gan

ROLE = "completion"
SCALES, SOFT = 3, 0.1  # as in `losses.multiscale_l1`; the faults are large, the noise is small
GRAY = 0.1  # share of pairs without colour
# Weights of pixels away from the head and what is near it, which have 1, and of the face.
FAR, FACE_WEIGHT = 0.03, 2.0


def make_complete_step(
    networks: Mapping[str, Network],
    train: tuple[str, ...],
    weights: Mapping[str, float],
    rules: GanRules | None = None,
) -> TrainStep:
    """U's images are what came back, R's the truth. Terms: l1, at SCALES sizes; gradient.

    With rules, a discriminator tells what is mended from the truth, and there are the terms of
    `gan.make_gan`. It sees what came back, and in its place, as far as the network may change it,
    what is mended or the truth: what can't be changed tells nothing.
    """
    gan = make_gan(networks, train, weights, rules) if rules else None
    own_weights = {name: weight for name, weight in weights.items() if name not in TERMS}

    def step(state: TrainState, batch: Batch, key: jax.Array):
        network_key, colour_key, gan_key = jax.random.split(key, 3)
        yaw = batch["yaw_unrestricted"]
        images, target = (
            shrink(look_right(yaw, without_colour(batch[domain], colour_key, GRAY)))
            for domain in DOMAINS
        )
        maps = shrink(look_right(yaw, batch["maps_unrestricted"].astype(jnp.float32) / 255))
        counts = pixel_weights(maps)
        planes = completion.pack(images, maps[..., :MAPS], yaw)

        def mend(params):
            added, stats, _ = apply_role(networks, state, params, ROLE, planes, network_key)
            return images + completion.gate(maps) * added, stats

        def own_loss(output):
            terms = {
                "l1": losses.multiscale_l1(output, target, counts, SCALES, SOFT).mean(),
                "gradient": losses.gradient_l1(output, target, counts, SOFT).mean(),
            }
            return losses.weighted_sum(terms, own_weights), terms

        old = {role: state.nets[role].params for role in train if role == ROLE}
        output, pull, batch_stats = jax.vjp(mend, old, has_aux=True)
        to_output, terms = jax.grad(own_loss, has_aux=True)(output)
        gradients, accuracies = {}, {}
        if gan:
            changes = mendable(maps)
            real, fake = (images + changes * (each - images) for each in (target, output))
            result = gan(state, real, fake, gan_key)
            to_output = to_output + result.to_fake * changes
            gradients, accuracies = result.gradients, result.accuracies
            terms |= result.terms
        gradients = gradients | pull(to_output)[0]
        new = update_networks(networks, state, gradients, batch_stats)
        return new, {"loss": losses.weighted_sum(terms, weights), **terms, **accuracies}

    return step


def mendable(maps: jax.Array) -> jax.Array:
    """How much of pixels is the network's, [B, H, H, 1], by maps [B, H / 2, H / 2, MAPS + 1]."""
    near = near_head(maps)[..., None] * maps[..., KNOWN:]
    return upsample(near) * completion.gate(maps)


def pixel_weights(maps: jax.Array) -> jax.Array:
    """How much pixels count, [B, H, H, 1], by maps [B, H / 2, H / 2, MAPS + 1] with KNOWN."""
    face = maps[..., FACE]
    near = FAR + (1 - FAR) * near_head(maps)
    weights = maps[..., KNOWN] * (near * (1 - face) + FACE_WEIGHT * face)
    return upsample(weights[..., None])
