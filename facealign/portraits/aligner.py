"""Makes frontal portraits of photos.

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
from facealign.images import BadPhotoError, convert, read_gray, to_uint8
from facealign.models.packed_weights import KEPT, SHIPPED
from facealign.training.saved_model import SavedModel, check_crops, load_model
from facealign.training.translate import make_translate

Photo = str | os.PathLike | Image.Image | np.ndarray


class Portrait(NamedTuple):
    """A frontal portrait of a face, and the face in its photo."""

    image: np.ndarray  # uint8 [128, 128]: the portrait
    crop: np.ndarray  # uint8 [128, 128]: canonical crop of the photo
    size: int  # side of the crop in px of the photo
    box: Box | None  # left, top, right, bottom in px of the photo; None for an aligned photo
    # Measured in the crop; nan or None if the face tools see no face, as in most true profiles.
    yaw: float  # degrees, or nan
    descriptor: np.ndarray | None  # [128], of the person
    landmarks: np.ndarray | None  # [68, 2], (x, y) in px of the crop


class Method(NamedTuple):
    """A way from a crop to a portrait: a trained network, or one of `METHODS` without a network."""

    name: str
    # From canonical crops uint8 [N, 128, 128, 1] and poses [N, 2] (yaw and pitch in degrees, nan
    # where unknown) to portraits of the shape of the crops. Networks ignore the poses.
    frontal: Callable[[np.ndarray, np.ndarray], np.ndarray]


class Aligner:
    """Makes frontal portraits of photos. Several threads may call it at once.

    Args:
      method: makes portraits of canonical crops.
      tools: the face tools; None if all photos are canonical crops.
    """

    def __init__(self, method: Method, tools: FaceTools | None):
        self.method = method
        self._tools = tools
        self._lock = threading.Lock()  # dlib's detector is not thread-safe

    def __call__(self, photos: Sequence[Photo]) -> list[list[Portrait]]:
        """A list of portraits for each photo, one for each face that is found, largest first.

        Args:
          photos: paths, PIL images, or arrays uint8 [H, W], [H, W, 1] or [H, W, 3]. Without face
            tools, a photo that is not square gives [].

        Raises:
          BadPhotoError, OSError: a file is not a photo, or cannot be read.
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
        """The yaw of a portrait in degrees, and the distance of its descriptor from the photo's.

        Two photos of one person have a distance of about 0.43. Yaw and distance are nan if the face
        tools see no face in the portrait; the distance is also nan if they see none in the crop.
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
    """An aligner with the packed weights that come with facealign, or with others.

    Args:
      weights: a file of packed weights (`--mode=pack`), or the workdir of a run.
      step: of the run's checkpoint; 0 is the newest.
      already_aligned: whether photos are canonical crops, so that no face tools are needed.

    Raises:
      UserError: there are no such weights, or requirements-faces.txt is not installed.
    """
    method = load_method(weights, step)
    return Aligner(method, None if already_aligned else load_tools())


def load_method(weights: os.PathLike | str = SHIPPED, step: int = 0) -> Method:
    """The network of packed weights or of a run as a method; arguments as in `load_aligner`.

    Raises:
      UserError: there are no such weights, or they have no decoder of R.
    """
    model = load_frontalizer(weights, step)
    translate, size = make_translate(model.networks), model.config.data.image_size

    def frontal(crops: np.ndarray, _: np.ndarray) -> np.ndarray:
        images = to_uint8(translate(model.state, _resize(crops, size), "decoder_r"))
        return _resize(images, crops.shape[1])

    return Method(model.name, frontal)


METHODS: dict[str, Method | None] = {  # the network and the baselines without a network
    "network": None,  # made by `load_method`
    "geometric": Method("geometric alignment", lambda crops, _: crops),
    "turn": Method("generic 3D turn", lambda crops, poses: turn_back(crops, *poses.T)),
}


def load_frontalizer(weights: os.PathLike | str = SHIPPED, step: int = 0) -> SavedModel:
    """A saved model with only the networks of the roles `KEPT`; arguments as in `load_aligner`.

    Raises:
      UserError: there are no such weights, they lack one of these networks, or they are for other
        images than gray canonical crops.
    """
    model = load_model(weights, step)
    if not set(KEPT) <= set(model.networks):
        raise UserError(f"--checkpoint={weights} has no decoder of R, which portraits need")
    check_crops(model.config, f"--checkpoint={weights}")
    return model._replace(networks={role: model.networks[role] for role in KEPT})


def _read(photo: Photo) -> Image.Image:
    """Reads or converts a photo of any type to a gray image."""
    if isinstance(photo, Image.Image):
        return convert(ImageOps.exif_transpose(photo), channels=1)
    if isinstance(photo, np.ndarray):
        image = Image.fromarray(photo[..., 0] if photo.shape[2:] == (1,) else photo)
        return convert(image, channels=1)
    with open(photo, "rb") as file:
        content = file.read()
    try:
        return read_gray(content)
    except BadPhotoError as error:
        raise BadPhotoError(f"{photo}: {error}") from None


def _resize(images: np.ndarray, size: int) -> np.ndarray:
    """Resizes images uint8 [N, H, H, 1] to [N, size, size, 1]."""
    if images.shape[1] == size:
        return images
    pictures = (Image.fromarray(image[..., 0]) for image in images)
    resized = [np.asarray(p.resize((size, size), Image.Resampling.LANCZOS)) for p in pictures]
    return np.stack(resized)[..., None]
