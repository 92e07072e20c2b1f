"""Warp and fill: the encoder says where the head looks, the decoder turns it back and repairs.

Geometry moves the pixels, so that sharpness and the person survive, and the network invents only
what was hidden. The generic head of facealign.geometry.head_rotation, turned back by the pose,
brings every photo near the frontal one; what is left is a small repair: a flow that corrects the
generic shape, a choice between the photo's own side and its mirror image, and a filling for the
rest.

After Rotate-and-Render (Zhou et al. 2020, https://arxiv.org/abs/2003.08124), whose network repairs
views of a 3D face, and FFWM (Wei et al. 2020, https://arxiv.org/abs/2008.03247), which warps by a
flow and offers the mirrored side.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.geometry.frame import SIZE
from facealign.geometry.head_rotation import make_unturn, mirror, resized
from facealign.geometry.resample import resample
from facealign.models import layers
from facealign.models.blocks import LEAKY_SLOPE, describe_image, u_net

DEGREES = 30.0  # of pose, that one unit of the encoder's last layer stands for
REACH = 12.0  # px, at most, by which the flow corrects a place
FAVOUR = 4.0  # logits that a side gains by facing the camera squarely instead of edge-on
BEHIND = (0.0, 1.0, 1.0)  # logits that own side, mirrored side, filling are behind the own one
DECIDED = 5.0  # times: by what the logits of a profile's sources grow once training is over
DECIDING = (30.0, 60.0)  # degrees of yaw between which that factor grows
TINY = 1e-12


class Encoder(nn.Module):
    """Image [B, H, W, 1] in [-1, 1] to a code: that image, and its pose [B, 2] in degrees."""

    image_multiple = 64  # px; image sizes must be a multiple of this

    @nn.compact
    def __call__(self, image: jax.Array, train: bool) -> dict[str, jax.Array]:
        x = nn.leaky_relu(nn.Dense(128)(describe_image(image, train)), LEAKY_SLOPE)
        return {"image": image, "pose": DEGREES * nn.Dense(2)(x)}


class Decoder(nn.Module):
    """Code to a tuple of one frontal image [B, H, W, 1] in [-1, 1].

    In training it leaves three numbers [B] in the collection "penalties": "flow", how uneven the
    flow is; "blend", the entropy of the shares; and "filling", the share of filling where the photo
    shows the place or its mirror image. A blend of sources that do not quite agree, or a filling,
    is a blurred face whose pixels are less wrong for it, so both have to be paid for. In training
    shares may still be blends, through which gradients reach every source; afterwards those of a
    profile are nearly a choice, see `decided`.
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

        x = nn.avg_pool(x, window_shape=(2, 2), strides=(2, 2)).astype(
            image.dtype
        )  # flows and shares are smooth
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
    """The image in [-1, 1] as `resample` reads it, cubic, within that range."""
    return jnp.clip(resample(image, places, "cubic"), -1, 1)


def prior(sides: jax.Array) -> jax.Array:
    """Logits [B, H, W, 3] of the sources, of how squarely both sides face the camera, [B, H, W, 2].

    A side is 1 if squarely, 0 if edge-on, hidden below. Where the network knows no better, the
    better seen side is taken, the photo's own if in doubt, and the filling if neither is seen.
    Without it, training finds a filling before it finds out how the mirrored side fits.
    """
    logits = FAVOUR * jnp.pad(sides, ((0, 0), (0, 0), (0, 0), (0, 1)))
    return logits - jnp.array(BEHIND, sides.dtype)


def decided(logits: jax.Array, yaw: jax.Array) -> jax.Array:
    """Logits [B, H, W, 3] of the sources, farther apart where yaw [B], in degrees, is a profile's.

    Own and mirrored side of a head that looks ahead agree, and their blend is a face; of a profile
    they are stretched, and their blend is the ghost of two.
    """
    start, stop = DECIDING
    share = jnp.clip((jnp.abs(yaw) - start) / (stop - start), 0, 1)
    return logits * (1 + (DECIDED - 1) * share)[:, None, None, None]


def needless_filling(shares: jax.Array, sides: jax.Array) -> jax.Array:
    """Mean share [B] of the filling, counted by how squarely the better seen side is seen.

    Shares [B, H, W, 3] of the sources, sides [B, H, W, 2] as in `prior`.
    """
    return (shares[..., 2] * nn.relu(sides).max(axis=-1)).mean(axis=(1, 2))


def unevenness(flow: jax.Array) -> jax.Array:
    """Mean step [B], in px, of a flow [B, H, W, C] from each px to the next, right and down."""
    return sum(jnp.abs(jnp.diff(flow, axis=axis)).mean(axis=(1, 2, 3)) for axis in (1, 2))


def entropy(shares: jax.Array) -> jax.Array:
    """Mean entropy [B] in nats of shares [B, H, W, N] that sum to 1."""
    return -(shares * jnp.log(shares + TINY)).sum(axis=-1).mean(axis=(1, 2))
