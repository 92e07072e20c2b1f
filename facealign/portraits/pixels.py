"""Reads the pixels of a photo at any places. JAX."""

import jax
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
        photo, self._matrix = shrink(photo, SHARPER * detail)
        self._last = np.array(photo.size) - 1
        whole = -(-max(photo.size) // BLOCK) * BLOCK
        more = [(0, whole - side) for side in (photo.height, photo.width)]
        self._pixels = np.pad(np.asarray(photo), (*more, (0, 0)), mode="edge")[None]

    def at(self, place: np.ndarray) -> np.ndarray:
        """The colours float32 [..., 3] of places [..., 2] in px of the photo."""
        flat = place.reshape(-1, 2) * self._matrix[[0, 1], [0, 1]] + self._matrix[:, 2]
        flat = flat.clip(0, self._last).astype(np.float32)
        more = max(PLACES, 1 << (len(flat) - 1).bit_length()) - len(flat) if len(flat) else PLACES
        flat = np.pad(flat, ((0, more), (0, 0)))
        colours = np.array(_resample(self._pixels, flat[None, :, None]))  # a copy may be written
        return colours[0, : len(flat) - more, 0].reshape(*place.shape[:-1], 3)


@jax.jit
def _resample(pixels: jax.Array, places: jax.Array) -> jax.Array:
    return resample(pixels.astype(np.float32), places, kernel="cubic")
