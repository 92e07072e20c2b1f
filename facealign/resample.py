"""Images read at other places: what turning, zooming and warping have in common."""

import jax
import jax.numpy as jnp


def grid(height: int, width: int) -> jax.Array:
    """The place (x, y) in px of every pixel, float32 [height, width, 2]."""
    y, x = jnp.mgrid[:height, :width].astype(jnp.float32)
    return jnp.stack([x, y], axis=-1)


def resample(images: jax.Array, places: jax.Array) -> jax.Array:
    """Images [B, H, W, C] read at places [B, h, w, 2], (x, y) in px, bilinearly: [B, h, w, C].

    Whole numbers are the centres of pixels; beyond the border it is repeated.
    """
    height, width = images.shape[1:3]
    last = jnp.array([width - 1, height - 1], places.dtype)
    places = jnp.clip(_once(places), 0, last)
    corner = jnp.minimum(jnp.floor(places), jnp.maximum(last - 1, 0))
    fraction = (places - corner)[..., None]
    x, y = jnp.moveaxis(corner.astype(jnp.int32), -1, 0)
    right, down = fraction[..., 0, :], fraction[..., 1, :]
    # The four pixels around a place lie in one row, so that they are found once.
    around = jnp.stack([_from(images, dx, dy) for dy in (0, 1) for dx in (0, 1)], axis=3)
    around = around.reshape(images.shape[0], height * width, -1)
    index = (y * width + x).reshape(images.shape[0], -1, 1)
    around = jnp.take_along_axis(around, index, axis=1).reshape(*places.shape[:3], 4, -1)
    above = around[..., 0, :] * (1 - right) + around[..., 1, :] * right
    below = around[..., 2, :] * (1 - right) + around[..., 3, :] * right
    return above * (1 - down) + below * down


def _from(images: jax.Array, dx: int, dy: int) -> jax.Array:
    """Images [B, H, W, C] moved left and up, 0 or 1 px; the last row and column are repeated."""
    pads = ((0, 0), (0, dy), (0, dx), (0, 0))
    return jnp.pad(images, pads, mode="edge")[:, dy:, dx:]


def _once(places: jax.Array) -> jax.Array:
    """The same numbers, computed at one place in the compiled program.

    XLA computes what it fuses several times, and may round differently each time. Where two of them
    fall on either side of a whole number, the corner is one pixel's and the fraction another's. A
    product of matrices is never fused into what follows; an optimization barrier is gone by then.
    """
    return jnp.einsum("bhwi,ij->bhwj", places, jnp.eye(2, dtype=places.dtype), precision="highest")
