"""What is reported and not minimized."""

import jax
import jax.numpy as jnp


def accuracy(logits: jax.Array, real: bool, boundary: float) -> jax.Array:
    """Share [B] of patch logits [B, h, w, 1] on the right side of the boundary."""
    right = logits > boundary if real else logits < boundary
    return right.reshape(len(logits), -1).mean(axis=1)


def spread(images: jax.Array) -> jax.Array:
    """Mean absolute distance, a scalar, between each two of the images [N, H, W, C]; N > 1."""
    flat = images.reshape(len(images), -1)
    # Summed pairwise distances from sorted values: O(N log N) instead of an [N, N] table of images.
    ranked = jnp.sort(flat, axis=0)
    rank = jnp.arange(len(flat))[:, None]
    total = ((2 * rank - len(flat) + 1) * ranked).sum(axis=0)
    return (total / (len(flat) * (len(flat) - 1) / 2)).mean()


def diversity(outputs: jax.Array, inputs: jax.Array) -> jax.Array:
    """Spread of the outputs as a share of the inputs' spread: 0 is collapse, about 1 is healthy."""
    return spread(outputs) / jnp.maximum(spread(inputs), 1e-6)
