"""The matte of a head's photo: how much of each pixel is the person, with hair and shoulders.

A network sees a window around the head. The edges of what it says are then drawn to those of the
photo.
"""

import functools
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
from scipy import ndimage

from facealign.geometry import frame, reader_window
from facealign.geometry.camera import Camera
from facealign.geometry.matte_window import SIZE, WIDTH
from facealign.models.apply import NetState, Network
from facealign.models.matte import Matte as MatteNetwork
from facealign.models.matte import apply_matte
from facealign.models.packed_weights import load_net
from facealign.paths import shipped

WEIGHTS = "matte.safetensors"
FINE = 2  # px of the refined matte a px of the network's
REACH, FLAT = 4, 2e-4  # px and squared contrast from which on edges of the photo count
SURE = (0.08, 0.92)  # of the refined matte: what counts as nothing, and as all


class Matte(NamedTuple):
    """How much of the places of a photo is the person."""

    alpha: np.ndarray  # float32 [H, H], 0 to 1, of a window
    to_window: np.ndarray  # [2, 3]: from px of the photo to those of the window

    def at(self, place: np.ndarray) -> np.ndarray:
        """The matte at places [..., 2] in px of the photo; beyond the window that of its border."""
        x, y = frame.apply(self.to_window, place.reshape(-1, 2)).T
        found = ndimage.map_coordinates(self.alpha, [y, x], order=1, mode="nearest")
        return found.reshape(place.shape[:-1])


@functools.cache
def load_matte(path: Any = None) -> tuple[Network, NetState]:
    """The network in a file of packed weights; the one that comes with facealign unless given.

    Raises:
      UserError: there are no such weights, or they are of other networks.
    """
    return Network(MatteNetwork(), None), load_net(path or shipped(WEIGHTS), "matte")


def find_matte(photo: Image.Image, camera: Camera) -> Matte:
    """The matte of a photo in colour, of the person whose head its camera sees."""
    matrix = reader_window.around(camera, FINE * SIZE, WIDTH)
    window = frame.crop_large(photo, matrix, FINE * SIZE, 3)
    return Matte(np.asarray(_find(*load_matte(), window)), matrix)


@partial(jax.jit, static_argnums=0)
def _find(network: Network, net: NetState, window: jax.Array) -> jax.Array:
    window = window / 255.0
    seen = window.reshape(SIZE, FINE, SIZE, FINE, 3).mean(axis=(1, 3))
    coarse = apply_matte(network, net, 2 * seen[None] - 1)[0]
    return refine(jax.image.resize(coarse, window.shape[:2], "linear"), window)


def refine(alpha: jax.Array, image: jax.Array) -> jax.Array:
    """A matte [H, H] whose edges are those of an image [H, H, 3] from 0 to 1.

    Around each pixel the matte is taken to be a linear function of the colours. He et al., "Guided
    image filtering", 2010.
    """
    colours, average = _mean(image), _mean(alpha)
    products = image[..., :, None] * image[..., None, :]
    covariance = _mean(products) - colours[..., :, None] * colours[..., None, :]
    a, b, c = jnp.moveaxis(covariance + FLAT * jnp.eye(3), -1, 0)
    shared = _mean(image * alpha[..., None]) - colours * average[..., None]
    # The inverse of a matrix of three rows, by their products.
    inverse = jnp.stack([jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)], axis=-1)
    slope = (inverse * shared[..., None, :]).sum(axis=-1) / (a * jnp.cross(b, c)).sum(-1)[..., None]
    offset = average - (slope * colours).sum(axis=-1)
    refined = (_mean(slope) * image).sum(axis=-1) + _mean(offset)
    return jnp.clip((refined - SURE[0]) / (SURE[1] - SURE[0]), 0, 1)


def _mean(image: jax.Array) -> jax.Array:
    """The mean of the pixels up to REACH px around each, of an image [H, W, ...]."""
    for axis in (0, 1):
        pads = [(0, 0)] * image.ndim
        pads[axis] = (REACH, REACH)
        wide, count = jnp.pad(image, pads, mode="edge"), image.shape[axis]
        parts = (jax.lax.slice_in_dim(wide, i, i + count, axis=axis) for i in range(2 * REACH + 1))
        image = sum(parts) / (2 * REACH + 1)
    return image
