"""Stacked hourglass, split into an encoder and an exchangeable decoder.

Newell et al. 2016, https://arxiv.org/abs/1603.06937. The encoder is the stem and the first way
down; the decoder is the first way up and all further stacks. The code is the tuple of feature maps
at all scales, so it includes the skip branches.
"""

import jax
from flax import linen as nn

from facealign.models import layers
from facealign.models.layers import to_image


class Residual(nn.Module):
    """Pre-activation bottleneck: 1x1, 3x3, 1x1. Maps [B, H, W, C] to [B, H, W, features]."""

    features: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        y = x
        for features, kernel in ((self.features // 2, 1), (self.features // 2, 3)):
            y = nn.relu(layers.BatchNorm()(y, train))
            y = layers.Conv(features, kernel)(y)
        y = nn.relu(layers.BatchNorm()(y, train))
        y = layers.Conv(self.features, 1, use_bias=True)(y)
        return y + (x if x.shape[-1] == self.features else layers.Conv(self.features, 1)(x))


class Down(nn.Module):
    """Map [B, H, W, C] to `scales` + 1 maps of height H, H/2, ...; all but the last are skips."""

    features: int
    scales: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> tuple[jax.Array, ...]:
        pyramid = []
        for _ in range(self.scales):
            pyramid.append(Residual(self.features)(x, train))
            x = Residual(self.features)(layers.max_pool(x), train)
        return (*pyramid, Residual(self.features)(x, train))


class Up(nn.Module):
    """The maps of `Down` to one map [B, H, W, C]: upsamples and adds the skip of each scale."""

    features: int

    @nn.compact
    def __call__(self, pyramid: tuple[jax.Array, ...], train: bool) -> jax.Array:
        *skips, x = pyramid
        for skip in reversed(skips):
            x = skip + layers.upsample(Residual(self.features)(x, train))
        return x


class Encoder(nn.Module):
    """Image [B, H, W, 1] in [-1, 1] to a code: maps [B, H/4, W/4, C], [B, H/8, W/8, C], ..."""

    features: int = 64
    scales: int = 4

    @property
    def image_multiple(self) -> int:
        """px; image sizes must be a multiple of this."""
        return 4 * 2**self.scales

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> tuple[jax.Array, ...]:
        x = layers.Conv(self.features // 2, 7, stride=2)(image)
        x = nn.relu(layers.BatchNorm()(x, train))
        x = layers.max_pool(Residual(self.features)(x, train))
        return Down(self.features, self.scales)(x, train)


class Decoder(nn.Module):
    """Code to images [B, H, W, channels] in [-1, 1], one per stack; the last is the output."""

    features: int = 64
    scales: int = 4
    stacks: int = 2
    output: str = "tanh"
    channels: int = 1

    @nn.compact
    def __call__(self, code: tuple[jax.Array, ...], train: bool) -> tuple[jax.Array, ...]:
        images, x = [], code[0]
        for stack in range(self.stacks):
            pyramid = code if stack == 0 else Down(self.features, self.scales)(x, train)
            y = Residual(self.features)(Up(self.features)(pyramid, train), train)
            # Sums of residuals grow with depth. Without normalization they saturate the output.
            y = nn.relu(layers.BatchNorm()(layers.Conv(self.features, 1)(y), train))
            # The head works at a quarter of the image size and predicts blocks of 4 x 4 px.
            blocks = layers.Conv(16 * self.channels, 1, use_bias=True)(y)
            images.append(to_image(layers.depth_to_space(blocks, 4), self.output))
            if stack + 1 < self.stacks:
                x = x + layers.Conv(self.features, 1)(y) + layers.Conv(self.features, 1)(blocks)
        return tuple(images)
