"""dlib's face tools, which judge: evaluations, and how far a portrait is from its photo.

dlib's detector, landmarks and descriptor need a near-frontal face, and requirements-faces.txt.
Nothing is trained on them or against them.

King, "Dlib-ml: A machine learning toolkit", 2009; landmarks: Kazemi and Sullivan, "One millisecond
face alignment with an ensemble of regression trees", 2014.
"""

import importlib
import importlib.metadata
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from facealign.errors import UserError
from facealign.faces.search import Box

SEARCHED = 1024  # px: largest longest side that is searched; larger photos are shrunk
ENLARGED = 512  # px: a photo without a face is doubled and searched again, up to this longest side
BORDER = 32  # px of repeated border around a photo, so that a face that fills it is found
MEASURED = 256  # px: smaller photos are enlarged to this, since dlib rounds landmarks to whole px


class Face(NamedTuple):
    """A near-frontal face, found in a photo."""

    box: Box
    landmarks: np.ndarray  # float [68, 2], (x, y) in px, in the order of iBUG 300-W


class DlibTools(NamedTuple):
    """Functions of an image uint8 [H, W], [H, W, 1 or 3]."""

    find: Callable[[np.ndarray], list[Face]]  # near-frontal faces, the largest first
    describe: Callable[[np.ndarray, np.ndarray], np.ndarray]  # descriptor [128], from landmarks


def load_dlib() -> DlibTools:
    """dlib's tools; takes about a second.

    Raises:
      UserError: requirements-faces.txt is not installed.
    """
    models = models_folder()
    dlib = importlib.import_module("dlib")
    try:
        predictor = dlib.shape_predictor(str(models / "shape_predictor_68_face_landmarks.dat"))
        encoder = dlib.face_recognition_model_v1(
            str(models / "dlib_face_recognition_resnet_model_v1.dat")
        )
    except RuntimeError as error:
        raise UserError(
            f"cannot use {models}: {error}; run: pip install -r requirements-faces.txt"
        ) from None
    landmarks = partial(_landmarks, dlib, predictor)
    detector = dlib.get_frontal_face_detector()
    return DlibTools(partial(_find, detector, landmarks), partial(_describe, dlib, encoder))


def is_installed() -> bool:
    """Whether requirements-faces.txt is installed."""
    try:
        models_folder()
    except UserError:
        return False
    return True


def models_folder() -> Path:
    """The folder of dlib's models.

    Raises:
      UserError: requirements-faces.txt is not installed.
    """
    try:
        importlib.import_module("dlib")
        # Only the files of this package are used; importing it fails with recent setuptools.
        package = importlib.metadata.distribution("face_recognition_models")
    except ImportError as error:  # PackageNotFoundError is one
        raise UserError(
            f"faces cannot be measured ({error}); run: pip install -r requirements-faces.txt"
        ) from None
    return Path(package.locate_file("face_recognition_models/models"))


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
