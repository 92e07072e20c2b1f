"""Reads the heads of photos: pose, shape, landmarks. A network looks, then a head is fitted.

The network sees a window around the face's box and, the second time, around the head that it read.
A few steps of Gauss-Newton then bring the 3D head to its landmarks.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from facealign.faces.search import Box
from facealign.geometry import camera as cameras
from facealign.geometry import fit as fits
from facealign.geometry import frame, reader_window
from facealign.geometry import head as heads
from facealign.geometry.camera import Camera
from facealign.geometry.fit import Head
from facealign.geometry.head_points import bend, create_points
from facealign.images import to_float
from facealign.models.apply import NetState, Network, apply_network
from facealign.models.packed_weights import load_net
from facealign.models.reader import Reader
from facealign.paths import shipped

WEIGHTS = "reader.safetensors"
WINDOW = 1.6  # side of the first window, in sides of the detector's box
CANONICAL_BOX = (6, 19, 114, 126)  # px: about the detector's box of a face in its canonical crop
LOOKS = 2
DIM, BRIGHT = 110.0, 95  # windows with this percentile below this gray level are brightened to it
BATCH = 8  # faces that are read at a time, so that few sizes are compiled
STEPS = 6  # of the fit
SURE = 0.4  # cm: a landmark with this spread gets the weight 1 in the fit
LEAST, MOST = 0.02, 2.0  # range of these weights
# Degrees by which the fit may correct the pitch, yaw and roll that the network saw, of faces turned
# by at most and at least so many degrees. Landmarks alone pull profiles towards the front and make
# them look down, since those of the hidden side are guesses.
TURNED, FREE, TIED = (30.0, 60.0), (90.0, 1.5, 90.0), (1.5, 4.0, 1.5)


class Reading(NamedTuple):
    """The heads of N faces; places in px of their photos, NumPy."""

    head: Head  # its camera is that of the photo; error in px of 128
    landmarks: np.ndarray  # [N, 68, 2], as the network saw them
    spread: np.ndarray  # [N, 68] px: how far each is wrong in the mean
    yaw: np.ndarray  # [N] degrees, as the network saw it


class HeadReader(NamedTuple):
    """A trained network."""

    network: Network
    net: NetState


def load_reader(path: Any = None) -> HeadReader:
    """The reader in a file of packed weights; the one that comes with facealign unless given.

    Raises:
      UserError: there are no such weights, or they are of other networks.
    """
    return HeadReader(Network(Reader(), None), load_net(path or shipped(WEIGHTS), "reader"))


def read_heads(
    reader: HeadReader, photos: Sequence[Image.Image], windows: Sequence[np.ndarray]
) -> Reading:
    """The heads of N faces, each in its own colour photo.

    Args:
      reader: from `load_reader`.
      photos: one for each face.
      windows: [N, 2, 3], from the photos to the first windows; see `around_box`, `around_crop`.
    """
    starts = range(0, len(photos), BATCH)
    parts = [_read_batch(reader, photos[s : s + BATCH], windows[s : s + BATCH]) for s in starts]
    return jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)


def _read_batch(
    reader: HeadReader, photos: Sequence[Image.Image], windows: Sequence[np.ndarray]
) -> Reading:
    """As `read_heads`, of at most `BATCH` faces; some are read again if there are fewer."""
    matrices = np.resize(windows, (BATCH, 2, 3))
    seen = _look(reader, photos, matrices)
    for _ in range(LOOKS - 1):
        matrices = reader_window.around(_camera(seen, matrices))
        seen = _look(reader, photos, matrices)
    camera = _camera(seen, matrices)
    back = np.array([frame.invert(matrix) for matrix in matrices])
    landmarks = np.array([frame.apply(b, p) for b, p in zip(back, seen["pixels"], strict=True)])
    scale = np.sqrt(np.linalg.det(back[:, :, :2]))
    spread = 2 * np.exp(seen["spread"]) * (reader_window.SIZE / 2) * scale[:, None]
    start = Head(seen["identity"], seen["expression"], camera, np.zeros(BATCH, np.float32))
    yaw = np.asarray(cameras.angles_of(camera.rotation))[:, 0]
    whole = Reading(_fit(landmarks, spread, start), landmarks, spread, yaw)
    return jax.tree.map(lambda array: np.asarray(array)[: len(photos)], whole)


def canonical_frame(reading: Reading, number: int) -> np.ndarray:
    """The transformation [2, 3] of the photo of a face, by its number, to its canonical crop.

    Raises:
      ValueError: its landmarks are at one place.
    """
    five = frame.five_points(reading.landmarks[number])
    matrix = frame.from_any_side(five, float(reading.yaw[number]))
    if not np.linalg.det(matrix[:, :2]) > 0:
        raise ValueError("its landmarks are at one place")
    return matrix


def _look(
    reader: HeadReader, photos: Sequence[Image.Image], matrices: np.ndarray
) -> dict[str, np.ndarray]:
    """What the network says of windows, by matrices [BATCH, 2, 3] from photos, which may be fewer.

    "pixels" are landmarks in px of the windows.
    """
    crops = [
        _brighten(frame.crop_large(photo, matrix, reader_window.SIZE, 3))
        for photo, matrix in zip(photos, matrices, strict=False)
    ]
    sizes = {"landmarks": 136, "spread": 68, "rotation": 9}
    flat = np.asarray(_apply(*reader, np.resize(crops, (BATCH, *crops[0].shape))))
    parts = np.split(flat, np.cumsum([*sizes.values(), reader.network.module.identity]), axis=1)
    seen = dict(zip([*sizes, "identity", "expression"], parts, strict=True))
    half = reader_window.SIZE / 2
    seen["pixels"] = (seen["landmarks"].reshape(-1, 68, 2) + 1) * half - 0.5
    seen["rotation"] = seen["rotation"].reshape(-1, 3, 3)
    return seen


def _brighten(window: np.ndarray) -> np.ndarray:
    """A window uint8 [SIZE, SIZE, 3] that is bright enough for the network; see DIM."""
    brightest = max(float(np.percentile(window, BRIGHT)), 1.0)
    if brightest >= DIM:
        return window
    return (window * (DIM / brightest)).clip(0, 255).round().astype(np.uint8)


@functools.partial(jax.jit, static_argnums=0)
def _apply(network: Network, net: NetState, windows: jax.Array) -> jax.Array:
    output = apply_network(network, net, to_float(windows))
    names = ("landmarks", "spread", "rotation", "identity", "expression")
    return jnp.concatenate([output[name].reshape(len(windows), -1) for name in names], axis=1)


def _camera(seen: dict[str, np.ndarray], matrices: np.ndarray) -> Camera:
    """The cameras of heads in their photos, by the rotations and landmarks that are seen.

    Args:
      seen: from `_look`.
      matrices: [N, 2, 3], from photos to windows.
    """
    solid, count = bend(_points(), seen["identity"], seen["expression"]), len(matrices)
    unit = Camera(seen["rotation"], np.ones(count, np.float32), np.zeros((count, 2), np.float32))
    flat = np.asarray(cameras.project(solid, unit))[..., :2]
    to_photo = []
    for row, matrix in enumerate(matrices):
        weights = np.exp(-seen["spread"][row])[:, None]
        scale, shift = _scale_and_shift(flat[row], seen["pixels"][row], weights)
        window = np.column_stack([scale * np.eye(2), shift])
        to_photo.append(frame.compose(frame.invert(matrix), window))
    return cameras.transformed(unit, np.array(to_photo, np.float32))


def _scale_and_shift(
    points: np.ndarray, places: np.ndarray, weights: np.ndarray
) -> tuple[float, np.ndarray]:
    """The least-squares scale and shift [2] from points [P, 2] to places [P, 2]."""
    share = weights / weights.sum()
    middle, centre = (share * points).sum(axis=0), (share * places).sum(axis=0)
    a, b = points - middle, places - centre
    scale = max((share * a * b).sum() / max((share * a * a).sum(), 1e-9), 1e-3)
    return scale, centre - scale * middle


def _fit(landmarks: np.ndarray, spread: np.ndarray, start: Head) -> Head:
    """The heads fitted to landmarks [N, 68, 2] in px with spreads [N, 68] in px, from a start."""
    yaw = np.asarray(cameras.angles_of(start.camera.rotation))[:, 0]
    weights = np.clip(SURE * np.asarray(start.camera.scale)[:, None] / spread, LEAST, MOST)
    options = {"start": start, "steps": STEPS, "guessed": False}
    share = np.interp(np.abs(yaw), TURNED, (0, 1))[:, None]
    deviation = np.array(FREE) ** (1 - share) * np.array(TIED) ** share
    options |= {"prior": start.camera.rotation, "prior_deviation": deviation}
    return fits.fit(landmarks, weights, heads.load_head(), _points(), **options)


@functools.cache
def _points() -> Any:
    return create_points(heads.load_head(), "landmarks")


def around_box(box: Box) -> np.ndarray:
    """The transformation [2, 3] from a photo to the first window around a detector's box."""
    left, top, right, bottom = box
    scale = reader_window.SIZE / (WINDOW * (right - left))
    middle = np.array([left + right, top + bottom]) / 2 - 0.5
    return np.column_stack([scale * np.eye(2), (reader_window.SIZE - 1) / 2 - scale * middle])


def around_crop(matrix: np.ndarray) -> np.ndarray:
    """The transformation [2, 3] from a photo to the first window around its canonical crop.

    Args:
      matrix: [2, 3], transformation of the photo to its canonical crop.
    """
    return frame.compose(around_box(CANONICAL_BOX), matrix)
