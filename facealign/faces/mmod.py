"""Finds faces of any pose with dlib's max-margin network, run in NumPy.

King, "Max-margin object detection", 2015. The weights come with face_recognition_models (public
domain), in requirements-faces.txt. dlib's own convolutions take ten times as long on a CPU.
"""

import math
import struct
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from PIL import Image

from facealign.errors import UserError
from facealign.faces import dlib_tools
from facealign.faces.numpy_cnn import Layer, run_layers
from facealign.faces.search import QUARTERS, Box, Search, turned
from facealign.geometry.face_cells import Faces

SEARCHED = 1024  # px: largest longest side that is searched; larger photos are shrunk
AT_LEAST = 160  # px: smallest longest side; smaller photos are enlarged
ENLARGED = 512  # px: a photo without a face is doubled and searched again, up to this longest side
DEEPEST = 2048  # px: or up to its own size, if that is less than this
LYING = 1024  # px: longest side at which a photo without a face is searched for faces that lie
SURE = 0.9  # mean likeness of faces from which on nobody doubts that the photo is upright

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


def load_mmod() -> Search:
    """A search by this network.

    Raises:
      UserError: requirements-faces.txt is not installed.
    """
    return partial(search_any_roll, load_layers())


def load_layers() -> list[Layer]:
    """The network's layers; errors as in `load_mmod`."""
    path = dlib_tools.models_folder() / "mmod_human_face_detector.dat"
    try:
        return read_layers(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(
            f"cannot use {path}: {error}; run: pip install -r requirements-faces.txt"
        ) from None


def search_any_roll(layers: Sequence[Layer], photo: Image.Image) -> Faces:
    """The faces of a gray photo, which may lie on its side or its head: then they look surer."""
    best, quarters = search_upright(layers, photo), 0
    if sum(best.likeness) <= SURE * len(best.boxes):
        small = photo.copy()
        if not best.boxes:
            small.thumbnail((LYING, LYING))
        found = {q: search_upright(layers, small.transpose(way)) for q, way in QUARTERS.items()}
        quarters = max(found, key=lambda quarter: sum(found[quarter].likeness))
        if sum(found[quarters].likeness) <= sum(best.likeness):
            quarters = 0
    if not quarters:
        return _as_faces(best)
    stood = photo.transpose(QUARTERS[quarters])
    return turned(_as_faces(search_upright(layers, stood)), stood.size, 4 - quarters)


def _as_faces(found: Found) -> Faces:
    corners = np.array(found.boxes, np.float64).reshape(-1, 2, 2)
    sides = (corners[:, 1] - corners[:, 0]).mean(axis=1)
    up = np.tile([0.0, -1.0], (len(sides), 1))
    return Faces(corners.mean(axis=1) - 0.5, sides, up, np.array(found.likeness))


def search_upright(layers: Sequence[Layer], photo: Image.Image) -> Found:
    """The faces of a gray photo that stands, at the first scale with any: ENLARGED, DEEPEST."""
    longest = int(np.clip(max(photo.size), AT_LEAST, SEARCHED))
    most = max(ENLARGED, min(DEEPEST, max(photo.size)))
    while not (found := find_boxes(layers, photo, longest)).boxes and 2 * longest <= most:
        longest *= 2
    return found


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
