"""Finds the faces of a photo, and cuts the pixels around each, without JAX."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from facealign.faces.search import QUARTERS, Box, Search, boxes_of, turned
from facealign.geometry import frame
from facealign.geometry.face_cells import Faces
from facealign.images import FAULT, BadPhotoError, read_photo

WIDTH = 3.6  # side of a patch, in sides of the detector's box; a portrait shows 2.2
DETAIL = 160  # px: largest side of the box in a patch, as far as reading the head needs it
BOX = 108  # px: side of the box in a canonical crop
ALMOST = 0.9  # a photo that would be shrunk less keeps its pixels
LEANS = 55.0  # degrees: of a photo whose faces lean more it is thought that it lies
DARK, BRIGHT = 40, 99  # a photo is dark if this gray level is above this percentile of its own


class Patch(NamedTuple):
    """A face that was found, with the pixels around it."""

    pixels: np.ndarray  # uint8 [H, W, 3], sRGB; nothing beyond the photo
    matrix: np.ndarray  # [2, 3], transformation of the photo to the patch
    box: Box | None  # left, top, right, bottom in px of the photo; None if it was not searched
    to_crop: np.ndarray | None = None  # [2, 3], of the patch to the canonical crop, if it is known
    note: str = ""  # what was done to the photo before, or what it lacks


class Wanted(NamedTuple):
    """Which faces of a photo are wanted."""

    largest: bool = False  # only the largest
    smallest: int = 0  # px of the photo that a face's box has at least


EVERY_FACE = Wanted()


class FoundFaces(NamedTuple):
    """The faces of a photo."""

    patches: list[Patch]  # largest face first
    notes: list[str]  # why the photo or some of its faces cannot be used


def find_faces(
    photo: Image.Image, search: Search, detail: int = DETAIL, wanted: Wanted = EVERY_FACE
) -> FoundFaces:
    """The faces of a colour photo; `detail` as in `cut_patch`. Boxes are those of it upright."""
    photo, boxes, note = stand(photo, search)
    chosen, left_out = _choose(boxes, wanted)
    patches = [cut_patch(photo, box, detail)._replace(note=note) for box in chosen]
    return FoundFaces(patches, left_out if boxes else [note or "no face was found"])


def _choose(boxes: list[Box], wanted: Wanted) -> tuple[list[Box], list[str]]:
    """The boxes that are wanted, the largest first as they come, and a note for each other one."""
    large = [box for box in boxes if _side(box) >= wanted.smallest]
    small = [f"left out: smaller than --min_face={wanted.smallest} px"] * (len(boxes) - len(large))
    chosen = large[:1] if wanted.largest else large
    return chosen, small + ["left out: --faces=largest"] * (len(large) - len(chosen))


def _side(box: Box) -> int:
    left, top, right, bottom = box
    return max(right - left, bottom - top)


def stand(photo: Image.Image, search: Search) -> tuple[Image.Image, list[Box], str]:
    """A colour photo with its faces upright, their boxes, and a note if it was turned or is dark.

    A photo that lies on its side or on its head is turned by quarters.
    """
    gray, dark = photo.convert("L"), ""
    faces = search(gray)
    if not len(faces.side) and (brightest := np.percentile(np.asarray(gray), BRIGHT)) < DARK:
        gray = gray.point(lambda level: min(round(level * 255 / max(brightest, 1)), 255))
        faces, dark = search(gray), "nearly black"
    quarters = _quarters(faces)
    if not quarters:
        return photo, boxes_of(faces), dark
    boxes = boxes_of(turned(faces, photo.size, quarters))
    note = f"turned by {90 * quarters} degrees"
    return photo.transpose(QUARTERS[quarters]), boxes, "; ".join(filter(None, (note, dark)))


def _quarters(faces: Faces) -> int:
    """By how many quarters, counterclockwise, a photo has to be turned for its faces to stand."""
    share = faces.side * faces.likeness**4  # large and sure faces say more
    x, y = (faces.up * share[:, None]).sum(axis=0)
    angle = np.degrees(np.arctan2(x, -y)) if len(faces.side) else 0.0
    return 0 if abs(angle) <= LEANS else round(angle / 90) % 4


def cut_patch(photo: Image.Image, box: Box, detail: int = DETAIL) -> Patch:
    """The patch around a box of a colour photo.

    It is shrunk until it has at most `WIDTH * detail` px: until the box has `detail` px, or more
    where the photo ends near the face.
    """
    left, top, right, bottom = box
    side = _side(box)
    middle = np.array([left + right, top + bottom]) / 2
    # Whole numbers, so that pixels of a patch that is not shrunk are the photo's.
    start = np.floor(middle - WIDTH * side / 2).astype(int).clip(0, np.array(photo.size) - 1)
    stop = np.ceil(middle + WIDTH * side / 2).astype(int).clip(start + 1, photo.size)
    window = photo.crop((*start.tolist(), *stop.tolist()))
    window, matrix = shrink(window, WIDTH * detail / max(window.size))
    matrix[:, 2] -= matrix[:, :2] @ start
    return Patch(np.asarray(window), matrix, box)


def shrink(photo: Image.Image, factor: float) -> tuple[Image.Image, np.ndarray]:
    """A photo, that many times as large if that is less, and the transformation [2, 3] to it."""
    if factor >= ALMOST:
        return photo, np.eye(2, 3)
    size = tuple(max(1, round(side * factor)) for side in photo.size)
    ratio = np.array(size) / photo.size
    small = photo.resize(size, Image.Resampling.BOX if factor < 0.5 else Image.Resampling.HAMMING)
    return small, np.column_stack([np.diag(ratio), (ratio - 1) / 2])


def take_whole(photo: Image.Image, detail: int = DETAIL) -> FoundFaces:
    """Takes a colour photo as one face; the photo is a canonical crop of any size."""
    if photo.width != photo.height:
        size = f"{photo.width} x {photo.height}"
        return FoundFaces([], [f"{size} px: an aligned photo must be square"])
    small, matrix = shrink(photo, detail * frame.SIZE / BOX / photo.width)
    to_crop = frame.zoom(frame.SIZE / small.width)
    return FoundFaces([Patch(np.asarray(small), matrix, None, to_crop)], [])


def read_faces(
    path: Path, search: Search | None, detail: int = DETAIL, wanted: Wanted = EVERY_FACE
) -> FoundFaces:
    """The faces of a photo file. Without a search, the photo must be a canonical crop."""
    try:
        photo = read_photo(path.read_bytes(), 3)
    except (OSError, BadPhotoError) as error:
        return FoundFaces([], [" ".join(str(error).split())])
    found = find_faces(photo, search, detail, wanted) if search else take_whole(photo, detail)
    if fault := photo.info.get(FAULT):
        add = lambda note: "; ".join(filter(None, (note, fault)))  # noqa: E731
        patches = [patch._replace(note=add(patch.note)) for patch in found.patches]
        return FoundFaces(patches, [add(note) for note in found.notes])
    return found
