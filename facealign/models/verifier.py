"""Verifier: a small network that says whether what the detector found is a face.

It is trained in JAX, and run in NumPy by `faces.verify`, in processes without JAX.
"""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.geometry.face_window import LAYERS, even_out
from facealign.models import layers


class Verifier(nn.Module):
    """Windows [B, SIZE, SIZE, 1] of `face_window` in [-1, 1] to logits [B]."""

    @nn.compact
    def __call__(self, windows: jax.Array, train: bool) -> jax.Array:
        x = even_out(windows, jnp)
        for number, (filters, size, stride) in enumerate(LAYERS):
            x = layers.Conv(filters, size, stride, name=f"conv_{number}")(x)
            x = nn.relu(layers.BatchNorm(name=f"norm_{number}")(x, train))
        return nn.Dense(1, name="head")(x.reshape(-1, math.prod(x.shape[1:])))[:, 0]
