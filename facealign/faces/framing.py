"""From a loose box around a face to the canonical crop, without landmarks that may be hidden.

A small network looks at a window around the box and says how to move, scale and rotate it so that
the face lies in it as in every prepared photo; then it looks again. `benchmarks/framing.py` trains
it, as `models/framer.py`, on photos whose frame is known.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from safetensors import SafetensorError
from safetensors.numpy import load_file

from facealign.errors import UserError
from facealign.faces.detector import Box
from facealign.faces.numpy_cnn import Layer, run_layers
from facealign.geometry import frame
from facealign.paths import shipped

SIDE = 64  # px: width and height of what the network sees
MARGIN = 24  # px of the canonical crop around it that the network sees too
WINDOW = 1.8  # sides of the box of the detector that are about as much
LOOKS = 3  # how often it looks; each time at what it thought was right before
STRIDES = (2, 2, 2, 1, 1, 1)  # of the layers
WEIGHTS = "framing.safetensors"


def load_framing() -> list[Layer]:
    """The layers of the network that comes with facealign.

    Raises:
      UserError: the file is missing, damaged or of something else.
    """
    path = shipped(WEIGHTS)
    try:
        arrays = load_file(path)
        return [
            Layer(
                *(arrays[f"{number}/{part}"].astype(np.float32) for part in ("kernel", "bias")), s
            )
            for number, s in enumerate(STRIDES)
        ]
    except (OSError, SafetensorError, KeyError) as error:
        raise UserError(f"{path} is missing or damaged ({error}); get it once more") from error


def find_frame(layers: Sequence[Layer], photo: Image.Image, box: Box) -> np.ndarray:
    """The transformation [2, 3] of a gray photo to the canonical crop of the face in a box.

    Raises:
      ValueError: the frame would be larger than any photo.
    """
    matrix = _around(box)
    for _ in range(LOOKS):
        window = frame.crop(photo, matrix, SIDE)
        (numbers,) = run_layers(layers, window / np.float32(127.5) - 1).reshape(-1, 4)
        matrix = frame.compose(in_pixels(correction(*numbers)), matrix)
    return frame.compose(TO_CROP, matrix)


def correction(real: float, imaginary: float, right: float, down: float) -> np.ndarray:
    """What the network says as a transformation [2, 3] of a window whose sides are at -1 and 1."""
    return np.array([[1 + real, -imaginary, right], [imaginary, 1 + real, down]])


def in_pixels(matrix: np.ndarray) -> np.ndarray:
    """A transformation [2, 3] of the window from -1 to 1 as one of its pixels."""
    return frame.compose(frame.invert(NORMAL), frame.compose(matrix, NORMAL))


def _around(box: Box) -> np.ndarray:
    """The transformation [2, 3] of a photo to the first window that is looked at."""
    left, top, right, bottom = box
    scale = SIDE / (WINDOW * (right - left))
    middle = np.array([left + right, top + bottom]) / 2 - 0.5
    return np.column_stack([scale * np.eye(2), (SIDE - 1) / 2 - scale * middle])


# From pixels of the window to -1 ... 1, and to the canonical crop.
NORMAL = np.column_stack([2 / SIDE * np.eye(2), np.full(2, 1 / SIDE - 1)])
_SCALE = (frame.SIZE + 2 * MARGIN) / SIDE
TO_CROP = np.column_stack([_SCALE * np.eye(2), np.full(2, _SCALE / 2 - 0.5 - MARGIN)])
