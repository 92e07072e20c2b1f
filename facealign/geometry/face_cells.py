"""What the detector's network says of a photo, cell by cell; its layers, for training and for use.

A cell of stride s looks after the s x s px around its centre, and after faces whose side is some
2.4 s: so each level of the network finds faces of a certain size. NumPy.
"""

from typing import NamedTuple

import numpy as np

# (filters, kernel size, stride) of the convolutions, each with normalization and ReLU.
LAYERS = (
    *((12, 5, 2), (24, 3, 2), (48, 3, 2), (48, 3, 1), (48, 3, 1)),
    *((64, 3, 2), (64, 3, 1), (64, 3, 1)),
    *((64, 3, 2), (64, 3, 1), (64, 3, 1)),
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


def read_cells(said: np.ndarray, cells: np.ndarray, least: float) -> Faces:
    """The faces that are at least so likely.

    Args:
      said: what cells say, [N, NUMBERS].
      cells: from `centres`, [N, 3].
      least: likeness, 0 to 1.
    """
    likeness = 1 / (1 + np.exp(RARE - said[:, LOGIT].clip(-30, 30)))
    likely = likeness >= least
    said, (x, y, stride) = said[likely], cells[likely].T
    centre = np.stack([x, y], axis=-1) + said[:, PLACE] * stride[:, None]
    side = USUAL * stride * np.exp(said[:, SIDE].clip(-2, 2))
    up = said[:, UP] / np.maximum(np.linalg.norm(said[:, UP], axis=-1, keepdims=True), 1e-6)
    return Faces(centre, side, up, likeness[likely])
