"""Photos in, frontal portraits out.

from facealign import align

aligner = align.load_aligner()
for portraits in aligner(["one.jpg", "another.jpg"]):  # a list of portraits for each photo
    for portrait in portraits:
        Image.fromarray(portrait.image).save("portrait.png")
"""

import os
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from facealign.errors import UserError
from facealign.faces.dlib_tools import Box, FaceTools, load_tools
from facealign.faces.find import FoundFace, find_faces, poses_of, take_whole
from facealign.faces.measure import measure_photo, unpack
from facealign.geometry.views import turn_back
from facealign.images import read_gray, to_gray, to_uint8
from facealign.models.packed_weights import KEPT, SHIPPED
from facealign.training.saved_model import SavedModel, load_model
from facealign.training.translate import make_translate

Photo = str | os.PathLike | Image.Image | np.ndarray


class Portrait(NamedTuple):
    """A face, and what a method made of it."""

    image: np.ndarray  # uint8 [128, 128]: from the front
    crop: np.ndarray  # uint8 [128, 128]: as it was, cut to the same frame
    size: int  # px of the photo that the crop is wide and high
    box: Box | None  # px of the photo: left, top, right, bottom; None if the photo came aligned
    # Of the face in the photo; nothing where it cannot be measured, as in most true profiles.
    yaw: float  # degrees by which it looks aside, or nan
    descriptor: np.ndarray | None  # [128], of the person
    landmarks: np.ndarray | None  # [68, 2], (x, y) in px of the crop


class Method(NamedTuple):
    """A way from a crop to a portrait: a trained network, or one of `METHODS` without any."""

    name: str  # says which it is
    # Crops uint8 [N, 128, 128, 1], and their yaw and pitch [N, 2] in degrees, nan where unknown,
    # which a network finds out by itself -> portraits like the crops.
    frontal: Callable[[np.ndarray, np.ndarray], np.ndarray]


class Aligner:
    """Makes frontal portraits of photos. May be called from several threads at once.

    Args:
      method: that turns canonical crops to the front.
      tools: that find faces; None if all photos are canonical crops already.
    """

    def __init__(self, method: Method, tools: FaceTools | None):
        self.method = method
        self._tools = tools
        self._lock = threading.Lock()  # dlib's detector keeps a state of its own

    def __call__(self, photos: Sequence[Photo]) -> list[list[Portrait]]:
        """The portraits of every face of each photo, largest first; none where none is found.

        Args:
          photos: paths, PIL images, or arrays uint8 [H, W], [H, W, 1] or [H, W, 3].

        Raises:
          BadPhotoError, OSError: a file that is no photo, or cannot be read.
        """
        found = [self._find(photo) for photo in photos]
        every = [face for faces in found for face in faces]
        if not every:
            return [[] for _ in photos]
        crops = np.stack([face.crop for face in every])
        images = iter(self.method.frontal(crops, poses_of(every)))
        return [
            [Portrait(next(images)[..., 0], face.crop[..., 0], *face[1:]) for face in faces]
            for faces in found
        ]

    def measure(self, portrait: Portrait) -> tuple[float, float]:
        """How far a portrait looks aside, in degrees, and how far its person is from the photo's.

        The distance is that of descriptors; two photos of one person are about 0.43 apart. What
        cannot be measured is nan: both where no face is seen in the portrait, the distance where
        none was in the photo.
        """
        if self._tools is None:
            return np.nan, np.nan
        with self._lock:
            measured = unpack(measure_photo(portrait.image, self._tools)[None])
        before = np.nan if portrait.descriptor is None else portrait.descriptor
        return float(measured.yaw[0]), float(np.linalg.norm(measured.descriptor[0] - before))

    def _find(self, photo: Photo) -> list[FoundFace]:
        gray = _read(photo)
        if self._tools is None:
            return take_whole(gray).faces
        with self._lock:
            return find_faces(gray, self._tools).faces


def load_aligner(
    weights: os.PathLike | str = SHIPPED, step: int = 0, already_aligned: bool = False
) -> Aligner:
    """An aligner with the weights that come with facealign, or others.

    Args:
      weights: a file of `--mode=pack`, or the workdir of a run.
      step: of the run's checkpoint; 0 is the newest.
      already_aligned: photos are canonical crops; no detector is needed.

    Raises:
      UserError: no such weights or run, or requirements-faces.txt is not installed.
    """
    method = load_method(weights, step)
    return Aligner(method, None if already_aligned else load_tools())


def load_method(weights: os.PathLike | str = SHIPPED, step: int = 0) -> Method:
    """The network of a weights file or of a run, as a method; the rest as `load_aligner`."""
    model = load_frontalizer(weights, step)
    translate, size = make_translate(model.networks), model.config.data.image_size

    def frontal(crops: np.ndarray, _: np.ndarray) -> np.ndarray:
        images = to_uint8(translate(model.state, _resize(crops, size), "decoder_r"))
        return _resize(images, crops.shape[1])

    return Method(model.name, frontal)


METHODS: dict[str, Method | None] = {  # other ways to a portrait, as the report compares them
    "network": None,
    "geometric": Method("geometric alignment", lambda crops, _: crops),
    "turn": Method("generic 3D turn", lambda crops, poses: turn_back(crops, *poses.T)),
}


def load_frontalizer(weights: os.PathLike | str = SHIPPED, step: int = 0) -> SavedModel:
    """The same as a model with the networks of `packed_weights.KEPT` alone.

    Raises:
      UserError: as `load_aligner`, or a model without them.
    """
    model = load_model(weights, step)
    if not set(KEPT) <= set(model.networks):
        raise UserError(f"--checkpoint={weights} has no decoder of R to make portraits with")
    return model._replace(networks={role: model.networks[role] for role in KEPT})


def _read(photo: Photo) -> Image.Image:
    """A photo of any kind as a gray image."""
    if isinstance(photo, Image.Image):
        return to_gray(ImageOps.exif_transpose(photo))
    if isinstance(photo, np.ndarray):
        return to_gray(Image.fromarray(photo[..., 0] if photo.shape[2:] == (1,) else photo))
    with open(photo, "rb") as file:
        return read_gray(file.read())


def _resize(images: np.ndarray, size: int) -> np.ndarray:
    """uint8 [N, H, H, 1] to [N, size, size, 1]."""
    if images.shape[1] == size:
        return images
    pictures = (Image.fromarray(image[..., 0]) for image in images)
    resized = [np.asarray(p.resize((size, size), Image.Resampling.LANCZOS)) for p in pictures]
    return np.stack(resized)[..., None]
