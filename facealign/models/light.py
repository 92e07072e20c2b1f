"""Light autoencoder of the polygon experiment (first table of the report)."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.models import layers, variational
from facealign.models.blocks import LEAKY_SLOPE


class Encoder(nn.Module):
    """Image [B, H, W, 1] in [-1, 1] to a code [B, 64]."""

    variational: bool = False

    image_multiple = 16  # px; image sizes must be a multiple of this

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> jax.Array:
        x = layers.Conv(4, 7, stride=2, use_bias=True)(image)
        x = layers.BatchNorm()(x, train)
        for features in (8, 16):
            x = layers.Conv(features, 3, stride=2, use_bias=True)(x)
            x = nn.leaky_relu(x, LEAKY_SLOPE)
        x = x.reshape(x.shape[0], -1)
        x = nn.Dense(256, use_bias=False)(x)
        x = nn.Dense(64, use_bias=False)(x)
        return variational.VariationalHead()(x, train) if self.variational else x


class Decoder(nn.Module):
    """Code [B, 64] to a tuple of one image [B, H, W, channels] in [-1, 1]."""

    image_size: int = 128
    channels: int = 1

    @nn.compact
    def __call__(self, code: jax.Array, train: bool) -> tuple[jax.Array, ...]:
        side = self.image_size // 16
        x = nn.Dense(256, use_bias=False)(code)
        x = nn.Dense(side * side * 16, use_bias=False)(x)
        x = x.reshape(-1, side, side, 16)
        for features in (8, 4, 4, self.channels):
            x = jnp.tanh(layers.ConvTranspose(features, 3, use_bias=True)(x))
        return (x,)
