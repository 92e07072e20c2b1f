"""Critics: of patches (the report's discriminator), of whole faces, and of codes.

A patch critic sees neither the yaw of a head nor whether two eyes match. `FaceCritic` therefore
sees the whole photo and fixed crops of it: face, eyes, nose and mouth, as in FNM (Qian et al. 2019,
https://arxiv.org/abs/1902.01874).
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.geometry.frame import SIZE
from facealign.models import layers
from facealign.models.blocks import LEAKY_SLOPE

PARTS = {  # (left, top, width, height) in px of the canonical crop, number of convolutions
    "face": ((16, 24, 96, 96), 4),
    "eyes": ((24, 36, 80, 32), 3),
    "nose": ((48, 48, 32, 40), 3),
    "mouth": ((36, 84, 56, 32), 3),
}


class FaceCritic(nn.Module):
    """Canonical crops [B, H, H, C] in [-1, 1] to logits [B, 5, 1, 1]; above 0 means real.

    The first logit judges the whole crop at half its size, the others judge PARTS at full size.
    There is no batch normalization, because its statistics would make the logits of one image
    depend on the others in the batch.
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
        """One logit [B, 1] from x [B, h, w, C]."""
        for i in range(depth):
            layer = layers.Conv(2**i * self.features, 4, 2, use_bias=True, name=f"{name}_{i}")
            x = nn.leaky_relu(layer(x), LEAKY_SLOPE)
        return nn.Dense(1, name=name)(x.reshape(x.shape[0], -1))


class Discriminator(nn.Module):
    """Image [B, H, W, C] in [-1, 1] to patch logits [B, H/4, W/4, 1]; above 0 means real.

    PatchGAN, Isola et al. 2017, https://arxiv.org/abs/1611.07004. Each logit sees 34 x 34 px
    (kernels 4, strides 2, 2, 1, 1), close to the report's 32 x 32 px. There is no batch
    normalization, for the same reason as in `FaceCritic`.
    """

    features: int = 32

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> jax.Array:
        x = image
        for features, stride in ((1, 2), (2, 2), (4, 1)):
            x = layers.Conv(self.features * features, 4, stride=stride, use_bias=True)(x)
            x = nn.leaky_relu(x, LEAKY_SLOPE)
        return layers.Conv(1, 4, use_bias=True)(x)


class ScalesCritic(nn.Module):
    """Image [B, H, W, C] in [-1, 1] to logits [B, N, 1, 1] of its patches; above 0 means real.

    One `Discriminator` judges patches of the image, another those of the image at half its size,
    where a patch shows more, as in pix2pixHD (Wang et al. 2018, https://arxiv.org/abs/1711.11585).
    """

    features: int = 32

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> jax.Array:
        half = nn.avg_pool(image, window_shape=(2, 2), strides=(2, 2))
        logits = [Discriminator(self.features)(each, train) for each in (image, half)]
        return jnp.concatenate([each.reshape(len(image), -1, 1, 1) for each in logits], axis=1)


class CodeCritic(nn.Module):
    """Code, one or more arrays [B, ...], to logits [B, 1]; above 0 means the code of an R photo.

    An encoder trained against this critic makes codes of U and R alike, so that the decoders of
    both domains can read them. After the code discriminator of DeepFaceLab,
    https://github.com/iperov/DeepFaceLab.
    """

    features: int = 64

    @nn.compact
    def __call__(self, code: jax.Array | dict[str, jax.Array], train: bool) -> jax.Array:
        leaves = jax.tree.leaves(code)
        x = jnp.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
        x = nn.leaky_relu(nn.Dense(self.features)(x), LEAKY_SLOPE)
        return nn.Dense(1)(x)
