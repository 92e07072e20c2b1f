"""Finds faces of any pose with dlib's max-margin network, run in NumPy.

King, "Max-margin object detection", 2015. The weights come with face_recognition_models (public
domain). dlib's own convolutions take ten times as long on a CPU, and dlib's HOG detector misses
most true profiles.
"""

import math
import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from facealign.faces.numpy_cnn import Layer, run_layers

Box = tuple[int, int, int, int]  # px: left, top, right, bottom

# (filters, channels, kernel size) of each layer. Batch normalization follows all but the last; the
# first HALVINGS layers have stride 2.
SHAPES = ((16, 3, 5), (32, 16, 5), (32, 32, 5), (45, 32, 5), (45, 45, 5), (45, 45, 5), (1, 45, 9))
HALVINGS = 3
BRIGHTNESS = np.array([122.782, 117.001, 104.298])  # means of red, green, blue, to be subtracted
EPSILON = 1e-4  # of the batch normalization
FACE = 80  # px: side of the faces that the network finds; other sizes are found at other scales
STEP = 5 / 6  # ratio of one scale to the one before
SMALLEST = 64  # px: smallest longest side of a scaled photo
BORDER = 32  # px of repeated border at each scale, so that a face that fills the photo is found
FIRST, CELL = 14, 8  # px: centre of the first output cell in the input, distance to the next one
ALIKE = 0.4  # two boxes are one face if their intersection over union is at least this
INSIDE = 0.6  # or if their intersection is at least this share of the smaller box


class Found(NamedTuple):
    """The faces in a photo, from brow to chin, the largest first."""

    boxes: list[Box]
    likeness: list[float]  # of each to an upright face: most have about 1, other things below 0.7


def read_layers(content: bytes) -> list[Layer]:
    """The network in the content of `mmod_human_face_detector.dat`, converted to gray photos.

    Raises:
      ValueError: the content is that of another file.
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
        raise ValueError(f"not the face detector of dlib that facealign reads: {error}") from error
    # The first layer expects (x - BRIGHTNESS) / 256 in three channels. Make it take gray x.
    kernel, bias = layers[0]
    bias = bias - (kernel * BRIGHTNESS[:, None] / 256).sum(axis=(0, 1, 2))
    layers[0] = kernel.sum(axis=2, keepdims=True) / 256, bias
    return [
        Layer(
            kernel.astype(np.float32),
            bias.astype(np.float32),
            stride=2 if number < HALVINGS else 1,
            padding=(0, 0) if number < HALVINGS else (len(kernel) // 2,) * 2,
        )
        for number, (kernel, bias) in enumerate(layers)
    ]


def find_boxes(layers: Sequence[Layer], photo: Image.Image, longest: int) -> Found:
    """The faces in a gray photo.

    Args:
      layers: from `read_layers`.
      photo: of mode L.
      longest: longest side of the photo at the first scale, in px. Faces of 80 px or more at this
        scale are found.
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
    every, score = np.concatenate(boxes), np.concatenate(scores)
    best = np.array(_pick(every, score), int)
    best = best[np.argsort(every[best, 0] - every[best, 2], kind="stable")]
    rounded = [tuple(round(side) for side in box) for box in every[best].tolist()]
    return Found(rounded, score[best].tolist())


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
    """Scale and offset of a batch normalization, and the index of the byte after it."""
    values, place = _read_tensor(content, content.index(b"bn_con2", place) + 7)
    _, place = _read_integers(content, place, 10)  # positions of scale and offset in the values
    statistics = []
    for _ in range(4):  # mean and deviation of the last batch, then running mean and variance
        tensor, place = _read_tensor(content, place)
        statistics.append(tensor)
    scale, offset = np.split(values, 2)
    scale = scale / np.sqrt(statistics[3] + EPSILON)
    return (scale, offset - statistics[2] * scale), place


def _read_tensor(content: bytes, place: int) -> tuple[np.ndarray, int]:
    """A tensor of dlib (a version, four lengths, float32 numbers), and the index after it."""
    (_, *shape), place = _read_integers(content, place, 5)
    count = math.prod(shape)
    numbers = struct.unpack_from(f"<{count}f", content, place)
    return np.array(numbers), place + 4 * count


def _read_integers(content: bytes, place: int, count: int) -> tuple[list[int], int]:
    """Integers of dlib (a number of bytes, then the bytes), and the index after them."""
    numbers = []
    for _ in range(count):
        length = content[place]
        numbers.append(int.from_bytes(content[place + 1 : place + 1 + length], "little"))
        place += 1 + length
    return numbers, place
