"""Resamples images at given places, and draws landmarks as heatmaps."""

import jax
import jax.numpy as jnp

from facealign.geometry.frame import SIZE

DEVIATION = 1.5  # px of a heatmap: standard deviation of the spot of a landmark


def grid(height: int, width: int) -> jax.Array:
    """The coordinates (x, y) of every pixel, float32 [height, width, 2]."""
    y, x = jnp.mgrid[:height, :width].astype(jnp.float32)
    return jnp.stack([x, y], axis=-1)


def resample(images: jax.Array, places: jax.Array, kernel: str = "linear") -> jax.Array:
    """Images [B, H, W, C], resampled at places [B, h, w, 2]: [B, h, w, C].

    Places are (x, y) in px, with whole numbers at the centres of pixels. Beyond the image, its
    border is repeated. The kernel is "linear" (2 x 2 pixels), which blurs a little, or "cubic"
    (4 x 4), which hardly blurs but can exceed the range of the image at edges.
    """
    weigh = KERNELS[kernel]
    height, width = images.shape[1:3]
    last = jnp.array([width - 1, height - 1], places.dtype)
    places = jnp.clip(_compute_once(places), 0, last)
    corner = jnp.minimum(jnp.floor(places), jnp.maximum(last - 1, 0))
    across, down = (weigh(f) for f in jnp.moveaxis((places - corner)[..., None], -2, 0))
    x, y = jnp.moveaxis(corner.astype(jnp.int32), -1, 0)
    index = (y * width + x).reshape(images.shape[0], -1, 1)
    images = extend(images, len(down) // 2 - 1, len(down) // 2)
    # The neighbours of a pixel in its row are stored together, so that one look-up reads them all.
    # With all rows in one look-up, a CPU takes five times as long.
    around = jnp.stack([images[:, :, j : j + width] for j in range(len(across))], axis=3)
    around = around.reshape(images.shape[0], images.shape[1] * width, -1)

    def read_row(number: int) -> jax.Array:
        # No place is outside; to check that takes as long as all the rest.
        inside = {"axis": 1, "mode": "promise_in_bounds"}
        row = jnp.take_along_axis(around, index + number * width, **inside)
        row = row.reshape(*places.shape[:3], len(across), -1)
        return sum(weight * row[..., j, :] for j, weight in enumerate(across))

    return sum(weight * read_row(i) for i, weight in enumerate(down))


def _linear(f: jax.Array) -> tuple[jax.Array, ...]:
    """Weights of the pixels at 0 and 1, for a place f between 0 and 1."""
    return 1 - f, f


def _catmull_rom(f: jax.Array) -> tuple[jax.Array, ...]:
    """Weights of the pixels at -1, 0, 1 and 2, for a place f between 0 and 1.

    The cubic passes through the pixels at 0 and 1; its slope at each is half the difference of the
    two neighbours. Keys, "Cubic convolution interpolation for digital image processing", 1981, with
    a = -1/2.
    """
    return (
        f * (f * (2 - f) - 1) / 2,
        (f * f * (3 * f - 5) + 2) / 2,
        f * (f * (4 - 3 * f) + 1) / 2,
        f * f * (f - 1) / 2,
    )


KERNELS = {"linear": _linear, "cubic": _catmull_rom}


def extend(images: jax.Array, before: int, after: int) -> jax.Array:
    """Images [B, H, W, C], padded by repeating the border.

    `before` is the padding in px above and left, `after` that below and right. `jnp.pad` with mode
    "edge" is exported to ONNX incorrectly.
    """
    for axis in (1, 2):
        first, last = (
            jax.lax.slice_in_dim(images, *ends, axis=axis) for ends in ((0, 1), (-1, None))
        )
        images = jnp.concatenate([*before * [first], images, *after * [last]], axis=axis)
    return images


def _compute_once(places: jax.Array) -> jax.Array:
    """The same places, but computed only once in the compiled program.

    XLA can compute a fused value several times with different rounding. If two results lie on
    either side of a whole number, the corner belongs to one pixel and the fraction to another. XLA
    never fuses a matrix product into later operations. An optimization barrier does not help, since
    it is removed before fusion.
    """
    return jnp.einsum("bhwi,ij->bhwj", places, jnp.eye(2, dtype=places.dtype), precision="highest")


def draw_heatmaps(places: jax.Array, size: int) -> jax.Array:
    """Heatmaps [B, size, size, N] with a Gaussian spot of height 1 at each place.

    Args:
      places: [B, N, 2], (x, y) in px of the canonical crop.
      size: height and width of the heatmaps in px.
    """
    centres = (places + 0.5) * (size / SIZE) - 0.5
    away = grid(size, size)[None, :, :, None] - centres[:, None, None]
    return jnp.exp(-jnp.square(away).sum(axis=-1) / (2 * DEVIATION**2))
