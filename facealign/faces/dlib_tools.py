"""The face tools: find faces in raw photos, and measure them with dlib.

`detector` finds faces of any pose, and `framing` crops them without landmarks, since a profile
hides half of the landmarks. Measuring uses dlib's detector, landmarks and descriptor, which need a
near-frontal face. The face tools need requirements-faces.txt. They serve portraits, evaluation and
data preparation; nothing is trained on them or against them.

King, "Dlib-ml: A machine learning toolkit", 2009; landmarks: Kazemi and Sullivan, "One millisecond
face alignment with an ensemble of regression trees", 2014.
"""

import contextlib
import importlib
import importlib.metadata
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from facealign.errors import UserError
from facealign.faces.detector import Box, find_boxes, read_layers
from facealign.faces.framing import find_frame, load_framing
from facealign.faces.numpy_cnn import Layer
from facealign.geometry import frame

SEARCHED = 1024  # px: largest longest side that is searched; larger photos are shrunk
AT_LEAST = 160  # px: smallest longest side in `locate`; smaller photos are enlarged
ENLARGED = 512  # px: a photo without a face is doubled and searched again, up to this longest side
BORDER = 32  # px of repeated border around a photo, so that a face that fills it is found
MEASURED = 256  # px: smaller photos are enlarged to this, since dlib rounds landmarks to whole px
ALIKE = 0.5  # a face with at least this share of the largest face's area is alike in size
EYES_APART = 20  # px: smallest usable distance between the centres of the eyes
# Median box of dlib's detector in canonical crops, from brow to chin, over every fortieth photo of
# Labeled Faces in the Wild. dlib's landmarks need such a box.
CANONICAL_BOX = (6, 19, 114, 126)


class Face(NamedTuple):
    """A near-frontal face, found in a photo."""

    box: Box
    landmarks: np.ndarray  # float [68, 2], (x, y) in px, in the order of iBUG 300-W


class Place(NamedTuple):
    """The position of a face in a raw photo."""

    box: Box
    matrix: np.ndarray  # [2, 3], transformation of the photo to the canonical crop


class FaceTools(NamedTuple):
    """Functions of a photo: a gray PIL image for `locate`, else uint8 [H, W], [H, W, 1 or 3]."""

    locate: Callable[[Image.Image], list[Place]]  # faces of any pose in a raw photo, largest first
    find: Callable[[np.ndarray], list[Face]]  # near-frontal faces, to be measured; largest first
    landmarks: Callable[[np.ndarray, Box], np.ndarray]  # [68, 2] in px, of the face in a box
    describe: Callable[[np.ndarray, np.ndarray], np.ndarray]  # descriptor [128], from landmarks


def load_tools() -> FaceTools:
    """The face tools; takes about a second.

    Raises:
      UserError: requirements-faces.txt is not installed.
    """
    try:
        dlib = importlib.import_module("dlib")
        # Only the files of this package are used; importing it fails with recent setuptools.
        package = importlib.metadata.distribution("face_recognition_models")
    except ImportError as error:  # PackageNotFoundError is one
        raise UserError(
            f"faces cannot be measured ({error}); run: pip install -r requirements-faces.txt"
        ) from None
    models = Path(package.locate_file("face_recognition_models/models"))
    try:
        layers = read_layers((models / "mmod_human_face_detector.dat").read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(
            f"cannot use {models}: {error}; run: pip install -r requirements-faces.txt"
        ) from None
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(models / "shape_predictor_68_face_landmarks.dat"))
    encoder = dlib.face_recognition_model_v1(
        str(models / "dlib_face_recognition_resnet_model_v1.dat")
    )
    landmarks = partial(_landmarks, dlib, predictor)
    return FaceTools(
        locate=partial(_locate, layers, load_framing()),
        find=partial(_find, detector, landmarks),
        landmarks=landmarks,
        describe=partial(_describe, dlib, encoder),
    )


def eyes_apart(matrix: np.ndarray) -> float:
    """Distance of the eyes in px of the photo, as if the face were frontal.

    Args:
      matrix: [2, 3], transformation of the photo to the canonical crop.
    """
    (left, _), (right, _) = frame.EYES
    return frame.side_in_photo(matrix) * (right - left) / frame.SIZE


