"""Makes frontal portraits of photos.

from facealign import align

aligner = align.load_aligner()
for portraits in aligner(["one.jpg", "another.jpg"]):  # a list of portraits for each photo
    for portrait in portraits:
        portrait.picture.save("portrait.png")
"""

import os
import threading
from collections.abc import Sequence
from itertools import islice

import numpy as np
from PIL import Image

from facealign.faces.face import ReadFaces, load_read
from facealign.faces.find import FoundFaces, find_faces, take_whole
from facealign.faces.tools import FaceTools, load_tools, warn
from facealign.faces.turning.style import USUAL_STYLE, Style
from facealign.images import BadPhotoError, convert, read_photo, upright
from facealign.portraits.methods import Method, load_method
from facealign.portraits.portrait import Portrait

AT_ONCE = 16  # photos that are read together
Photo = str | os.PathLike | Image.Image | np.ndarray


class Aligner:
    """Makes frontal portraits of photos. Several threads may call it at once.

    Args:
      method: makes portraits of faces.
      tools: the face tools; None if all photos are canonical crops.
      read: reads the heads of faces; None: by the reader that comes with facealign.
    """

    def __init__(self, method: Method, tools: FaceTools | None, read: ReadFaces | None = None):
        self.method = method
        self._tools = tools
        self._read = read or load_read()
        self._lock = threading.Lock()  # the face tools are for one thread at a time

    def __call__(self, photos: Sequence[Photo]) -> list[list[Portrait]]:
        """A list of portraits for each photo, one for each face that is found, largest first.

        A face that is covered, or perhaps no human one, has none.

        Args:
          photos: paths, PIL images, or arrays uint8 [H, W], [H, W, 1] or [H, W, 3]. Without face
            tools, a photo that is not square gives [].

        Raises:
          BadPhotoError, OSError: a file is not a photo, or cannot be read.
        """
        portraits = []
        for start in range(0, len(photos), AT_ONCE):
            found = [self._find(photo).patches for photo in photos[start : start + AT_ONCE]]
            noted = iter(self._read([patch for patches in found for patch in patches]))
            usable = [[f for f, note in islice(noted, len(p)) if f and not note] for p in found]
            made = iter(self.method.make([face for faces in usable for face in faces]))
            portraits += [[*islice(made, len(faces))] for faces in usable]
        return portraits

    def measure(self, portrait: Portrait) -> tuple[float, float]:
        """The yaw of a portrait in degrees, and the distance of its descriptor from the photo's.

        Two photos of one person have a distance of about 0.43. It is nan without
        requirements-faces.txt, and the yaw too if no head can be read in the portrait.
        """
        ((face, _),) = self._read([portrait.patch])
        if face is None:
            return np.nan, np.nan
        if self._tools is None or self._tools.describe is None:
            return float(face.angles[0]), np.nan
        with self._lock:
            before, after = (
                self._tools.describe(one.crop, one.landmarks) for one in (portrait.face, face)
            )
        return float(face.angles[0]), float(np.linalg.norm(after - before))

    def _find(self, photo: Photo) -> FoundFaces:
        image = _read(photo)
        if self._tools is None:
            return take_whole(image, self.method.detail)
        with self._lock:
            return find_faces(image, self._tools.search, self.method.detail)


def load_aligner(
    weights: os.PathLike | str = "",
    step: int = 0,
    already_aligned: bool = False,
    style: Style = USUAL_STYLE,
    method: str = "",
) -> Aligner:
    """An aligner that turns the photo's own pixels, or with a network.

    Args:
      weights, step, style, method: as in `load_method`.
      already_aligned: whether photos are canonical crops, in which no face has to be found.

    Raises:
      UserError: as in `load_method`.
    """
    chosen = load_method(method, style, weights, step)
    if already_aligned:
        return Aligner(chosen, None)
    warn()
    return Aligner(chosen, load_tools())


def _read(photo: Photo) -> Image.Image:
    """Reads or converts a photo of any type to a colour image."""
    if isinstance(photo, Image.Image):
        return convert(upright(photo), channels=3)
    if isinstance(photo, np.ndarray):
        image = Image.fromarray(photo[..., 0] if photo.shape[2:] == (1,) else photo)
        return convert(image, channels=3)
    with open(photo, "rb") as file:
        content = file.read()
    try:
        return read_photo(content, 3)
    except BadPhotoError as error:
        raise BadPhotoError(f"{photo}: {error}") from None
