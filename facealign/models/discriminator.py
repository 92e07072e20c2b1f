"""Patch discriminator: one logit for each piece of the image."""

import jax
from flax import linen as nn

from facealign.models import layers
from facealign.models.blocks import LEAKY_SLOPE


class Discriminator(nn.Module):
    """Image [B, H, W, C] in [-1, 1] to patch logits [B, H/4, W/4, 1]; above 0 means real.

    Each unit sees 34 x 34 px (kernels 4, strides 2, 2, 1, 1), the nearest to the report's 32 x 32
    px. Isola et al. 2017, https://arxiv.org/abs/1611.07004. Without batch normalization, whose
    statistics would tie the verdict on one image to the others in its batch.
    """

    features: int = 32

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> jax.Array:
        x = image
        for features, stride in ((1, 2), (2, 2), (4, 1)):
            x = layers.Conv(self.features * features, 4, stride=stride, use_bias=True)(x)
            x = nn.leaky_relu(x, LEAKY_SLOPE)
        return layers.Conv(1, 4, use_bias=True)(x)
