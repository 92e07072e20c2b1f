"""The faces of a photo: where they are, cut to the canonical crop, and how they look aside.

Nothing here needs JAX, so that other processes can do it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from facealign.faces.dlib_tools import EYES_APART, Box, FaceTools, eyes_apart
from facealign.faces.measure import measure_photo, unpack
from facealign.geometry import frame
from facealign.geometry.pose import estimate_pose
from facealign.images import BadPhotoError, read_gray


class FoundFace(NamedTuple):
    """A face as it is in its photo."""

    crop: np.ndarray  # uint8 [128, 128, 1], the canonical crop
    size: int  # px of the photo that the crop is wide and high
    box: Box | None  # px of the photo: left, top, right, bottom
    # What is measured in the crop; nothing where the tools see no face, as in most profiles.
    yaw: float  # degrees, or nan
    descriptor: np.ndarray | None  # [128], of the person
    landmarks: np.ndarray | None  # [68, 2], (x, y) in px of the crop


def poses_of(faces: Sequence[FoundFace]) -> np.ndarray:
    """Yaw and pitch [N, 2] in degrees of faces as they are in their crops; nan where not seen."""
    unknown = (np.nan, np.nan)
    return np.array([
        unknown if face.landmarks is None else estimate_pose(face.landmarks)[:2] for face in faces
    ]).reshape(-1, 2)  # fmt: skip


class FoundFaces(NamedTuple):
    """What a photo holds."""

    faces: list[FoundFace]  # largest first
    notes: list[str]  # why the photo, or some of its faces, cannot be used


def find_faces(photo: Image.Image, tools: FaceTools) -> FoundFaces:
    """All faces of a gray photo that are large enough."""
    faces, notes = [], []
    for box, matrix in tools.locate(photo):
        apart = eyes_apart(matrix)
        if apart < EYES_APART:
            notes.append(f"a tiny face left out: eyes {apart:.0f} px apart, {EYES_APART} needed")
            continue
        try:
            crop = frame.crop(photo, matrix)
        except ValueError as error:
            notes.append(f"a face left out: {error}")
            continue
        seen = unpack(measure_photo(crop, tools)[None])
        known = (seen.descriptor[0], seen.landmarks[0]) if seen.found[0] else (None, None)
        size = round(frame.side_in_photo(matrix))
        faces.append(FoundFace(crop, size, box, float(seen.yaw[0]), *known))
    return FoundFaces(faces, notes if faces or notes else ["no face was found"])


def take_whole(photo: Image.Image) -> FoundFaces:
    """A gray photo that is a canonical crop already, of any size."""
    if photo.width != photo.height:
        size = f"{photo.width} x {photo.height}"
        return FoundFaces([], [f"{size} px: a photo that is already aligned is square"])
    whole = np.asarray(photo.resize((frame.SIZE, frame.SIZE), Image.Resampling.LANCZOS))
    return FoundFaces([FoundFace(whole[:, :, None], photo.width, None, np.nan, None, None)], [])


def read_faces(path: Path, tools: FaceTools | None) -> FoundFaces:
    """The faces of a file; without tools it has to be a canonical crop already."""
    try:
        photo = read_gray(path.read_bytes())
    except (OSError, BadPhotoError) as error:
        return FoundFaces([], [" ".join(str(error).split())])
    return find_faces(photo, tools) if tools else take_whole(photo)
