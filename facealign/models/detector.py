"""Detector: a small network that says where faces are, how large, and which way is up.

It is trained in JAX, and run in NumPy by `faces.search`, in processes without JAX.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.geometry.face_cells import HEADS, LAYERS, NUMBERS
from facealign.models import layers


class Detector(nn.Module):
    """Photos [B, H, W, 1] in [-1, 1] to what their cells say, [B, N, NUMBERS].

    H and W are multiples of the largest of `face_cells.STRIDES`; the order is that of
    `face_cells.centres`.
    """

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> jax.Array:
        x, said = image, []
        for number, (filters, size, stride) in enumerate(LAYERS):
            x = layers.Conv(filters, size, stride, name=f"conv_{number}")(x)
            x = nn.relu(layers.BatchNorm(name=f"norm_{number}")(x, train))
            if number in HEADS:
                head = layers.Conv(NUMBERS, 1, use_bias=True, name=f"head_{number}")
                said.append(head(x).reshape(x.shape[0], x.shape[1] * x.shape[2], NUMBERS))
        return jnp.concatenate(said, axis=1)
