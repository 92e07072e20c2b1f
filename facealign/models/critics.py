"""Critic of whole faces: one verdict on the photo and one on each part of the face.

A critic of patches cannot see where a head looks, nor whether two eyes belong together. After FNM
(Qian et al. 2019, https://arxiv.org/abs/1902.01874), whose critics judge the photo, the face, the
eyes, the nose and the mouth.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.geometry.frame import SIZE
from facealign.models import layers
from facealign.models.blocks import LEAKY_SLOPE

PARTS = {  # px of the canonical crop: left, top, width, height; and convolutions
    "face": ((16, 24, 96, 96), 4),
    "eyes": ((24, 36, 80, 32), 3),
    "nose": ((48, 48, 32, 40), 3),
    "mouth": ((36, 84, 56, 32), 3),
}


class FaceCritic(nn.Module):
    """Canonical crops [B, H, H, C] in [-1, 1] to logits [B, 5, 1, 1]; above 0 means real.

    The photo is seen at half its size, the parts as they are. Without batch normalization, whose
    statistics would tie the verdict on one image to the others in its batch.
    """

    features: int = 32

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> jax.Array:
        small = nn.avg_pool(image, window_shape=(2, 2), strides=(2, 2))
        logits = [self._judge(small, "photo", 4)]
        for name, (box, depth) in PARTS.items():
            left, top, width, height = (side * image.shape[1] // SIZE for side in box)
            part = image[:, top : top + height, left : left + width]
            logits.append(self._judge(part, name, depth))
        return jnp.concatenate(logits, axis=1)[..., None, None]

    def _judge(self, x: jax.Array, name: str, depth: int) -> jax.Array:
        """One logit [B, 1]."""
        for i in range(depth):
            layer = layers.Conv(2**i * self.features, 4, 2, use_bias=True, name=f"{name}_{i}")
            x = nn.leaky_relu(layer(x), LEAKY_SLOPE)
        return nn.Dense(1, name=name)(x.reshape(x.shape[0], -1))
