"""Matte: a network that tells the person in the middle of a window from what is behind."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.models import layers
from facealign.models.apply import NetState, Network, apply_network
from facealign.models.blocks import LEAKY_SLOPE

WIDTHS = (16, 32, 64, 128, 160)  # channels from half of the window's size down to a 32nd
SUBPIXELS = 2  # the last map has a quarter of the window's pixels


class Matte(nn.Module):
    """Windows [B, H, H, 3] in [-1, 1] to logits [B, H, H] of the person, H a multiple of 32.

    A U-Net: residual blocks down, and up with skips.
    """

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> jax.Array:
        x, skips = image, []
        for level, width in enumerate(WIDTHS):
            x = _normed(layers.Conv(width, 3 if level else 5, stride=2)(x), train)
            y = _normed(layers.Conv(width, 3)(x), train)
            x = x + _normed(layers.Conv(width, 3)(y), train)
            skips.append(x)
        for width, skip in zip(WIDTHS[-2::-1], skips[-2::-1], strict=True):
            x = jnp.concatenate([layers.upsample(x), skip], axis=-1)
            x = _normed(layers.Conv(width, 3)(x), train)
        x = layers.Conv(SUBPIXELS**2, 3)(x)
        return layers.depth_to_space(x, SUBPIXELS)[..., 0]


def _normed(x: jax.Array, train: bool) -> jax.Array:
    return nn.leaky_relu(layers.BatchNorm()(x, train), LEAKY_SLOPE)


@partial(jax.jit, static_argnums=0)
def apply_matte(network: Network, net: NetState, windows: jax.Array) -> jax.Array:
    """Mattes [N, H, H] from 0 to 1 of windows [N, H, H, 3] in [-1, 1]."""
    return jax.nn.sigmoid(apply_network(network, net, windows))
