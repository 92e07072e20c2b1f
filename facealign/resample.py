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
    flat = images.reshape(images.shape[0], height * width, images.shape[3])

    def at(dx: int, dy: int) -> jax.Array:
        index = jnp.minimum(y + dy, height - 1) * width + jnp.minimum(x + dx, width - 1)
        values = jnp.take_along_axis(flat, index.reshape(images.shape[0], -1, 1), axis=1)
        return values.reshape(*places.shape[:3], -1)

    right, down = fraction[..., 0, :], fraction[..., 1, :]
    above = at(0, 0) * (1 - right) + at(1, 0) * right
    below = at(0, 1) * (1 - right) + at(1, 1) * right
    return above * (1 - down) + below * down


def _once(places: jax.Array) -> jax.Array:
    """The same numbers, computed at one place in the compiled program.

    XLA computes what it fuses several times, and may round differently each time. Where two of them
    fall on either side of a whole number, the corner is one pixel's and the fraction another's. A
    product of matrices is never fused into what follows; an optimization barrier is gone by then.
    """
    return jnp.einsum("bhwi,ij->bhwj", places, jnp.eye(2, dtype=places.dtype), precision="highest")