def main_face(photo: Image.Image, tools: FaceTools) -> Place:
    """The main face of a gray photo.

    It is the largest face. If other faces have at least half of its area, it is the only one among
    all of these with its centre in the middle third of the photo, horizontally and vertically.

    Raises:
      ValueError: there is no face, several faces are alike in size, or the face is tiny.
    """
    places = tools.locate(photo)
    if not places:
        raise ValueError("no face was found")
    alike = [place for place in places if _area(place.box) >= ALIKE * _area(places[0].box)]
    if len(alike) > 1:
        middle = [place for place in alike if _is_central(place.box, photo.size)]
        if len(middle) != 1:
            raise ValueError(f"{len(alike)} faces alike in size")
        alike = middle
    apart = eyes_apart(alike[0].matrix)
    if apart < EYES_APART:
        raise ValueError(f"a tiny face: eyes {apart:.0f} px apart, at least {EYES_APART} needed")
    return alike[0]


def _locate(layers: Sequence[Layer], framing: Sequence[Layer], photo: Image.Image) -> list[Place]:
    places = []
    for box in _search_everywhere(layers, photo):
        with contextlib.suppress(ValueError):  # the box holds no face
            places.append(Place(box, find_frame(framing, photo, box)))
    return places


def _find(detector: Callable, landmarks: Callable, image: np.ndarray) -> list[Face]:
    image = _squeeze(image)
    boxes = sorted(_search(detector, image), key=_area, reverse=True)
    return [Face(box, landmarks(image, box)) for box in boxes]


def _landmarks(dlib: ModuleType, predictor: Callable, image: np.ndarray, box: Box) -> np.ndarray:
    larger, factor = _zoom(_squeeze(image), MEASURED, at_least=1.0)
    rectangle = dlib.rectangle(*(round(side * factor) for side in box))
    points = predictor(larger, rectangle).parts()
    return (np.array([(point.x, point.y) for point in points]) + 0.5) / factor - 0.5


def _describe(
    dlib: ModuleType, encoder: Any, image: np.ndarray, landmarks: np.ndarray
) -> np.ndarray:
    larger, factor = _zoom(_squeeze(image), MEASURED, at_least=1.0)
    if larger.ndim == 2:
        larger = np.repeat(larger[:, :, None], 3, axis=2)
    shape = _shape(dlib, (landmarks + 0.5) * factor - 0.5)
    return np.array(encoder.compute_face_descriptor(larger, shape))


def _search_everywhere(layers: Sequence[Layer], photo: Image.Image) -> list[Box]:
    """Boxes of the faces of any pose, at the first scale with any; see ENLARGED."""
    longest = int(np.clip(max(photo.size), AT_LEAST, SEARCHED))
    while not (boxes := find_boxes(layers, photo, longest)) and 2 * longest <= ENLARGED:
        longest *= 2
    return boxes


def _is_central(box: Box, size: tuple[int, int]) -> bool:
    x, y = (box[0] + box[2]) / 2 / size[0], (box[1] + box[3]) / 2 / size[1]
    return 1 / 3 <= x <= 2 / 3 and 1 / 3 <= y <= 2 / 3


def _search(detector: Callable, image: np.ndarray) -> list[Box]:
    """Boxes of the near-frontal faces, at the first scale with any; see ENLARGED."""
    searched, factor = _zoom(image, SEARCHED, at_most=1.0)
    width = [(BORDER, BORDER)] * 2 + [(0, 0)] * (image.ndim - 2)
    padded = np.ascontiguousarray(np.pad(searched, width, mode="edge"))
    doublings = 0
    while not (found := detector(padded, doublings)):
        doublings += 1
        if max(searched.shape) * 2**doublings > ENLARGED:
            break
    return [
        tuple(
            round((side - BORDER) / factor)
            for side in (box.left(), box.top(), box.right(), box.bottom())
        )
        for box in found
    ]


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _squeeze(image: np.ndarray) -> np.ndarray:
    """Drops the last axis of [H, W, 1] and keeps other shapes; the result is contiguous."""
    return np.ascontiguousarray(image[:, :, 0] if image.shape[2:] == (1,) else image)


def _zoom(
    image: np.ndarray, side: int, at_least: float = 0.0, at_most: float = np.inf
) -> tuple[np.ndarray, float]:
    """The image scaled to a longest side of `side` px, and the factor, clipped to the limits."""
    factor = float(np.clip(side / max(image.shape[:2]), at_least, at_most))
    if factor == 1.0:
        return image, 1.0
    height, width = (max(1, round(factor * length)) for length in image.shape[:2])
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized), factor


def _shape(dlib: ModuleType, landmarks: np.ndarray) -> object:
    """Landmarks [68, 2] as an object of dlib."""
    points = np.rint(landmarks).astype(int)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    box = dlib.rectangle(int(left), int(top), int(right), int(bottom))
    return dlib.full_object_detection(box, [dlib.point(int(x), int(y)) for x, y in points])
