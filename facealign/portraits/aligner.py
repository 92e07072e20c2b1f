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
from itertools import islice
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from facealign.errors import UserError
from facealign.faces.detector import Box
from facealign.faces.dlib_tools import FaceTools, load_tools
from facealign.faces.face import Face, ReadFaces, load_read, poses_of
from facealign.faces.find import FoundFaces, Patch, find_faces, take_whole
from facealign.faces.measure import measure_photo, unpack
from facealign.geometry.frame import SIZE
from facealign.geometry.views import turn_back
from facealign.images import BadPhotoError, convert, read_photo, to_uint8
from facealign.models.packed_weights import KEPT, SHIPPED
from facealign.training.saved_model import SavedModel, check_crops, load_model
from facealign.training.translate import make_translate

AT_ONCE = 32  # photos whose pixels are in memory
Photo = str | os.PathLike | Image.Image | np.ndarray


class Portrait(NamedTuple):
    """A frontal portrait of a face, and the face in its photo."""

    image: np.ndarray  # uint8 [128, 128]: the portrait
    crop: np.ndarray  # uint8 [128, 128]: canonical crop of the photo
    size: int  # side of the crop in px of the photo
    box: Box | None  # left, top, right, bottom in px of the photo; None for an aligned photo
    angles: np.ndarray  # [3]: yaw, pitch and roll of the head in the photo, degrees
    error: float  # of the fitted head in px of the crop
    doubt: float  # of the reader, in px; large if the face is strange or covered
    landmarks: np.ndarray  # [68, 2], (x, y) in px of the crop

    @property
    def yaw(self) -> float:
        """In degrees."""
        return float(self.angles[0])


class Method(NamedTuple):
    """A way from a crop to a portrait: a trained network, or one of `METHODS` without a network."""

    name: str
    # From canonical crops uint8 [N, 128, 128, 1] and poses [N, 2] (yaw and pitch in degrees) to
    # portraits of the shape of the crops. Networks ignore the poses.
    frontal: Callable[[np.ndarray, np.ndarray], np.ndarray]


class Aligner:
    """Makes frontal portraits of photos. Several threads may call it at once.

    Args:
      method: makes portraits of canonical crops.
      tools: the face tools; None if all photos are canonical crops.
      read: reads the heads of faces; None: by the reader that comes with facealign.
    """

    def __init__(self, method: Method, tools: FaceTools | None, read: ReadFaces | None = None):
        self.method = method
        self._tools = tools
        self._read = read or load_read()
        self._lock = threading.Lock()  # dlib's detector is not thread-safe

    def __call__(self, photos: Sequence[Photo]) -> list[list[Portrait]]:
        """A list of portraits for each photo, one for each face that is found, largest first.

        Args:
          photos: paths, PIL images, or arrays uint8 [H, W], [H, W, 1] or [H, W, 3]. Without face
            tools, a photo that is not square gives [].

        Raises:
          BadPhotoError, OSError: a file is not a photo, or cannot be read.
        """
        faces = []
        for start in range(0, len(photos), AT_ONCE):
            found = [self._find(photo).patches for photo in photos[start : start + AT_ONCE]]
            noted = iter(self._read([patch for patches in found for patch in patches]))
            faces += [[f for f, _ in islice(noted, len(patches)) if f] for patches in found]
        images = iter(make_portraits(self.method, [face for some in faces for face in some]))
        return [[_create_portrait(next(images), face) for face in some] for some in faces]

    def measure(self, portrait: Portrait) -> tuple[float, float]:
        """The yaw of a portrait in degrees, and the distance of its descriptor from the photo's.

        Two photos of one person have a distance of about 0.43. It is nan without face tools, and if
        they see no face in the crop or the portrait, as in the crops of most true profiles.
        """
        ((face, _),) = self._read([whole_patch(portrait.image[..., None])])
        yaw = float(face.angles[0])
        if self._tools is None:
            return yaw, np.nan
        with self._lock:
            pair = [measure_photo(image, self._tools) for image in (portrait.crop, portrait.image)]
        crop, after = unpack(np.array(pair)).descriptor
        return yaw, float(np.linalg.norm(after - crop))

    def _find(self, photo: Photo) -> FoundFaces:
        image = _read(photo)
        if self._tools is None:
            return take_whole(image)
        with self._lock:
            return find_faces(image, self._tools)


def make_portraits(method: Method, faces: Sequence[Face]) -> np.ndarray:
    """The portraits uint8 [N, 128, 128, 1] of N faces."""
    if not faces:
        return np.zeros((0, SIZE, SIZE, 1), np.uint8)
    return method.frontal(np.stack([face.crop for face in faces]), poses_of(faces))


def _create_portrait(image: np.ndarray, face: Face) -> Portrait:
    about = face.size, face.box, face.angles, face.error, face.doubt, face.landmarks
    return Portrait(image[..., 0], face.crop[..., 0], *about)


def whole_patch(portrait: np.ndarray) -> Patch:
    """A portrait uint8 [128, 128, 1] as a face to be read."""
    return take_whole(Image.fromarray(portrait[..., 0]).convert("RGB")).patches[0]


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
    """Reads or converts a photo of any type to a colour image."""
    if isinstance(photo, Image.Image):
        return convert(ImageOps.exif_transpose(photo), channels=3)
    if isinstance(photo, np.ndarray):
        image = Image.fromarray(photo[..., 0] if photo.shape[2:] == (1,) else photo)
        return convert(image, channels=3)
    with open(photo, "rb") as file:
        content = file.read()
    try:
        return read_photo(content, 3)
    except BadPhotoError as error:
        raise BadPhotoError(f"{photo}: {error}") from None


def _resize(images: np.ndarray, size: int) -> np.ndarray:
    """Resizes images uint8 [N, H, H, 1] to [N, size, size, 1]."""
    if images.shape[1] == size:
        return images
    pictures = (Image.fromarray(image[..., 0]) for image in images)
    resized = [np.asarray(p.resize((size, size), Image.Resampling.LANCZOS)) for p in pictures]
    return np.stack(resized)[..., None]
