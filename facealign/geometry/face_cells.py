"""What the detector's network says of a photo, cell by cell; its layers, for training and for use.

A cell of stride s looks after the s x s px around its centre, and after faces whose side is some
2.4 s: so each level of the network finds faces of a certain size. NumPy.
"""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

# (filters, kernel size, stride) of the convolutions, each with normalization and ReLU.
LAYERS = (
    *((16, 5, 2), (32, 3, 2), (64, 3, 2), (64, 3, 1), (64, 3, 1)),
    *((80, 3, 2), (80, 3, 1), (80, 3, 1)),
    *((80, 3, 2), (80, 3, 1), (80, 3, 1)),
)
HEADS = (4, 7, 10)  # the layers after which cells say what they see
STRIDES = (8, 16, 32)  # px from one of these cells to the next
# What a cell says: a logit; where the face's centre is, in strides from its own; the logarithm of
# the side of the face, in USUAL strides; the way up of the face, (x, y).
LOGIT, PLACE, SIDE, UP = 0, slice(1, 3), 3, slice(4, 6)
NUMBERS = 6
RARE = 4.0  # subtracted from logits: faces are rare, and a network begins by saying so
USUAL = 2.4
SIDES = (1.4, 4.2)  # strides: side of the faces that a level looks after; levels overlap
SMALLEST, LARGEST = SIDES[0] * STRIDES[0], SIDES[1] * STRIDES[-1]  # px


class Faces(NamedTuple):
    """Faces that cells see: squares of any roll, which hold the same ball around the head."""

    centre: np.ndarray  # [N, 2] in px
    side: np.ndarray  # [N] in px
    up: np.ndarray  # [N, 2], of length 1
    likeness: np.ndarray  # [N], 0 to 1


def centres(height: int, width: int) -> np.ndarray:
    """The centres of all cells of an image, float32 [N, 3]: x and y in px, and the stride.

    In the order of the network's: level by level, row by row. Sides are multiples of STRIDES[-1].
    """
    levels = []
    for stride in STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride] * stride + (stride - 1) / 2
        levels.append(np.stack([x, y, np.full_like(x, stride)], axis=-1).reshape(-1, 3))
    return np.concatenate(levels).astype(np.float32)


def decode(said: Any, cells: np.ndarray, xp: ModuleType = np) -> tuple[Any, Any, Any, Any]:
    """Centre, side, way up and likeness of the face of every cell, as in `Faces`.

    Args:
      said: what cells say, [..., N, NUMBERS]; an array of NumPy or, with `xp` jax.numpy, of JAX.
      cells: from `centres`, [N, 3].
    """
    (x, y, stride), up = cells.T, said[..., UP]
    likeness = 1 / (1 + xp.exp(RARE - said[..., LOGIT].clip(-30, 30)))
    centre = np.stack([x, y], axis=-1) + said[..., PLACE] * stride[:, None]
    side = USUAL * stride * xp.exp(said[..., SIDE].clip(-2, 2))
    length = xp.sqrt((up * up).sum(axis=-1, keepdims=True))
    return centre, side, up / xp.maximum(length, 1e-6), likeness


def read_cells(said: np.ndarray, cells: np.ndarray, least: float) -> Faces:
    """The faces that are at least so likely.

    Args:
      said: what cells say, [N, NUMBERS].
      cells: from `centres`, [N, 3].
      least: likeness, 0 to 1.
    """
    found = Faces(*decode(said, cells))
    return Faces(*(array[found.likeness >= least] for array in found))
