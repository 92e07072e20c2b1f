"""Images read at other places, and landmarks drawn as images."""

import jax
import jax.numpy as jnp

from facealign.geometry.frame import SIZE

DEVIATION = 1.5  # px of a heatmap: standard deviation of a landmark's spot


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
    index = (y * width + x).reshape(images.shape[0], -1, 1)
    images = _extend(images, len(down) // 2 - 1, len(down) // 2)
    # The pixels of a row around a place lie together, so that they are found once. All rows at once
    # would take a CPU five times as long.
    around = jnp.stack([images[:, :, j : j + width] for j in range(len(across))], axis=3)
    around = around.reshape(images.shape[0], images.shape[1] * width, -1)

    def read_row(number: int) -> jax.Array:
        row = jnp.take_along_axis(around, index + number * width, axis=1)
        row = row.reshape(*places.shape[:3], len(across), -1)
        return sum(weight * row[..., j, :] for j, weight in enumerate(across))

    return sum(weight * read_row(i) for i, weight in enumerate(down))


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


def _extend(images: jax.Array, before: int, after: int) -> jax.Array:
    """Images [B, H, W, C] with their borders repeated, `before` px above and left, `after` beyond.

    `jnp.pad` repeats edges too, but comes out wrong in ONNX.
    """
    for axis in (1, 2):
        first, last = (
            jax.lax.slice_in_dim(images, *ends, axis=axis) for ends in ((0, 1), (-1, None))
        )
        images = jnp.concatenate([*before * [first], images, *after * [last]], axis=axis)
    return images


def _once(places: jax.Array) -> jax.Array:
    """The same numbers, computed at one place in the compiled program.

    XLA computes what it fuses several times, and may round differently each time. Where two of them
    fall on either side of a whole number, the corner is one pixel's and the fraction another's. A
    product of matrices is never fused into what follows; an optimization barrier is gone by then.
    """
    return jnp.einsum("bhwi,ij->bhwj", places, jnp.eye(2, dtype=places.dtype), precision="highest")


def draw_heatmaps(places: jax.Array, size: int) -> jax.Array:
    """A Gaussian spot of height 1 at each place: [B, size, size, N].

    Args:
      places: [B, N, 2], (x, y) in px of the canonical crop.
      size: height and width in px.
    """
    centres = (places + 0.5) * (size / SIZE) - 0.5
    away = grid(size, size)[None, :, :, None] - centres[:, None, None]
    return jnp.exp(-jnp.square(away).sum(axis=-1) / (2 * DEVIATION**2))
