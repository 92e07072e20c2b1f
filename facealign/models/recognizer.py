"""Recognizer: a face as a point on a sphere, near the other photos of the same person."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.models.blocks import describe_image

TINY = 1e-6


class Recognizer(nn.Module):
    """Canonical crops [B, H, H, C] in [-1, 1] to embeddings and their cosines to known people.

    A dict of "embedding" [B, features], of length 1, and "cosines" [B, people], to one learned
    direction for each person of the training photos, which nothing but its own training needs.
    """

    people: int  # at least as many as the training photos show
    features: int = 128

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> dict[str, jax.Array]:
        embedding = _unit(nn.Dense(self.features)(describe_image(image, train)))
        shape = (self.people, self.features)
        known = _unit(self.param("people", nn.initializers.normal(1.0), shape))
        return {"embedding": embedding, "cosines": embedding @ known.T}


def _unit(x: jax.Array) -> jax.Array:
    """Vectors [N, D] at length 1."""
    return x * jax.lax.rsqrt(jnp.square(x).sum(axis=-1, keepdims=True) + TINY)
