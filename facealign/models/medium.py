"""Medium autoencoder of the face experiment (second table of the report).

After AttGAN, with one convolution per scale and no skips, so that decoders can be swapped.
Convolutions have no bias; nearly all are followed by a batch normalization.
"""

import jax
from flax import linen as nn

from facealign.models import layers, variational
from facealign.models.blocks import LEAKY_SLOPE
from facealign.models.layers import to_image


class Encoder(nn.Module):
    """Image [B, H, W, C] in [-1, 1] to a code [B, H/64, W/64, 512]."""

    variational: bool = False

    image_multiple = 64  # px; image sizes must be a multiple of this

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> jax.Array:
        x = nn.relu(layers.Conv(16, 7, stride=2)(image))
        x = layers.BatchNorm()(x, train)
        for features in (32, 64, 128, 256, 512):
            x = nn.leaky_relu(layers.Conv(features, 5, stride=2)(x), LEAKY_SLOPE)
            # No scale: the next layer is linear, so it is redundant. The report counts none.
            x = layers.BatchNorm(use_scale=False)(x, train)
        return variational.VariationalHead()(x, train) if self.variational else x


class Decoder(nn.Module):
    """Code [B, H/64, W/64, 512] to a tuple of one image [B, H, W, channels] in [-1, 1]."""

    output: str = "tanh"
    channels: int = 1

    @nn.compact
    def __call__(self, code: jax.Array, train: bool) -> tuple[jax.Array, ...]:
        x = code
        for features in (256, 128, 64, 32, 16):
            x = nn.relu(layers.ConvTranspose(features, 5)(x))
            x = layers.BatchNorm()(x, train)
        return (to_image(layers.ConvTranspose(self.channels, 3)(x), self.output),)
