"""Recognizer: embeds a face as a unit vector; photos of one person have similar embeddings."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.models.blocks import describe_image

TINY = 1e-6


class Recognizer(nn.Module):
    """Canonical crops [B, H, H, C] in [-1, 1] to a dict of "embedding" and "cosines".

    "embedding" [B, features] has length 1. "cosines" [B, people] compare it with one learned
    direction for each person of the training photos; only the training of the recognizer uses them.
    """

    people: int  # at least the number of people in the training photos
    features: int = 128

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> dict[str, jax.Array]:
        embedding = _unit(nn.Dense(self.features)(describe_image(image, train)))
        shape = (self.people, self.features)
        known = _unit(self.param("people", nn.initializers.normal(1.0), shape))
        return {"embedding": embedding, "cosines": embedding @ known.T}


def _unit(x: jax.Array) -> jax.Array:
    """Vectors [N, D] scaled to length 1."""
    return x * jax.lax.rsqrt(jnp.square(x).sum(axis=-1, keepdims=True) + TINY)
