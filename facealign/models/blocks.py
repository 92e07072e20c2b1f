"""Blocks that several networks share. Their layers belong to the calling module."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.models import layers

LEAKY_SLOPE = 0.2


def describe_image(image: jax.Array, train: bool) -> jax.Array:
    """Canonical crops [B, H, H, C] in [-1, 1] to features [B, 256 * (H / 32)^2].

    One average pooling and four strided convolutions.
    """
    x = nn.avg_pool(image, window_shape=(2, 2), strides=(2, 2))
    for features in (32, 64, 128, 256):
        x = nn.leaky_relu(layers.Conv(features, 5, stride=2)(x), LEAKY_SLOPE)
        x = layers.BatchNorm()(x, train)
    return x.reshape(x.shape[0], -1)


def u_net(
    x: jax.Array,
    down: Sequence[tuple[int, int, int]],
    train: bool,
    top: int = 0,
    kernel_up: int = 3,
) -> jax.Array:
    """A U-Net: convolutions down, transposed convolutions up, and skip connections.

    Args:
      x: [B, H, W, C].
      down: features, kernel size and stride of each level on the way down.
      train: whether batch normalization takes the statistics of the batch.
      top: level at which the way up ends.
      kernel_up: kernel size on the way up. An odd size can leave a checkerboard pattern, since
        neighbouring pixels get different numbers of weights.

    Returns:
      The map [B, h, w, 2 * features] of level `top`.
    """
    skips = []
    for features, kernel, stride in down:
        x = nn.leaky_relu(layers.Conv(features, kernel, stride=stride)(x), LEAKY_SLOPE)
        x = layers.BatchNorm()(x, train)
        skips.append(x)
    for skip in reversed(skips[top:-1]):
        x = nn.leaky_relu(layers.ConvTranspose(skip.shape[-1], kernel_up)(x), LEAKY_SLOPE)
        x = jnp.concatenate([layers.BatchNorm()(x, train), skip], axis=-1)
    return x
