"""A face of a photo: its canonical crop, its pose, and how well a head explains it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from facealign.faces import reading
from facealign.faces.detector import Box
from facealign.faces.find import Patch
from facealign.faces.reading import HeadReader, load_reader
from facealign.geometry import fit, frame

EYES_APART = 20  # px: smallest usable distance between the centres of the eyes
STRANGE = 3.6  # px of 128: no head explains the landmarks of animals and of covered faces better
COVERED = "perhaps no human face, or a covered one"
BATCH = 64  # faces that are read at a time


class Face(NamedTuple):
    """A face found in a photo."""

    crop: np.ndarray  # uint8 [128, 128, 1], the canonical crop
    size: int  # side of the crop in px of the photo
    box: Box | None  # left, top, right, bottom in px of the photo; None if the photo is the crop
    angles: np.ndarray  # [3]: yaw, pitch and roll of the head in the photo, degrees
    error: float  # of the fitted head, rms distance of the landmarks in px of a crop of 128 px
    landmarks: np.ndarray  # [68, 2], (x, y) in px of the crop


# Of each patch the face, or None, and a note: what is wrong, or "".
Noted = list[tuple[Face | None, str]]
ReadFaces = Callable[[Sequence[Patch]], Noted]


def load_read(path: Any = None) -> ReadFaces:
    """Reads faces by the reader in a file of packed weights; see `reading.load_reader`."""
    return partial(read_patches, load_reader(path))


def read_patches(reader: HeadReader, patches: Sequence[Patch]) -> Noted:
    """The faces of patches, in their order; None for a tiny one."""
    noted = []
    for start in range(0, len(patches), BATCH):
        some = patches[start : start + BATCH]
        photos = [Image.fromarray(patch.pixels) for patch in some]
        read = reading.read_heads(reader, photos, [first_window(patch) for patch in some])
        frames = reading.canonical_frames(read)
        angles = np.asarray(fit.pose_of(read.head))
        for i, patch in enumerate(some):
            matrix = _of_whole(patch) if patch.box is None else frames[i]
            in_photo = frame.compose(matrix, patch.matrix)
            if patch.box and (reason := why_tiny(eyes_apart(in_photo))):
                noted.append((None, reason))
                continue
            landmarks, error = frame.apply(matrix, read.landmarks[i]), float(read.head.error[i])
            crop, size = frame.crop(photos[i], matrix), round(frame.side_in_photo(in_photo))
            face = Face(crop, size, patch.box, angles[i], error, landmarks)
            noted.append((face, COVERED if error > STRANGE else ""))
    return noted


def poses_of(faces: Sequence[Face]) -> np.ndarray:
    """Yaw and pitch [N, 2] of N faces in degrees."""
    return np.array([face.angles[:2] for face in faces]).reshape(-1, 2)


def eyes_apart(matrix: np.ndarray) -> float:
    """Distance of the eyes in px of the photo, as if the face were frontal.

    Args:
      matrix: [2, 3], transformation of the photo to the canonical crop.
    """
    (left, _), (right, _) = frame.EYES
    return frame.side_in_photo(matrix) * (right - left) / frame.SIZE


def why_tiny(apart: float) -> str:
    """Why a face cannot be used whose eyes are so many px apart; "" if it can."""
    if apart >= EYES_APART:
        return ""
    return f"a tiny face: eyes {apart:.0f} px apart, at least {EYES_APART} needed"


def first_window(patch: Patch) -> np.ndarray:
    """The transformation [2, 3] from a patch to the reader's first window."""
    if patch.box is None:
        return reading.around_crop(_of_whole(patch))
    left, top, right, bottom = patch.box
    corners = frame.apply(patch.matrix, [(left - 0.5, top - 0.5), (right - 0.5, bottom - 0.5)])
    return reading.around_box(tuple((corners + 0.5).ravel()))


def _of_whole(patch: Patch) -> np.ndarray:
    """The transformation [2, 3] of a patch that is the canonical crop, of any size."""
    scale = frame.SIZE / len(patch.pixels)
    return np.column_stack([scale * np.eye(2), np.full(2, (scale - 1) / 2)])
