"""AttGAN with the yaw of the head as the attribute.

He et al. 2019, https://arxiv.org/abs/1711.10678. Encoder and decoder are those of medium. The
decoder gets the wanted attribute as additional channels of the code. The critic also classifies
the attribute of an image.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.models import layers, medium
from facealign.models.blocks import LEAKY_SLOPE

BINS = (-90, -45, -30, -15, 0, 15, 30, 45, 90)  # degrees of yaw


def attribute_of(yaw: jax.Array) -> jax.Array:
    """The bin of BINS nearest to yaw [B] in degrees, one-hot [B, 9]; all 0 where yaw is nan."""
    nearest = jnp.abs(yaw[:, None] - jnp.array(BINS)).argmin(axis=1)
    return jnp.where(jnp.isnan(yaw)[:, None], 0.0, jax.nn.one_hot(nearest, len(BINS)))


class Encoder(nn.Module):
    """Image [B, H, W, C] in [-1, 1] to the code of medium and the wanted attribute, frontal."""

    image_multiple = medium.Encoder.image_multiple

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> dict[str, jax.Array]:
        frontal = attribute_of(jnp.zeros(image.shape[0])).astype(image.dtype)
        return {"code": medium.Encoder(name="medium")(image, train), "attribute": frontal}


class Decoder(nn.Module):
    """Code [B, h, w, 512] and attribute [B, 9] to a tuple of one image [B, H, W, channels]."""

    output: str = "tanh"
    channels: int = 1

    @nn.compact
    def __call__(self, code: dict[str, jax.Array], train: bool) -> tuple[jax.Array, ...]:
        x, attribute = code["code"], code["attribute"][:, None, None]
        spread = jnp.broadcast_to(attribute, (*x.shape[:3], len(BINS))).astype(x.dtype)
        decoder = medium.Decoder(self.output, self.channels, name="medium")
        return decoder(jnp.concatenate([x, spread], axis=-1), train)


class Critic(nn.Module):
    """Image [B, H, W, C] in [-1, 1] to "logits" [B, 1, 1, 1] and "attribute" [B, 9].

    "logits" above 0 mean real; "attribute" are the logits of BINS. There is no batch normalization,
    because a gradient penalty rules it out.
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
