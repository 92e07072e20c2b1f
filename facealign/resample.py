"""Images read at other places: what turning, zooming and warping have in common."""

import jax
import jax.numpy as jnp


def grid(height: int, width: int) -> jax.Array:
    """The place (x, y) in px of every pixel, float32 [height, width, 2]."""
    y, x = jnp.mgrid[:height, :width].astype(jnp.float32)
    return jnp.stack([x, y], axis=-1)


def resample(images: jax.Array, places: jax.Array, kernel: str = "linear") -> jax.Array:
    """Images [B, H, W, C] read at places [B, h, w, 2], (x, y) in px: [B, h, w, C].

    Whole numbers are the centres of pixels; beyond the border it is repeated. The kernel is
    "linear", of 2 x 2 pixels, which blurs a little; or "cubic", of 4 x 4, which hardly does, and
    may go beyond the range of the image at edges.
    """
    weigh = KERNELS[kernel]
    height, width = images.shape[1:3]
    last = jnp.array([width - 1, height - 1], places.dtype)
    places = jnp.clip(_once(places), 0, last)
    corner = jnp.minimum(jnp.floor(places), jnp.maximum(last - 1, 0))
    across, down = (weigh(f) for f in jnp.moveaxis((places - corner)[..., None], -2, 0))
    x, y = jnp.moveaxis(corner.astype(jnp.int32), -1, 0)
    # The pixels around a place lie in one row, so that they are found once.
    offsets = range(1 - len(down) // 2, 1 + len(down) // 2)
    around = jnp.stack([_from(images, dx, dy) for dy in offsets for dx in offsets], axis=3)
    around = around.reshape(images.shape[0], height * width, -1)
    index = (y * width + x).reshape(images.shape[0], -1, 1)
    around = jnp.take_along_axis(around, index, axis=1)
    around = around.reshape(*places.shape[:3], len(down), len(across), -1)
    rows = [sum(w * around[..., i, j, :] for j, w in enumerate(across)) for i in range(len(down))]
    return sum(w * row for w, row in zip(down, rows, strict=True))


def _linear(f: jax.Array) -> tuple[jax.Array, ...]:
    """Weights of the pixels at 0 and 1, for a place f between them."""
    return 1 - f, f


def _catmull_rom(f: jax.Array) -> tuple[jax.Array, ...]:
    """Weights of the pixels at -1, 0, 1 and 2: the cubic through those at 0 and 1.

    Its slope there is that between the neighbours. Keys, "Cubic convolution interpolation for
    digital image processing", 1981, with a = -1/2.
    """
    return (
        f * (f * (2 - f) - 1) / 2,
        (f * f * (3 * f - 5) + 2) / 2,
        f * (f * (4 - 3 * f) + 1) / 2,
        f * f * (f - 1) / 2,
    )


KERNELS = {"linear": _linear, "cubic": _catmull_rom}


def _from(images: jax.Array, dx: int, dy: int) -> jax.Array:
    """Images [B, H, W, C] moved left by dx px and up by dy; the border is repeated."""
    for axis, far in ((1, dy), (2, dx)):
        size = images.shape[axis]
        far = max(-size, min(size, far))
        kept = jax.lax.slice_in_dim(images, max(far, 0), size + min(far, 0), axis=axis)
        # `jnp.pad` repeats edges too, but comes out wrong in ONNX.
        edge = jax.lax.slice_in_dim(images, -1 if far > 0 else 0, size if far > 0 else 1, axis=axis)
        parts = [kept, *far * [edge]] if far > 0 else [*-far * [edge], kept]
        images = jnp.concatenate(parts, axis=axis) if far else images
    return images


def _once(places: jax.Array) -> jax.Array:
    """The same numbers, computed at one place in the compiled program.

    XLA computes what it fuses several times, and may round differently each time. Where two of them
    fall on either side of a whole number, the corner is one pixel's and the fraction another's. A
    product of matrices is never fused into what follows; an optimization barrier is gone by then.
    """
    return jnp.einsum("bhwi,ij->bhwj", places, jnp.eye(2, dtype=places.dtype), precision="highest")
