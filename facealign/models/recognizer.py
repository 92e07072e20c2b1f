"""Recognizer: a face as a point on a sphere, near the other photos of the same person."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.models import layers

LEAKY_SLOPE = 0.2
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
        x = nn.avg_pool(image, window_shape=(2, 2), strides=(2, 2))
        for features in (32, 64, 128, 256):
            x = nn.leaky_relu(layers.Conv(features, 5, stride=2)(x), LEAKY_SLOPE)
            x = layers.BatchNorm()(x, train)
        embedding = _unit(nn.Dense(self.features)(x.reshape(x.shape[0], -1)))
        shape = (self.people, self.features)
        known = _unit(self.param("people", nn.initializers.normal(1.0), shape))
        return {"embedding": embedding, "cosines": embedding @ known.T}


def _unit(x: jax.Array) -> jax.Array:
    """Vectors [N, D] at length 1."""
    return x * jax.lax.rsqrt(jnp.square(x).sum(axis=-1, keepdims=True) + TINY)
