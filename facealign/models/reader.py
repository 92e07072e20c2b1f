"""Reader: pose, shape, expression and landmarks of the head in a window of a photo."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.models import layers
from facealign.models.blocks import LEAKY_SLOPE

LANDMARKS = 68
SPREAD = (-5.0, 1.0)  # range of the logarithm of a landmark's spread, in half windows
WIDTHS = (48, 96, 160, 256)  # channels from a quarter of the window's size down to a 32nd


class Reader(nn.Module):
    """Windows [B, H, H, 3] in [-1, 1] to a dict, H a multiple of 32.

    "landmarks" [B, 68, 2]: (x, y), from -1 to 1 across the window. "spread" [B, 68]: logarithm of
    half the mean distance by which each may be wrong, in the same unit. "rotation" [B, 3, 3]: of
    `geometry.camera`. "identity" [B, K] and "expression" [B, E]: coefficients of the head.
    """

    identity: int = 24
    expression: int = 41

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> dict[str, jax.Array]:
        x = _normed(layers.Conv(24, 5, stride=2)(image), train)
        for width in WIDTHS:
            x = _normed(layers.Conv(width, 3, stride=2)(x), train)
            x = x + _block(x, width, train)
        x = _normed(layers.Conv(96, 1)(x), train)
        x = nn.leaky_relu(nn.Dense(384)(x.reshape(x.shape[0], -1)), LEAKY_SLOPE)
        places = nn.Dense(2 * LANDMARKS, name="landmarks")(x)
        spread = nn.Dense(LANDMARKS, name="spread")(x) - 3.0
        return {
            "landmarks": places.reshape(-1, LANDMARKS, 2),
            "spread": jnp.clip(spread, *SPREAD),
            "rotation": _rotation(nn.Dense(6, name="rotation")(x)),
            "identity": nn.Dense(self.identity, name="identity")(x),
            "expression": nn.Dense(self.expression, name="expression")(x),
        }


def _block(x: jax.Array, width: int, train: bool) -> jax.Array:
    """Two convolutions of 3 x 3 px, [B, h, w, C] -> [B, h, w, width]."""
    y = _normed(layers.Conv(width, 3)(x), train)
    return _normed(layers.Conv(width, 3)(y), train)


def _normed(x: jax.Array, train: bool) -> jax.Array:
    return nn.leaky_relu(layers.BatchNorm()(x, train), LEAKY_SLOPE)


def _rotation(numbers: jax.Array) -> jax.Array:
    """Rotation matrices [B, 3, 3] from six numbers [B, 6]: two rows, made orthogonal.

    Unlike angles they have no jump. Zhou et al., "On the continuity of rotation representations in
    neural networks", 2019.
    """
    first, second = numbers[:, :3] + jnp.eye(3)[0], numbers[:, 3:] + jnp.eye(3)[1]
    first = _unit(first)
    second = _unit(second - (first * second).sum(axis=-1, keepdims=True) * first)
    return jnp.stack([first, second, jnp.cross(first, second)], axis=1)


def _unit(x: jax.Array) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.square(x).sum(axis=-1, keepdims=True) + 1e-8)
