"""The window in which the reader sees a head, and the wider one of its training photos."""

import jax.numpy as jnp
import numpy as np

from facealign.geometry import camera as cameras
from facealign.geometry.camera import Camera

SIZE = 128  # px: height and width of the reader's window
WIDTH = 22.0  # cm of the head's middle plane that it shows
STORED = 176  # px of a stored training photo, which is wider, so that windows can move in it
STORED_WIDTH = 30.0  # cm
CENTRE = np.array([[0.0, 1.8, 9.5]])  # cm: the middle of a window, below the eyes, behind the nose


def around(camera: Camera, size: int = SIZE, width: float = WIDTH) -> np.ndarray:
    """The transformation [..., 2, 3] from photos to upright windows around their heads.

    Args:
      camera: of the heads in the photos.
      size: of the window in px.
      width: of the window in cm.
    """
    middle = np.asarray(cameras.project(jnp.asarray(CENTRE), camera))[..., 0, :2]
    # The way up of the head, which is known for profiles too, where roll and pitch are mixed.
    up = -np.asarray(camera.rotation)[..., :2, 1]
    roll = np.arctan2(up[..., 0], -up[..., 1])
    scale = size / width / np.asarray(camera.scale)
    cosine, sine = scale * np.cos(roll), scale * np.sin(roll)
    lean = np.stack([np.stack([cosine, sine], -1), np.stack([-sine, cosine], -1)], -2)
    shift = (size - 1) / 2 - np.einsum("...ij,...j->...i", lean, middle)
    return np.concatenate([lean, shift[..., None]], axis=-1)
