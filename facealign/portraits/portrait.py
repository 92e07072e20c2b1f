"""A portrait: its pixels, where they come from, and the face that it is of."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from facealign.faces.face import Face
from facealign.faces.find import Patch
from facealign.faces.search import Box
from facealign.faces.turning.window import Window, enlarge
from facealign.geometry import frame
from facealign.geometry.frame import PORTRAIT_SIZE


class Portrait(NamedTuple):
    """A frontal portrait of S x S px."""

    image: np.ndarray  # uint8 [S, S, 3], or [S, S, 1] if it is gray
    to_crop: np.ndarray  # [2, 3], transformation of the portrait to its canonical crop
    held: float  # px of the photo across the portrait
    face: Face  # in the photo
    within: float = 1.0  # share of the portrait that the photo holds
    seen: float | None = None  # share of the face that the photo shows; None if it is not known
    shares: np.ndarray | None = None  # as in `compose.Composed`; None if they are not known
    window: Window | None = None  # of the frame

    @property
    def sources(self) -> np.ndarray:
        """Where its pixels come from, uint8 [S, S, 3].

        How much is the photo's own (red), how much that of the other side of the head (green), and
        how much is invented (blue); their sum is 255. Only of heads that are turned in 3D.
        """
        shares = enlarge(self.shares, self.window, len(self.image)).clip(0, 1)
        own, other = np.moveaxis(np.rint(255 * shares).astype(np.uint8), -1, 0)
        other = np.minimum(other, 255 - own)
        return np.stack([own, other, 255 - own - other], axis=-1)

    @property
    def box(self) -> Box | None:
        """Left, top, right, bottom of the face in px of the photo; None in an aligned photo."""
        return self.face.box

    @property
    def yaw(self) -> float:
        """Of the head in the photo, in degrees."""
        return float(self.face.angles[0])

    @property
    def crop(self) -> np.ndarray:
        """Its canonical crop, gray, uint8 [128, 128, 1]."""
        return frame.crop(self.picture, self.to_crop)

    @property
    def before(self) -> Image.Image:
        """The face as it is in the photo, upright, in a portrait frame of 256 px."""
        matrix = frame.compose(frame.to_portrait(PORTRAIT_SIZE), self.face.to_crop)
        photo = Image.fromarray(self.face.patch.pixels)
        return Image.fromarray(frame.crop_large(photo, matrix, PORTRAIT_SIZE, 3))

    @property
    def patch(self) -> Patch:
        """The portrait as a face to be read."""
        return Patch(np.asarray(self.picture.convert("RGB")), np.eye(2, 3), None, self.to_crop)

    @property
    def picture(self) -> Image.Image:
        """Its pixels as a PIL image."""
        return Image.fromarray(self.image[..., 0] if self.image.shape[2] == 1 else self.image)
