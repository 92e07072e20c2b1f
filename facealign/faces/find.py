"""Finds the faces of a photo, cuts their canonical crops and measures them, without JAX."""

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
    """A face found in a photo."""

    crop: np.ndarray  # uint8 [128, 128, 1], the canonical crop
    size: int  # side of the crop in px of the photo
    box: Box | None  # left, top, right, bottom in px of the photo; None if the photo is the crop
    # Measured in the crop; nan or None if the face tools see no face, as in most profiles.
    yaw: float  # degrees, or nan
    descriptor: np.ndarray | None  # [128], of the person
    landmarks: np.ndarray | None  # [68, 2], (x, y) in px of the crop


def poses_of(faces: Sequence[FoundFace]) -> np.ndarray:
    """Yaw and pitch [N, 2] in degrees of N faces, from their landmarks; nan without landmarks."""
    unknown = (np.nan, np.nan)
    return np.array([
        unknown if face.landmarks is None else estimate_pose(face.landmarks)[:2] for face in faces
    ]).reshape(-1, 2)  # fmt: skip


class FoundFaces(NamedTuple):
    """The faces of a photo."""

    faces: list[FoundFace]  # largest first
    notes: list[str]  # why the photo or some of its faces cannot be used


def find_faces(photo: Image.Image, tools: FaceTools) -> FoundFaces:
    """All faces of a gray photo with eyes at least EYES_APART px apart."""
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
    """Takes a gray photo as one face; the photo is a canonical crop of any size."""
    if photo.width != photo.height:
        size = f"{photo.width} x {photo.height}"
        return FoundFaces([], [f"{size} px: an aligned photo must be square"])
    whole = np.asarray(photo.resize((frame.SIZE, frame.SIZE), Image.Resampling.LANCZOS))
    return FoundFaces([FoundFace(whole[:, :, None], photo.width, None, np.nan, None, None)], [])


def read_faces(path: Path, tools: FaceTools | None) -> FoundFaces:
    """The faces of a photo file. Without face tools, the photo must be a canonical crop."""
    try:
        photo = read_gray(path.read_bytes())
    except (OSError, BadPhotoError) as error:
        return FoundFaces([], [" ".join(str(error).split())])
    return find_faces(photo, tools) if tools else take_whole(photo)
