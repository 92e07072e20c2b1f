"""Reads the pixels of a photo at any places. JAX."""

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from facealign.faces.find import shrink
from facealign.geometry.resample import resample

SHARPER = 1.25  # a photo has at most so many times the pixels of what is made of it
# Photos are padded to squares of multiples of so many px, and places to a power of two of at least
# so many, so that few programs are compiled.
BLOCK, PLACES = 256, 2**15


class Pixels:
    """A photo that is read bicubically; beyond its border that is repeated.

    Args:
      photo: in colour.
      detail: px that are made of a px of the photo. It is averaged before, if they are much fewer.
    """

    def __init__(self, photo: Image.Image, detail: float):
        photo, matrix = shrink(photo, SHARPER * detail)
        self._scale, self._shift = np.float32(matrix[[0, 1], [0, 1]]), np.float32(matrix[:, 2])
        self._last = np.float32(photo.size) - 1
        whole = -(-max(photo.size) // BLOCK) * BLOCK
        more = [(0, whole - side) for side in (photo.height, photo.width)]
        self._pixels = np.pad(np.asarray(photo), (*more, (0, 0)), mode="edge")[None]

    def at(self, place: np.ndarray) -> np.ndarray:
        """The colours float32 [..., 3] of places [..., 2] in px of the photo."""
        count = place.size // 2
        flat = np.zeros((max(PLACES, 1 << max(count - 1, 0).bit_length()), 2), np.float32)
        flat[:count] = place.reshape(-1, 2)
        colours = np.array(_resample(self._pixels, flat, self._scale, self._shift, self._last))
        return colours[:count].reshape(*place.shape[:-1], 3)  # a copy, which may be written


@jax.jit
def _resample(
    pixels: jax.Array, places: jax.Array, scale: jax.Array, shift: jax.Array, last: jax.Array
) -> jax.Array:
    """The colours [N, 3] of places [N, 2]; scale and shift bring them to the pixels."""
    places = jnp.clip(places * scale + shift, 0, last)
    return resample(pixels.astype(np.float32), places[None, :, None], kernel="cubic")[0, :, 0]
