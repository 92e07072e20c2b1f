"""Paints a portrait: own pixels, those of the other side in this side's light, and filled holes.

Light and blending are found on the coarse grid of the layout; details are read at any size.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from facealign.faces.turning.layout import GRID, Layout
from facealign.faces.turning.light import read_sides, relight
from facealign.faces.turning.pixels import Pixels
from facealign.faces.turning.pyramids import fill, keep
from facealign.faces.turning.sources import own_share
from facealign.faces.turning.window import Window, enlarge, enlarge_some
from facealign.geometry.camera import Camera


class Coarse(NamedTuple):
    """What is found once in the coarse frame, [G, G, ...], float32."""

    light: np.ndarray  # [G, G, 3], for `relight`
    filled: np.ndarray  # [G, G, 3]: colours where nothing is known
    known: np.ndarray  # [G, G], 0 to 1
    moved: np.ndarray  # [G, G, 3]: what blending does to the coarse colours
    image: np.ndarray  # [G, G, 3]: the portrait itself


def blend(photo: Image.Image, camera: Camera, layout: Layout) -> Coarse:
    """The light of the other side, what neither side shows, and how both sides meet.

    Args:
      photo: in colour.
      camera: of the photo.
      layout: of the portrait frame.
    """
    view, reach, _, sources = layout
    pixels = Pixels(photo, float(view.camera.scale / camera.scale))
    own, other, light = read_sides(pixels, camera, view, reach, sources)
    other = relight(other, light)
    known = sources.known
    mixed = _mix(own, other, sources.own_weight, sources.other_weight)
    filled = fill(mixed, known)
    differing = (filled - other) * sources.alike[..., None]
    moved = keep(differing, sources.choice) - differing * sources.choice[..., None]
    image = filled + (mixed - filled) * known[..., None] + moved
    replaced = sources.other_weight * (1 - sources.choice)
    image -= (image - moved - other) * replaced[..., None]
    return Coarse(light, filled, known, moved, image.clip(0, 255))


def paint(
    photo: Image.Image,
    camera: Camera,
    layout: Layout,
    coarse: Coarse | None,
    window: Window,
    size: int,
) -> np.ndarray:
    """The colours float32 [size, size, 3] of a window of a portrait frame: what is blended.

    Args:
      photo, camera, layout: as in `blend`.
      coarse: from `blend`; None if the head is not turned.
      window: of the frame.
      size: px.
    """
    sources = layout.sources
    detail = size / (window.side * GRID) * float(layout.view.camera.scale / camera.scale)
    pixels = Pixels(photo, detail)
    image = pixels.at(enlarge(sources.own, window, size))
    if coarse is None:
        return image
    others = np.maximum(sources.alike > 0, 1 - coarse.known)  # alike is at least other_weight
    some = np.nonzero(enlarge(others, window, size) > 0)
    weights = sources.own_weight, sources.other_weight, sources.choice, coarse.known
    shares = np.stack(weights, axis=-1)
    maps = (shares, sources.other, coarse.light, coarse.filled, coarse.moved)
    ends = np.cumsum([map_.shape[-1] for map_ in maps])[:-1]
    enlarged = enlarge_some(np.concatenate(maps, axis=-1), window, size, some)
    shares, place, light, filled, moved = np.split(enlarged, ends, axis=-1)
    weight, rest, choice, known = shares.clip(0, 1).T
    other = relight(pixels.at(place), light)
    first = _mix(image[some], other, weight, rest)
    first = filled + (first - filled) * known[:, None]
    image[some] = first + moved - (first - other) * (rest * (1 - choice))[:, None]
    return image


def _mix(own: np.ndarray, other: np.ndarray, weight: np.ndarray, rest: np.ndarray) -> np.ndarray:
    return other + (own - other) * own_share(weight, rest)[..., None]
