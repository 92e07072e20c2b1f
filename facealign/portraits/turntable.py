"""A head that looks from side to side."""

import numpy as np
from PIL import Image

from facealign.faces.face import Face
from facealign.portraits.compose import compose_portrait
from facealign.portraits.style import Style

FARTHEST, COUNT = 40.0, 13  # degrees to each side; images from one side to the other
LARGEST = 512  # px


def swing(face: Face, style: Style) -> list[Image.Image]:
    """The images of a head that looks to one side, to the other and back, in one frame."""
    photo = Image.fromarray(face.patch.pixels)
    front = compose_portrait(photo, face.head, style._replace(yaw=0.0))
    style = style._replace(size=min(len(front.image), LARGEST))
    images = []
    for share in np.sin(np.linspace(-np.pi / 2, np.pi / 2, COUNT)):
        turned = style._replace(yaw=float(FARTHEST * share))
        made = compose_portrait(photo, face.head, turned, front.window)
        images.append(Image.fromarray(made.image).convert("L" if style.gray else "RGB"))
    return images + images[-2:0:-1]
