"""Finds the faces of a photo, and cuts the pixels around each, without JAX."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from facealign.faces.detector import Box
from facealign.faces.dlib_tools import FaceTools
from facealign.geometry import frame
from facealign.images import BadPhotoError, read_photo

WIDTH = 3.0  # side of a patch, in sides of the detector's box
DETAIL = 160  # px: largest side of the box in a patch; in a canonical crop it has 108
WHOLE = 256  # px: largest side of a patch that is a canonical crop itself


class Patch(NamedTuple):
    """A face that was found, with the pixels around it."""

    pixels: np.ndarray  # uint8 [H, H, 3], sRGB
    matrix: np.ndarray  # [2, 3], transformation of the photo to the patch
    box: Box | None  # left, top, right, bottom in px of the photo; None if it was not searched
    to_crop: np.ndarray | None = None  # [2, 3], of the patch to the canonical crop, if it is known


class FoundFaces(NamedTuple):
    """The faces of a photo."""

    patches: list[Patch]  # largest face first
    notes: list[str]  # why the photo or some of its faces cannot be used


def find_faces(photo: Image.Image, tools: FaceTools) -> FoundFaces:
    """All faces of a colour photo."""
    patches = [cut_patch(photo, box) for box in tools.search(photo.convert("L"))]
    return FoundFaces(patches, [] if patches else ["no face was found"])


def cut_patch(photo: Image.Image, box: Box) -> Patch:
    """The patch around a box of a colour photo; beyond the photo, its border is repeated."""
    left, top, right, bottom = box
    side = max(right - left, bottom - top)
    scale = min(1.0, DETAIL / side)
    size = round(WIDTH * side * scale)
    # Whole numbers, so that pixels of a patch that is not shrunk are the photo's.
    start = np.floor(np.array([left + right, top + bottom]) / 2 - WIDTH * side / 2)
    matrix = np.column_stack([scale * np.eye(2), scale * (0.5 - start) - 0.5])
    return Patch(frame.crop_large(photo, matrix, size, 3), matrix, box)


def take_whole(photo: Image.Image) -> FoundFaces:
    """Takes a colour photo as one face; the photo is a canonical crop of any size."""
    if photo.width != photo.height:
        size = f"{photo.width} x {photo.height}"
        return FoundFaces([], [f"{size} px: an aligned photo must be square"])
    size = min(photo.width, WHOLE)
    matrix, to_crop = frame.zoom(size / photo.width), frame.zoom(frame.SIZE / size)
    return FoundFaces([Patch(frame.crop_large(photo, matrix, size, 3), matrix, None, to_crop)], [])


def read_faces(path: Path, tools: FaceTools | None) -> FoundFaces:
    """The faces of a photo file. Without face tools, the photo must be a canonical crop."""
    try:
        photo = read_photo(path.read_bytes(), 3)
    except (OSError, BadPhotoError) as error:
        return FoundFaces([], [" ".join(str(error).split())])
    return find_faces(photo, tools) if tools else take_whole(photo)
