"""FT-GAN: a coarse change of pose first, then a refinement that knows where landmarks should be.

After Zhuang et al. 2019, "FT-GAN: Face Transformation with Key Points Alignment for Pose-Invariant
Face Recognition". The encoder is the coarse part and finds landmarks; the decoder refines.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.models import layers, medium
from facealign.models.blocks import u_net

LANDMARKS = 68  # in the order of iBUG 300-W
OPENING = 20.0  # of the refinement to its one parameter, which Adam moves by small steps


class Finder(nn.Module):
    """Image [B, H, W, C] in [-1, 1] to a heatmap of each landmark, [B, H/4, W/4, 68]."""

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> jax.Array:
        x = u_net(image, ((32, 5, 2), (64, 3, 2), (128, 3, 2), (128, 3, 2)), train, top=1)
        return layers.Conv(LANDMARKS, 3, use_bias=True)(x)


class Encoder(nn.Module):
    """Image [B, H, W, 1] in [-1, 1] to a code of all that the refinement needs.

    That image; the coarse frontal one, [B, H, W, 1]; "seen", the landmarks' heatmaps in the image,
    and "heatmaps", those in the coarse frontal one, [B, H/4, W/4, 68] each.
    """

    image_multiple = medium.Encoder.image_multiple

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> dict[str, jax.Array]:
        code = medium.Encoder(name="narrow")(image, train)
        (coarse,) = medium.Decoder(name="widen")(code, train)
        finder = Finder(name="finder")
        still = jax.lax.stop_gradient(coarse)  # or what pleases an untrained finder is painted
        if train:  # in one batch, whose statistics are those of both
            seen, heatmaps = jnp.split(finder(jnp.concatenate([image, still]), train), 2)
        else:  # apart, so that a program that needs one of them computes one
            seen, heatmaps = finder(image, train), finder(still, train)
        return {"image": image, "coarse": coarse, "seen": seen, "heatmaps": heatmaps}


class Decoder(nn.Module):
    """Code to a tuple of two images [B, H, W, 1] in [-1, 1]: the coarse one and the refined one.

    Untrained, the second equals the first.
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
