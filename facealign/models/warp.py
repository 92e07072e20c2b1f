"""Warp and fill: the encoder estimates the pose, the decoder warps the photo to a frontal view.

The decoder copies pixels from the photo, which keeps sharpness and identity, and invents only
pixels that the photo does not show. First it rotates the generic head of
facealign.models.warp_sheet back by the estimated pose, which gives an approximate warp. Then a
network predicts a flow that corrects the generic shape, a filling image, and for each pixel the
shares of three sources: the photo's own side, its mirror image and the filling.

After Rotate-and-Render (Zhou et al. 2020, https://arxiv.org/abs/2003.08124), whose network repairs
views of a 3D face, and FFWM (Wei et al. 2020, https://arxiv.org/abs/2008.03247), which warps by a
flow and uses the mirrored side.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.geometry.frame import SIZE
from facealign.geometry.head_rotation import mirror, resized
from facealign.geometry.resample import resample
from facealign.models import layers
from facealign.models.blocks import LEAKY_SLOPE, describe_image, u_net
from facealign.models.warp_sheet import make_unturn

DEGREES = 30.0  # degrees of pose for one unit of the encoder's last layer
REACH = 12.0  # px of the canonical crop: largest flow along x and along y
FAVOUR = 4.0  # logits that a side gains if it faces the camera instead of being edge-on
BEHIND = (0.0, 1.0, 1.0)  # logits subtracted in `prior`: own side, mirrored side, filling
DECIDED = 5.0  # factor on the logits of a profile's sources in inference
DECIDING = (30.0, 60.0)  # degrees of yaw over which the factor grows from 1 to DECIDED
TINY = 1e-12


class Encoder(nn.Module):
    """Image [B, H, W, 1] in [-1, 1] to a code, a dict of the "image" and its "pose".

    "pose" [B, 2] is yaw and pitch in degrees.
    """

    image_multiple = 64  # px; image sizes must be a multiple of this

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> dict[str, jax.Array]:
        x = nn.leaky_relu(nn.Dense(128)(describe_image(image, train)), LEAKY_SLOPE)
        return {"image": image, "pose": DEGREES * nn.Dense(2)(x)}


class Decoder(nn.Module):
    """Code to a tuple of one frontal image [B, H, W, 1] in [-1, 1].

    In training it stores three numbers [B] in the collection "penalties": "flow", the unevenness of
    the flow; "blend", the entropy of the shares; and "filling", the share of the filling where the
    photo shows a pixel or its mirror image. Blends and fillings are penalized because they are
    blurred, and blur lowers the pixel error. In training, shares can be blends, so that every
    source gets gradients. In inference, the shares of a profile are nearly 0 or 1, see `decided`.
    """

    @nn.compact
    def __call__(self, code: dict[str, jax.Array], train: bool) -> tuple[jax.Array, ...]:
        image, (places, facing) = code["image"], make_unturn()(code["pose"])
        size = image.shape[1]
        places = resized(places, size, size)
        facing = facing[..., None]
        if size != SIZE:
            facing = jax.image.resize(facing, image.shape, "linear", antialias=False)
        own = resample(image, places)
        yaw = jnp.broadcast_to(jnp.abs(code["pose"][:, None, None, :1]) / 90, facing.shape)
        x = jnp.concatenate([facing, mirror(facing), own, mirror(own), yaw], axis=-1)

        # Half the size is enough, since flows and shares are smooth.
        x = nn.avg_pool(x, window_shape=(2, 2), strides=(2, 2)).astype(image.dtype)
        sides = x[..., :2]
        x = u_net(x, ((32, 3, 1), (64, 5, 2), (128, 3, 2), (256, 3, 2)), train, kernel_up=4)
        filling = jnp.tanh(layers.ConvTranspose(1, 4)(x))
        x = layers.Conv(4 + len(BEHIND), 3, use_bias=True)(x)
        flow, logits = REACH * jnp.tanh(x[..., :4]), x[..., 4:] + prior(sides)
        shares = nn.softmax(logits if train else decided(logits, code["pose"][:, 0]), axis=-1)
        if train:
            penalties = {
                "flow": unevenness(flow),
                "blend": entropy(shares),
                "filling": needless_filling(shares, sides),
            }
            for name, penalty in penalties.items():
                self.sow("penalties", name, penalty, reduce_fn=lambda _, new: new)
        x = jnp.concatenate([flow * (size / SIZE), shares], axis=-1)
        x = layers.upsample_linearly(x)
        flow, shares = x[..., :4], x[..., 4:]
        own = read_sharply(image, places + flow[..., :2])
        other = read_sharply(image, mirror(places) + flow[..., 2:])
        sources = jnp.concatenate([own, other, filling], axis=-1)
        return ((shares * sources).sum(axis=-1, keepdims=True),)


def read_sharply(image: jax.Array, places: jax.Array) -> jax.Array:
    """`resample` of an image with the cubic kernel, clipped to [-1, 1]."""
    return jnp.clip(resample(image, places, "cubic"), -1, 1)


def prior(sides: jax.Array) -> jax.Array:
    """Initial logits [B, H, W, 3] of own side, mirrored side and filling.

    They prefer the side that faces the camera more, the own side if both are alike, and the filling
    if neither side is visible. Without this prior, training uses the filling before it learns to
    fit the mirrored side.

    Args:
      sides: [B, H, W, 2], how directly own and mirrored side face the camera: 1 if directly, 0 if
        edge-on, negative if hidden.
    """
    logits = FAVOUR * jnp.pad(sides, ((0, 0), (0, 0), (0, 0), (0, 1)))
    return logits - jnp.array(BEHIND, sides.dtype)


def decided(logits: jax.Array, yaw: jax.Array) -> jax.Array:
    """Logits [B, H, W, 3] of the sources, scaled up where yaw [B] in degrees is large.

    Own and mirrored side of a frontal head agree, and their blend is a face. Those of a profile are
    stretched, and their blend shows two ghost images.
    """
    start, stop = DECIDING
    share = jnp.clip((jnp.abs(yaw) - start) / (stop - start), 0, 1)
    return logits * (1 + (DECIDED - 1) * share)[:, None, None, None]


def needless_filling(shares: jax.Array, sides: jax.Array) -> jax.Array:
    """Mean share [B] of the filling, weighted by how directly the better side faces the camera.

    Args:
      shares: of the sources, [B, H, W, 3].
      sides: [B, H, W, 2], as in `prior`.
    """
    return (shares[..., 2] * nn.relu(sides).max(axis=-1)).mean(axis=(1, 2))


def unevenness(flow: jax.Array) -> jax.Array:
    """Mean absolute difference [B] in px between neighbours of a flow [B, H, W, C].

    The sum of the means over horizontal and over vertical neighbours.
    """
    return sum(jnp.abs(jnp.diff(flow, axis=axis)).mean(axis=(1, 2, 3)) for axis in (1, 2))


def entropy(shares: jax.Array) -> jax.Array:
    """Mean entropy [B] in nats of shares [B, H, W, N]; the shares of a pixel sum to 1."""
    return -(shares * jnp.log(shares + TINY)).sum(axis=-1).mean(axis=(1, 2))
