"""AttGAN with the yaw of the head as the attribute that a decoder is asked for.

He et al. 2019, https://arxiv.org/abs/1711.10678. Encoder and decoder are those of medium; the
attribute joins the code as further channels. The critic says which attribute an image shows too.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.models import layers, medium
from facealign.models.blocks import LEAKY_SLOPE

BINS = (-90, -45, -30, -15, 0, 15, 30, 45, 90)  # degrees of yaw


def attribute_of(yaw: jax.Array) -> jax.Array:
    """The nearest of BINS to yaw [B] in degrees, one-hot [B, 9]; all 0 where yaw is nan."""
    nearest = jnp.abs(yaw[:, None] - jnp.array(BINS)).argmin(axis=1)
    return jnp.where(jnp.isnan(yaw)[:, None], 0.0, jax.nn.one_hot(nearest, len(BINS)))


class Encoder(nn.Module):
    """Image [B, H, W, C] in [-1, 1] to medium's code, and the attribute to ask for: frontal."""

    image_multiple = medium.Encoder.image_multiple

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> dict[str, jax.Array]:
        frontal = attribute_of(jnp.zeros(len(image))).astype(image.dtype)
        return {"code": medium.Encoder(name="medium")(image, train), "attribute": frontal}


class Decoder(nn.Module):
    """Code [B, h, w, 512] and attribute [B, 9] to a tuple of one image [B, H, W, 1] in [-1, 1]."""

    output: str = "tanh"

    @nn.compact
    def __call__(self, code: dict[str, jax.Array], train: bool) -> tuple[jax.Array, ...]:
        x, attribute = code["code"], code["attribute"][:, None, None]
        spread = jnp.broadcast_to(attribute, (*x.shape[:3], len(BINS))).astype(x.dtype)
        return medium.Decoder(self.output, name="medium")(jnp.concatenate([x, spread], -1), train)


class Critic(nn.Module):
    """Image [B, H, W, C] in [-1, 1] to a logit [B, 1, 1, 1], "logits", and those of its attribute.

    "attribute" [B, 9] are logits too. Without batch normalization, which a gradient penalty
    forbids.
    """

    features: int = 32

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> dict[str, jax.Array]:
        x = image
        for level in range(5):
            x = layers.Conv(2**level * self.features, 4, stride=2, use_bias=True)(x)
            x = nn.leaky_relu(x, LEAKY_SLOPE)
        x = x.reshape(len(x), -1)
        return {
            "logits": nn.Dense(1, name="logits")(x)[..., None, None],
            "attribute": nn.Dense(len(BINS), name="attribute")(x),
        }
