"""The network of facealign.faces.framing in Flax, for its training."""

import jax
from flax import linen as nn

# (channels, kernel size, stride), without padding: maps of 64 px become 30, 14, 6, 4, 1 and 1 px.
LAYERS = ((24, 5, 2), (48, 3, 2), (96, 3, 2), (96, 3, 1), (128, 4, 1), (4, 1, 1))


class CropRegressor(nn.Module):
    """Windows [B, 64, 64, 1] in [-1, 1] to the arguments [B, 4] of `framing.correction`.

    `framing.find_frame` runs the same layers in NumPy.
    """

    @nn.compact
    def __call__(self, window: jax.Array) -> jax.Array:
        x = window
        for number, (features, side, stride) in enumerate(LAYERS):
            x = nn.Conv(features, (side, side), stride, padding="VALID", name=str(number))(
                nn.relu(x) if number else x
            )
        return x.reshape(x.shape[0], -1)
