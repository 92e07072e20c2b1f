"""The upright window around a face that was found, which the verifier sees, and its layers."""

from types import ModuleType
from typing import Any

import numpy as np

SIZE = 48  # px
REACH = 1.5  # sides of the face in a side of the window
# (filters, kernel size, stride) of the convolutions, each with normalization and ReLU.
LAYERS = (
    *((24, 5, 2), (32, 3, 1), (64, 3, 2), (64, 3, 1)),
    *((96, 3, 2), (96, 3, 1), (128, 3, 2)),
)
FAINT = 0.1  # deviation of pixels in [-1, 1] that is no more enlarged


def to_window(centre: np.ndarray, side: float, up: np.ndarray) -> np.ndarray:
    """The transformation [2, 3] from a photo to the window of a face, as `geometry.frame` has them.

    Args:
      centre: of the face, [2] in px of the photo.
      side: of its square, in px.
      up: its way up, [2] of length 1.
    """
    turn = np.array([[-up[1], up[0]], [-up[0], -up[1]]]) * (SIZE / (REACH * side))
    return np.column_stack([turn, (SIZE - 1) / 2 - turn @ centre])


def even_out(windows: Any, xp: ModuleType = np) -> Any:
    """Windows [B, SIZE, SIZE, 1] with mean 0 and nearly deviation 1 each, of NumPy or JAX."""
    centred = windows - windows.mean(axis=(1, 2, 3), keepdims=True)
    deviation = xp.sqrt((centred * centred).mean(axis=(1, 2, 3), keepdims=True))
    return centred / (deviation + FAINT)
