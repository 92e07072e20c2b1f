"""From the box of a face to its canonical crop, without landmarks, which a profile hides.

A small network sees a window around the box and predicts the shift, scale and rotation that bring
the face to the canonical frame. It runs LOOKS times, each time on the corrected window.
`benchmarks/train_framing.py` trains it, as `CropRegressor` in `models/crop_regressor.py`, on photos
with known frames.
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

SIDE = 64  # px: width and height of the window
MARGIN = 24  # px of the canonical crop that the window shows around the crop
WINDOW = 1.8  # side of the first window, in sides of the detector's box
LOOKS = 3  # number of corrections
STRIDES = (2, 2, 2, 1, 1, 1)  # of the layers
WEIGHTS = "framing.safetensors"


def load_framing() -> list[Layer]:
    """The layers of the network that comes with facealign.

    Raises:
      UserError: the file is missing, damaged or holds something else.
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
        raise UserError(f"{path} is missing or damaged ({error}); download it again") from error


def find_frame(layers: Sequence[Layer], photo: Image.Image, box: Box) -> np.ndarray:
    """The transformation [2, 3] from a gray photo to the canonical crop of the face in a box.

    Raises:
      ValueError: a window would cover more of the photo than `frame.crop` allows.
    """
    matrix = _around(box)
    for _ in range(LOOKS):
        window = frame.crop(photo, matrix, SIDE)
        (numbers,) = run_layers(layers, window / np.float32(127.5) - 1).reshape(-1, 4)
        matrix = frame.compose(in_pixels(correction(*numbers)), matrix)
    return frame.compose(TO_CROP, matrix)


def correction(real: float, imaginary: float, right: float, down: float) -> np.ndarray:
    """The output of the network as a transformation [2, 3], with the window from -1 to 1."""
    return np.array([[1 + real, -imaginary, right], [imaginary, 1 + real, down]])


def in_pixels(matrix: np.ndarray) -> np.ndarray:
    """Converts a transformation [2, 3] of the window from -1 to 1 to one in its pixels."""
    return frame.compose(frame.invert(NORMAL), frame.compose(matrix, NORMAL))


def _around(box: Box) -> np.ndarray:
    """The transformation [2, 3] from a photo to the first window around a box."""
    left, top, right, bottom = box
    scale = SIDE / (WINDOW * (right - left))
    middle = np.array([left + right, top + bottom]) / 2 - 0.5
    return np.column_stack([scale * np.eye(2), (SIDE - 1) / 2 - scale * middle])


# Transformations from pixels of the window to -1 ... 1, and to the canonical crop.
NORMAL = np.column_stack([2 / SIDE * np.eye(2), np.full(2, 1 / SIDE - 1)])
_SCALE = (frame.SIZE + 2 * MARGIN) / SIDE
TO_CROP = np.column_stack([_SCALE * np.eye(2), np.full(2, _SCALE / 2 - 0.5 - MARGIN)])
