"""Finds faces from any side: dlib's max-margin network, in NumPy.

Its weights come with face_recognition_models (public domain). dlib's own convolutions take ten
times as long on a CPU, and its other detector, of gradients, misses most true profiles. King,
"Max-margin object detection", 2015.
"""

import math
import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image

from facealign.faces.numpy_cnn import Layer, run_layers

Box = tuple[int, int, int, int]  # px: left, top, right, bottom

# (filters, channels, side of the kernel) of each layer. All but the last are normalized; the first
# three halve the picture.
SHAPES = ((16, 3, 5), (32, 16, 5), (32, 32, 5), (45, 32, 5), (45, 45, 5), (45, 45, 5), (1, 45, 9))
HALVINGS = 3
BRIGHTNESS = np.array([122.782, 117.001, 104.298])  # of red, green and blue, taken away
EPSILON = 1e-4  # of the normalization
FACE = 80  # px: side of the faces that the network knows; other sizes are found in other scales
STEP = 5 / 6  # between two scales
SMALLEST = 64  # px: longest side of the photo in the last scale
BORDER = 32  # px of repeated border in each scale, so that a face that fills the photo is found
FIRST, CELL = 14, 8  # px: where the first cell of the output looks, and how far the next one is
ALIKE = 0.4  # overlap (intersection over union) of two boxes from which on they are one face
INSIDE = 0.6  # the same for the share of the smaller box


def read_layers(content: bytes) -> list[Layer]:
    """The network of the file `mmod_human_face_detector.dat`, for gray photos.

    Raises:
      ValueError: it is another file.
    """
    layers, place = [], 0
    try:
        for number, (filters, channels, side) in enumerate(SHAPES):
            values, place = _read_tensor(content, content.index(b"con_4", place) + 5)
            kernel = values[:-filters].reshape(filters, channels, side, side).transpose(2, 3, 1, 0)
            bias = values[-filters:]
            if number < len(SHAPES) - 1:
                (scale, offset), place = _read_normalization(content, place)
                kernel, bias = kernel * scale, bias * scale + offset
            layers.append((kernel, bias))
    except (IndexError, struct.error, ValueError) as error:
        raise ValueError(f"not the face detector of dlib that is known here: {error}") from error
    kernel, bias = layers[0]  # of (x - BRIGHTNESS) / 256, here of gray x
    bias = bias - (kernel * BRIGHTNESS[:, None] / 256).sum(axis=(0, 1, 2))
    layers[0] = kernel.sum(axis=2, keepdims=True) / 256, bias
    return [
        Layer(
            kernel.astype(np.float32),
            bias.astype(np.float32),
            stride=2 if number < HALVINGS else 1,
            padding=0 if number < HALVINGS else len(kernel) // 2,
        )
        for number, (kernel, bias) in enumerate(layers)
    ]


def find_boxes(layers: Sequence[Layer], photo: Image.Image, longest: int) -> list[Box]:
    """The boxes of faces in a gray photo, largest first, from the brow to the chin.

    Args:
      layers: of `read_layers`.
      photo: of mode L.
      longest: px, the longest side in the first scale. Faces of 80 px there and more are found.
    """
    boxes, scores, side = [], [], float(longest)
    while side >= SMALLEST:
        factor = side / max(photo.size)
        size = tuple(max(1, round(factor * length)) for length in photo.size)
        scaled = np.asarray(photo.resize(size, Image.Resampling.BILINEAR))
        padded = np.pad(scaled, BORDER, mode="edge").astype(np.float32)
        likeness = run_layers(layers, padded[:, :, None])[:, :, 0]
        cells = np.argwhere(likeness > 0)[:, ::-1]
        centres = (cells * CELL + FIRST - BORDER + 0.5) / factor
        boxes.append(np.hstack([centres - FACE / 2 / factor, centres + FACE / 2 / factor]))
        scores.append(likeness[likeness > 0])
        side *= STEP
    every = np.concatenate(boxes)
    best = every[_pick(every, np.concatenate(scores))]
    largest_first = best[np.argsort(best[:, 0] - best[:, 2], kind="stable")]
    return [tuple(round(side) for side in box) for box in largest_first.tolist()]


def _pick(boxes: np.ndarray, scores: np.ndarray) -> list[int]:
    """Indices of the boxes [N, 4] that overlap no better one (non-maximum suppression)."""
    left, top, right, bottom = boxes.T
    areas, picked = (right - left) * (bottom - top), []
    rest = np.argsort(-scores, kind="stable")
    while len(rest):
        best, rest = rest[0], rest[1:]
        picked.append(int(best))
        width = np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest])
        height = np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest])
        common = np.maximum(width, 0) * np.maximum(height, 0)
        both = areas[best] + areas[rest] - common
        smaller = np.minimum(areas[best], areas[rest])
        rest = rest[(common < ALIKE * both) & (common < INSIDE * smaller)]
    return picked


def _read_normalization(content: bytes, place: int) -> tuple[tuple[np.ndarray, np.ndarray], int]:
    """Scale and offset of a batch normalization, and the place behind it."""
    values, place = _read_tensor(content, content.index(b"bn_con2", place) + 7)
    _, place = _read_integers(content, place, 10)  # where scale and offset lie in the values
    statistics = []
    for _ in range(4):  # mean and deviation of the last batch, then running mean and variance
        tensor, place = _read_tensor(content, place)
        statistics.append(tensor)
    scale, offset = np.split(values, 2)
    scale = scale / np.sqrt(statistics[3] + EPSILON)
    return (scale, offset - statistics[2] * scale), place


def _read_tensor(content: bytes, place: int) -> tuple[np.ndarray, int]:
    """Numbers as dlib writes them: a version, four lengths, float32; and the place behind them."""
    (_, *shape), place = _read_integers(content, place, 5)
    count = math.prod(shape)
    numbers = struct.unpack_from(f"<{count}f", content, place)
    return np.array(numbers), place + 4 * count


def _read_integers(content: bytes, place: int, count: int) -> tuple[list[int], int]:
    """Whole numbers as dlib writes them: how many bytes, then these."""
    numbers = []
    for _ in range(count):
        length = content[place]
        numbers.append(int.from_bytes(content[place + 1 : place + 1 + length], "little"))
        place += 1 + length
    return numbers, place
