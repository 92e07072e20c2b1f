"""A head that looks from side to side."""

import numpy as np
from PIL import Image

from facealign.faces.turning.background import is_plain
from facealign.faces.turning.compose import compose_portrait
from facealign.faces.turning.matte import find_matte
from facealign.faces.turning.style import Style
from facealign.portraits.portrait import Portrait

FARTHEST, COUNT = 40.0, 13  # degrees to each side; images from one side to the other
LARGEST = 512  # px


def swing(portrait: Portrait, style: Style) -> list[Image.Image]:
    """The head of a portrait as it looks to one side, to the other and back, in the same frame."""
    photo, head = Image.fromarray(portrait.face.patch.pixels), portrait.face.head
    matte = find_matte(photo, head.camera)
    # Only views from the front are mended, so one frame would differ from all others.
    style = style._replace(size=min(len(portrait.image), LARGEST), completion="")
    if style.background == "auto":  # the same in all views, that of the portrait
        angle = abs(float(portrait.face.angles[0]))
        style = style._replace(background="plain" if is_plain("auto", angle) else "keep")
    images = []
    for share in np.sin(np.linspace(-np.pi / 2, np.pi / 2, COUNT)):
        turned = style._replace(yaw=float(FARTHEST * share))
        made = compose_portrait(photo, head, matte, turned, portrait.window)
        images.append(Image.fromarray(made.image).convert("L" if style.gray else "RGB"))
    return images + images[-2:0:-1]
