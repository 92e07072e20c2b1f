"""Completion: mends a portrait that was turned in 3D, where the photo shows little or nothing.

It adds to the portrait, little where the photo shows the face well and where that is mirrored. Of a
head that looked to the left it sees the mirror image, so that one side has to be learned. It works
on thumbnails: faults are large, and what is lost of details can hardly be foreseen.
"""

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.models import layers
from facealign.models.apply import NetState, Network, apply_network
from facealign.models.blocks import LEAKY_SLOPE

SIZE = 256  # px: height and width of portraits
SHRINK = 2  # how much smaller thumbnails are
# Maps of half the size: how much of a pixel is its own and how much the other side's; the face; the
# head; how the surface is inclined in the photo; the person; what is inside of the photo. In
# training one more follows: where the truth is known.
OWN, OTHER, FACE, HEAD, FACING, PERSON, HELD, KNOWN = range(8)
MAPS = KNOWN  # of what the network sees
PLANES = 2 * 3 * 4 + MAPS + 1  # of what the network sees
WIDTHS = (48, 96, 160, 224)  # channels from half of a thumbnail's size down to a 16th
BLOCKS = (1, 1, 2, 2)  # residual blocks of each size, on the way down and on the way up
STEP, FIRST = 0.3, 0.03  # how much residual blocks add at first, and the network
# Share in which nothing is added: of a face that the photo shows well, and of mirrored pixels.
KEPT = 0.8
PROFILE = 90.0  # degrees
# How far from the head is near it, where hair, ears and collars are torn.
NEAR = 0.14  # of the width of a frame; 4.5 cm


class Completion(nn.Module):
    """Planes [B, H, H, PLANES] to what is added to thumbnails [B, 2H, 2H, 3], H a multiple of 8.

    A U-Net of residual blocks. All that goes to another size is normalized: else the sums of blocks
    grow from size to size, and what is coarse drowns what is fine.
    """

    widths: tuple[int, ...] = WIDTHS
    blocks: tuple[int, ...] = BLOCKS

    @nn.compact
    def __call__(self, planes: jax.Array, train: bool) -> jax.Array:
        x, skips = _conv(planes, self.widths[0], 3), []
        levels = list(zip(self.widths, self.blocks, strict=True))
        for level, (width, count) in enumerate(levels):
            if level:
                x = _conv(_normed(x, train), width, 3, stride=2)
            for _ in range(count):
                x = _block(x, train)
            skips.append(x)
        for (width, count), skip in zip(levels[-2::-1], skips[-2::-1], strict=True):
            x = layers.upsample_linearly(_conv(_normed(x, train), width, 1))
            x = _conv(_normed(jnp.concatenate([x, skip], axis=-1), train), width, 1)
            for _ in range(count):
                x = _block(x, train)
        x = _normed(x, train)
        return layers.depth_to_space(_conv(x, 12, 3, gain=FIRST), 2)


def _conv(
    x: jax.Array, width: int, kernel: int, stride: int = 1, gain: float = 2**0.5
) -> jax.Array:
    return layers.Conv(width, kernel, stride, use_bias=True, gain=gain)(x)


def _normed(x: jax.Array, train: bool) -> jax.Array:
    return nn.leaky_relu(layers.BatchNorm()(x, train), LEAKY_SLOPE)


def _block(x: jax.Array, train: bool) -> jax.Array:
    width = x.shape[-1]
    y = _conv(_normed(x, train), width, 3)
    return x + _conv(_normed(y, train), width, 3, gain=STEP)


def shrink(arrays: jax.Array) -> jax.Array:
    """Thumbnails of images or maps [B, H, W, C], H and W multiples of SHRINK."""
    return nn.avg_pool(arrays, window_shape=(SHRINK, SHRINK), strides=(SHRINK, SHRINK))


def look_right(yaw: jax.Array, images: jax.Array) -> jax.Array:
    """Images or maps [B, H, W, C], mirrored where the yaw [B] of the photo is negative."""
    return jnp.where((yaw < 0)[:, None, None, None], images[:, :, ::-1], images)


def pack(images: jax.Array, maps: jax.Array, yaw: jax.Array) -> jax.Array:
    """What the network sees, [B, H / 2, H / 2, PLANES].

    Args:
      images: thumbnails [B, H, H, 3] in [-1, 1] of heads that looked to the right.
      maps: theirs, [B, H / 2, H / 2, MAPS], 0 to 1.
      yaw: [B] degrees.
    """
    both = jnp.concatenate([images, images[:, :, ::-1]], axis=-1)
    far = jnp.broadcast_to((jnp.abs(yaw) / PROFILE)[:, None, None, None], (*maps.shape[:3], 1))
    return jnp.concatenate([layers.space_to_depth(both, 2), maps, far], axis=-1)


def near_head(maps: jax.Array) -> jax.Array:
    """The head, and near it what the photo held: [B, H, H], 0 to 1, of maps [B, H, H, MAPS]."""
    side = 2 * round(NEAR * maps.shape[1] / 1.5) + 1
    head = maps[..., HEAD, None]
    wide = nn.max_pool(head, (side, side), padding="SAME")
    soft = (side // 2 | 1,) * 2  # half of the way to where it counts no more
    wide = nn.avg_pool(wide, soft, padding="SAME", count_include_pad=False)
    return jnp.maximum(head, wide * maps[..., HELD, None])[..., 0]


def gate(maps: jax.Array) -> jax.Array:
    """How much of what the network says is added, [B, H, H, 1]; arguments as in `pack`.

    What is mirrored may differ from the truth, but the network's guess would be a blurred one.
    """
    kept = jnp.maximum(maps[..., OWN] * maps[..., FACE], maps[..., OTHER])
    return layers.upsample(1 - KEPT * kept[..., None])


@partial(jax.jit, static_argnums=0)
def apply_completion(
    network: Network, net: NetState, images: jax.Array, maps: jax.Array, yaw: jax.Array
) -> jax.Array:
    """What is added to portraits, [B, SIZE, SIZE, 3].

    Args:
      network, net: a completion.
      images: portraits [B, SIZE, SIZE, 3] in [-1, 1] of heads that looked to any side.
      maps: [B, SIZE / 2, SIZE / 2, MAPS], 0 to 1.
      yaw: [B] degrees.
    """
    images, maps = (shrink(look_right(yaw, each)) for each in (images, maps))
    added = gate(maps) * apply_network(network, net, pack(images, maps, yaw))
    for _ in range(SHRINK.bit_length() - 1):
        added = layers.upsample_linearly(added)
    return look_right(yaw, added)
