"""Where the faces of a set are, and their poses: as known, or searched and read."""

import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from PIL import Image

from facealign.data.datasets.photo import ANGLES, Photo
from facealign.faces import find, reading
from facealign.faces.face import Face, ReadFaces
from facealign.faces.find import Patch
from facealign.faces.search import Box, Search
from facealign.geometry import camera as cameras
from facealign.geometry import frame
from facealign.geometry import head as heads
from facealign.geometry.camera import Camera
from facealign.paths import shipped

AT_ONCE = 16  # photos whose heads are read together
ALIKE = 0.5  # a face with at least this share of the largest face's area is alike in size
VERSION = 2  # increase it when the same photos give other places or poses

Read = Iterable[tuple[Photo, Image.Image]]
Reject = Callable[[Photo, Exception], None]
# Photos with their pixels -> those with a place; the matrix is as in `crops.cut`.
Placed = Iterator[tuple[Photo, Image.Image, np.ndarray | None]]
Place = Callable[[Read, Reject], Placed]


@functools.cache
def made_with() -> str:
    """Eight hex digits that change with the reader, the head and the code."""
    digest = hashlib.sha256(repr(VERSION).encode())
    for name in (reading.WEIGHTS, heads.WEIGHTS):
        digest.update(shipped(name).read_bytes())
    return digest.hexdigest()[:8]


def place_all(read: Read, reject: Reject) -> Placed:
    """The photos with the places that are known of them."""
    for photo, image in read:
        try:
            matrix = photo.locate(image) if photo.locate else None
        except ValueError as error:
            reject(photo, error)
            continue
        yield photo, image, matrix


def examine_all(search: Search, read_faces: ReadFaces, read: Read, reject: Reject) -> Placed:
    """The photos with places and poses; what is not known of them is searched and measured.

    Of a photo that was read comes only the patch around its face.
    """
    waiting: list[tuple[Photo, Patch]] = []
    for photo, image in read:
        try:
            matrix = photo.locate(image) if photo.locate else None
            if matrix is not None and np.isfinite(photo.yaw):
                yield photo, image, matrix
                continue
            image = image.convert("RGB")
            if matrix is None:
                waiting.append((photo, find_main_face(image, search)))
            else:
                waiting.append((photo, cut_known_patch(image, matrix)))
        except ValueError as error:
            reject(photo, error)
        if len(waiting) == AT_ONCE:
            yield from _read_heads(read_faces, waiting, reject)
            waiting = []
    yield from _read_heads(read_faces, waiting, reject)


def _read_heads(
    read_faces: ReadFaces, waiting: list[tuple[Photo, Patch]], reject: Reject
) -> Placed:
    """Photos with their places, and with poses where these are not known yet."""
    noted = read_faces([patch for _, patch in waiting])
    for (photo, patch), (face, note) in zip(waiting, noted, strict=True):
        if face is None:
            reject(photo, ValueError(note))
            continue
        if not np.isfinite(photo.yaw):
            photo = photo._replace(**dict(zip(ANGLES, pose_in_crop(face).tolist(), strict=True)))
        yield photo, Image.fromarray(patch.pixels), face.to_crop


def find_main_face(image: Image.Image, search: Search) -> Patch:
    """The main face of a colour photo; see `choose_main_box`.

    Raises:
      ValueError: there is no main face.
    """
    image, boxes, _ = find.stand(image, search)
    return find.cut_patch(image, choose_main_box(boxes, image.size))


def cut_known_patch(image: Image.Image, matrix: np.ndarray) -> Patch:
    """The patch of a colour photo whose transformation [2, 3] to the canonical crop is known."""
    left, top, right, bottom = reading.CANONICAL_BOX
    corners = frame.apply(frame.invert(matrix), [(left, top), (right, bottom)])
    middle, half = corners.mean(axis=0), np.linalg.norm(np.ptp(corners, axis=0)) / 8**0.5
    box = (*np.rint(middle - half).astype(int), *np.rint(middle + half).astype(int))
    patch = find.cut_patch(image, tuple(int(side) for side in box))
    return patch._replace(to_crop=frame.compose(matrix, frame.invert(patch.matrix)))


def pose_in_crop(face: Face) -> np.ndarray:
    """Yaw, pitch and roll [3] in degrees of a face in its canonical crop, which may be rotated."""
    rotation = cameras.rotation_of(face.angles)
    in_photo = Camera(rotation, np.float32(1), np.zeros(2, np.float32))
    return np.asarray(cameras.angles_of(cameras.transformed(in_photo, face.matrix).rotation))


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


def _is_central(box: Box, size: tuple[int, int]) -> bool:
    x, y = (box[0] + box[2]) / 2 / size[0], (box[1] + box[3]) / 2 / size[1]
    return 1 / 3 <= x <= 2 / 3 and 1 / 3 <= y <= 2 / 3


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
