"""Framer: how a window around a face has to move so that the face lies as in every other."""

import jax
from flax import linen as nn

# (channels, side of the kernel, stride), all without padding: 64 px to 30, 14, 6, 4 and 1.
LAYERS = ((24, 5, 2), (48, 3, 2), (96, 3, 2), (96, 3, 1), (128, 4, 1), (4, 1, 1))


class Framer(nn.Module):
    """Windows [B, 64, 64, 1] in [-1, 1] to the numbers [B, 4] of `framing.correction`.

    `framing.find_frame` runs the same layers without JAX.
    """

    @nn.compact
    def __call__(self, window: jax.Array) -> jax.Array:
        x = window
        for number, (features, side, stride) in enumerate(LAYERS):
            x = nn.Conv(features, (side, side), stride, padding="VALID", name=str(number))(
                nn.relu(x) if number else x
            )
        return x.reshape(x.shape[0], -1)
