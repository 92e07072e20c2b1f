"""Portraits from the photo's own pixels: what it shows, what the other side shows, and the rest.

The head is turned in 3D, the scene stays. Hidden pixels are those of the other side of the head, in
the light of this side; what neither side shows is filled smoothly; a network may mend the rest.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from facealign.faces.turning.background import (
    choose_colour,
    find_person,
    is_plain,
    replace_background,
)
from facealign.faces.turning.completion import load_completion, mend
from facealign.faces.turning.layout import GRID, lay_out
from facealign.faces.turning.matte import Matte
from facealign.faces.turning.paint import blend, paint
from facealign.faces.turning.style import Style
from facealign.faces.turning.turn import FACE
from facealign.faces.turning.window import TIGHT, Window, choose_window, enlarge
from facealign.geometry import camera as cameras
from facealign.geometry import frame
from facealign.geometry.fit import Head

SMALLEST, LARGEST = 128, 2048  # px of portraits that are as large as in the photo


class Composed(NamedTuple):
    """A portrait of S x S px."""

    image: np.ndarray  # uint8 [S, S, 3]
    # float32 [G, G, 2], 0 to 1, of the whole frame: how much is from its own place in the photo,
    # and how much from the other side; the rest is filled, or mended much.
    shares: np.ndarray
    seen: float  # share of the face that the photo shows
    within: float  # share of the portrait that the photo holds
    held: float  # px of the photo across the portrait
    to_crop: np.ndarray  # [2, 3], transformation of the portrait to its canonical crop
    window: Window  # of the frame


def compose_portrait(
    photo: Image.Image, head: Head, matte: Matte, style: Style, window: Window | None = None
) -> Composed:
    """The portrait of a head.

    Args:
      photo: in colour.
      head: fitted to it, without a batch axis.
      matte: of the person whose head it is.
      style: of the portrait.
      window: of the frame; None chooses it.
    """
    layout = lay_out(photo, head, matte, (style.yaw, style.pitch))
    view, reach, held, sources = layout
    window = window or (TIGHT if style.frame == "tight" else choose_window(held))
    inside = window.side * GRID * float(head.camera.scale / view.camera.scale)
    size = style.size or int(np.clip(round(inside), SMALLEST, LARGEST))
    coarse = blend(photo, head.camera, layout) if reach.turned else None
    image = paint(photo, head.camera, layout, coarse, window, size)
    shares = sources.shares
    if style.completion and style.from_front and coarse is not None:
        yaw = float(cameras.angles_of(head.camera.rotation)[0])
        added, fades, plain = mend(coarse.image, layout, yaw, *load_completion(style.completion))
        fade = enlarge(fades, window, size).clip(0, 1)[..., None]
        image += (enlarge(plain, window, size) - image) * fade
        image += enlarge(added, window, size)
        shares = shares * (1 - fades)[..., None]
    if reach.agrees and is_plain(style.background, reach.angle):
        person = enlarge(find_person(view, reach, matte, sources.far), window, size).clip(0, 1)
        colour = choose_colour(style.background, photo, matte)
        image = replace_background(image, person, colour)
    face = view.surface & (view.part == FACE)
    shown = held * (1 - reach.turned * (1 - view.own.weight))
    return Composed(
        np.rint(image.clip(0, 255)).astype(np.uint8),
        # Where the photo ends, a head that is not turned shows its border, which is invented too.
        shares * (1 - (1 - reach.turned) * (1 - held))[..., None],
        float(shown[face].mean()) if face.any() else 0.0,
        float(enlarge(held, window, GRID).clip(0, 1).mean()),
        inside,
        frame.invert(frame.compose(window.matrix(GRID, size), frame.to_portrait(GRID))),
        window,
    )
