"""A face of a photo: its canonical crop, its pose, and how well a head explains it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from PIL import Image

from facealign.faces import reading
from facealign.faces.find import Patch
from facealign.faces.reading import HeadReader, Reading, load_reader
from facealign.faces.search import Box
from facealign.geometry import camera as cameras
from facealign.geometry import frame
from facealign.geometry.fit import CROP, CROP_WIDTH, Head

EYES_APART = 20  # px: smallest usable distance between the centres of the eyes
# Largest usual error of a fitted head, and doubt of the reader, in px of a crop of 128 px, up to 30
# and from 60 degrees aside. Chosen on validation people: see benchmarks/results/heads.md.
ASIDE = (30.0, 60.0)
ERRORS, DOUBTS = (3.6, 5.5), (3.2, 6.0)
COVERED = "perhaps no human face, or a covered one"
AT_ONCE = 64  # faces that are read together


class Face(NamedTuple):
    """A face found in a photo."""

    crop: np.ndarray  # uint8 [128, 128, 1], the canonical crop
    size: int  # side of the crop in px of the photo
    box: Box | None  # left, top, right, bottom in px of the photo; None if it was not searched
    angles: np.ndarray  # [3]: yaw, pitch and roll of the head in the photo, degrees
    error: float  # of the fitted head, rms distance of the landmarks in px of a crop of 128 px
    doubt: float  # by how many of these px the reader thinks that its landmarks are off
    landmarks: np.ndarray  # [68, 2], (x, y) in px of the crop
    matrix: np.ndarray  # [2, 3], transformation of the photo to the crop
    patch: Patch  # the pixels around it
    head: Head  # fitted to it; places in px of the patch, no batch axis

    @property
    def to_crop(self) -> np.ndarray:
        """The transformation [2, 3] of the patch to the canonical crop."""
        return frame.compose(self.matrix, frame.invert(self.patch.matrix))


# Of each patch the face, or None, and a note: what is wrong, or "".
Noted = list[tuple[Face | None, str]]
ReadFaces = Callable[[Sequence[Patch]], Noted]


def load_read() -> ReadFaces:
    """Reads faces by the reader that comes with facealign."""
    return partial(read_patches, load_reader())


def read_patches(reader: HeadReader, patches: Sequence[Patch]) -> Noted:
    """The faces of patches, in their order."""
    noted = []
    for start in range(0, len(patches), AT_ONCE):
        some = patches[start : start + AT_ONCE]
        photos = [Image.fromarray(patch.pixels) for patch in some]
        read = reading.read_heads(reader, photos, [_first_window(patch) for patch in some])
        for number, (patch, photo) in enumerate(zip(some, photos, strict=True)):
            try:
                face = _create_face(patch, photo, read, number)
            except ValueError as error:
                noted.append((None, f"a face left out: {error}"))
            else:
                noted.append((face, COVERED * is_strange(face)))
    return noted


def _create_face(patch: Patch, photo: Image.Image, read: Reading, number: int) -> Face:
    """The face of a patch, which is the photo with this number that was read.

    Raises:
      ValueError: why there is none.
    """
    matrix = patch.to_crop
    if matrix is None:
        matrix = reading.canonical_frame(read, number)
    in_photo = frame.compose(matrix, patch.matrix)
    apart = eyes_apart(in_photo)
    if patch.to_crop is None and apart < EYES_APART:
        raise ValueError(f"tiny, eyes {apart:.0f} px apart, at least {EYES_APART} needed")
    return Face(
        frame.crop(photo, matrix),
        round(frame.side_in_photo(in_photo)),
        patch.box,
        np.asarray(cameras.angles_of(read.head.camera.rotation[number])),
        float(read.head.error[number]),
        float(read.spread[number].mean() * CROP / CROP_WIDTH / read.head.camera.scale[number]),
        frame.apply(matrix, read.landmarks[number]),
        in_photo,
        patch,
        jax.tree.map(lambda array: np.asarray(array)[number], read.head),
    )


def is_strange(face: Face) -> bool:
    """Whether this may be no human face, or a covered one."""
    aside = abs(float(face.angles[0]))
    usual = [np.interp(aside, ASIDE, limits) for limits in (ERRORS, DOUBTS)]
    return not (face.error <= usual[0] and face.doubt <= usual[1])


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


def _first_window(patch: Patch) -> np.ndarray:
    """The transformation [2, 3] from a patch to the reader's first window."""
    if patch.to_crop is not None:
        return reading.around_crop(patch.to_crop)
    left, top, right, bottom = patch.box
    corners = frame.apply(patch.matrix, [(left - 0.5, top - 0.5), (right - 0.5, bottom - 0.5)])
    return reading.around_box(tuple((corners + 0.5).ravel()))
