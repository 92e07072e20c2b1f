"""What the pose regressor and the recognizer have in common."""

import jax
from flax import linen as nn

from facealign.models import layers

LEAKY_SLOPE = 0.2


def describe_image(image: jax.Array, train: bool) -> jax.Array:
    """Canonical crops [B, H, H, C] in [-1, 1] to features [B, 256 * (H / 32)^2].

    Five halvings, four of them by convolutions. Its layers belong to the module that calls it.
    """
    x = nn.avg_pool(image, window_shape=(2, 2), strides=(2, 2))
    for features in (32, 64, 128, 256):
        x = nn.leaky_relu(layers.Conv(features, 5, stride=2)(x), LEAKY_SLOPE)
        x = layers.BatchNorm()(x, train)
    return x.reshape(x.shape[0], -1)
