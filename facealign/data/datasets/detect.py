"""Where the faces of a set are, and their poses: as known, or searched and read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from facealign.data.datasets.photo import ANGLES, Photo
from facealign.faces import face, find, reading
from facealign.faces.detector import Box
from facealign.faces.dlib_tools import FaceTools
from facealign.faces.reading import HeadReader
from facealign.geometry import camera as cameras

AT_ONCE = 16  # photos in memory whose heads are read together
ALIKE = 0.5  # a face with at least this share of the largest face's area is alike in size


Read = Iterable[tuple[Photo, Image.Image]]
Reject = Callable[[Photo, Exception], None]
# Photos with their pixels -> those with a place; the matrix is as in `crops.cut`.
Placed = Iterator[tuple[Photo, Image.Image, np.ndarray | None]]
Place = Callable[[Read, Reject], Placed]


class Unread(NamedTuple):
    """A photo with a face that is not read yet."""

    image: Image.Image  # in colour; of a photo that was searched, the patch around its main face
    window: np.ndarray  # [2, 3], to the reader's first window
    matrix: np.ndarray | None  # [2, 3], to the canonical crop, if it is known
    scale: float  # px of the image to one px of the photo


def place_all(read: Read, reject: Reject) -> Placed:
    """The photos with the places that are known of them."""
    for photo, image in read:
        try:
            matrix = photo.locate(image) if photo.locate else None
        except ValueError as error:
            reject(photo, error)
            continue
        yield photo, image, matrix


def examine_all(tools: FaceTools, reader: HeadReader, read: Read, reject: Reject) -> Placed:
    """The photos with places and poses; what is not known of them is searched and measured.

    Of a photo that was searched comes only the patch around its face.
    """
    waiting: list[tuple[Photo, Unread]] = []
    for photo, image in read:
        try:
            if photo.locate:
                one = at_known_place(image, photo.locate(image))
            else:
                one = find_main_face(image, tools)
            waiting.append((photo, one))
        except ValueError as error:
            reject(photo, error)
        if len(waiting) == AT_ONCE:
            yield from _read_heads(reader, waiting, reject)
            waiting = []
    if waiting:
        yield from _read_heads(reader, waiting, reject)


def _read_heads(reader: HeadReader, waiting: list[tuple[Photo, Unread]], reject: Reject) -> Placed:
    """Photos with their places, and with poses where these are not known yet."""
    found = read_all(reader, [one for _, one in waiting])
    for (photo, one), (matrix, pose) in zip(waiting, found, strict=True):
        if reason := why_tiny(one, matrix):
            reject(photo, ValueError(reason))
            continue
        if not np.isfinite(photo.yaw):
            photo = photo._replace(**dict(zip(ANGLES, pose.tolist(), strict=True)))
        yield photo, one.image, matrix


def find_main_face(image: Image.Image, tools: FaceTools) -> Unread:
    """The main face of a photo; see `choose_main_box`.

    Raises:
      ValueError: there is no main face.
    """
    image = image.convert("RGB")
    box = choose_main_box(tools.search(image.convert("L")), image.size)
    patch = find.cut_patch(image, box)
    window, scale = face.first_window(patch), patch.matrix[0, 0]
    return Unread(Image.fromarray(patch.pixels), window, None, scale)


def at_known_place(image: Image.Image, matrix: np.ndarray) -> Unread:
    """A photo whose transformation [2, 3] to the canonical crop is known."""
    return Unread(image.convert("RGB"), reading.around_crop(matrix), matrix, 1.0)


def choose_main_box(boxes: Sequence[Box], size: tuple[int, int]) -> Box:
    """The main face of a photo of (width, height) px, of boxes sorted by size.

    It is the largest face. If other faces have at least half of its area, it is the only one among
    all of these with its centre in the middle third of the photo, horizontally and vertically.

    Raises:
      ValueError: there is no face, or several faces are alike in size.
    """
    if not boxes:
        raise ValueError("no face was found")
    alike = [box for box in boxes if _area(box) >= ALIKE * _area(boxes[0])]
    if len(alike) > 1:
        middle = [box for box in alike if _is_central(box, size)]
        if len(middle) != 1:
            raise ValueError(f"{len(alike)} faces alike in size")
        alike = middle
    return alike[0]


def read_all(reader: HeadReader, unread: Sequence[Unread]) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each photo its transformation [2, 3] to the canonical crop, and the pose [3] in the crop.

    The pose is yaw, pitch and roll in degrees.
    """
    images, windows = [one.image for one in unread], [one.window for one in unread]
    read = reading.read_heads(reader, images, windows)
    matrices = [
        own if one.matrix is None else one.matrix
        for one, own in zip(unread, reading.canonical_frames(read), strict=True)
    ]
    in_crops = cameras.transformed(read.head.camera, np.array(matrices))
    return list(zip(matrices, np.asarray(cameras.angles_of(in_crops.rotation)), strict=True))


def why_tiny(unread: Unread, matrix: np.ndarray) -> str:
    """Why the face of a photo that was searched is too small; "" if it is not."""
    if unread.matrix is not None:
        return ""
    return face.why_tiny(face.eyes_apart(matrix) / unread.scale)


def _is_central(box: Box, size: tuple[int, int]) -> bool:
    x, y = (box[0] + box[2]) / 2 / size[0], (box[1] + box[3]) / 2 / size[1]
    return 1 / 3 <= x <= 2 / 3 and 1 / 3 <= y <= 2 / 3


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
