"""FT-GAN: a coarse frontal image first, then a refinement guided by landmark heatmaps.

After Zhuang et al. 2019, "FT-GAN: Face Transformation with Key Points Alignment for Pose-Invariant
Face Recognition". The encoder makes the coarse image and finds landmarks; the decoder refines.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.models import layers, medium
from facealign.models.blocks import u_net

LANDMARKS = 68  # in the order of iBUG 300-W
OPENING = 20.0  # factor on the parameter "amount", so that Adam's small steps have an effect


class Finder(nn.Module):
    """Image [B, H, W, C] in [-1, 1] to heatmaps [B, H/4, W/4, 68], one for each landmark."""

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> jax.Array:
        x = u_net(image, ((32, 5, 2), (64, 3, 2), (128, 3, 2), (128, 3, 2)), train, top=1)
        return layers.Conv(LANDMARKS, 3, use_bias=True)(x)


class Encoder(nn.Module):
    """Image [B, H, W, 1] in [-1, 1] to a code, a dict of four arrays.

    "image" is the image itself and "coarse" the coarse frontal image, both [B, H, W, 1]. "seen" and
    "heatmaps" are the landmark heatmaps of "image" and of "coarse", both [B, H/4, W/4, 68].
    """

    image_multiple = medium.Encoder.image_multiple

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> dict[str, jax.Array]:
        code = medium.Encoder(name="narrow")(image, train)
        (coarse,) = medium.Decoder(name="widen")(code, train)
        finder = Finder(name="finder")
        # Without this, the coarse image would be trained to fit the mistakes of the finder.
        still = jax.lax.stop_gradient(coarse)
        if train:  # one batch, so that batch statistics cover both images
            seen, heatmaps = jnp.split(finder(jnp.concatenate([image, still]), train), 2)
        else:  # two calls, so that a program that needs one result computes only that one
            seen, heatmaps = finder(image, train), finder(still, train)
        return {"image": image, "coarse": coarse, "seen": seen, "heatmaps": heatmaps}


class Decoder(nn.Module):
    """Code to a tuple of two images [B, H, W, 1] in [-1, 1]: coarse and refined.

    Before training, the refined image equals the coarse image.
    """

    @nn.compact
    def __call__(self, code: dict[str, jax.Array], train: bool) -> tuple[jax.Array, ...]:
        coarse = code["coarse"]
        x = jnp.concatenate([coarse, code["image"]], axis=-1)
        x = nn.avg_pool(x, window_shape=(2, 2), strides=(2, 2))
        x = jnp.concatenate([x, layers.upsample(code["heatmaps"]).astype(x.dtype)], axis=-1)
        x = u_net(x, ((32, 3, 1), (64, 5, 2), (128, 3, 2)), train)
        change = jnp.tanh(layers.ConvTranspose(1, 3, use_bias=True)(x))
        amount = self.param("amount", nn.initializers.zeros_init(), ())
        return coarse, jnp.clip(coarse + OPENING * amount * change, -1, 1)
