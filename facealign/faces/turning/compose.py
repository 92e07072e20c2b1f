"""Portraits from the photo's own pixels: what it shows, what the other side shows, and the rest.

The head is turned in 3D, the scene stays. Hidden pixels are those of the other side of the head, in
the light of this side; what neither side shows is filled smoothly. Where pixels come from is found
on a coarse grid, once for all sizes. NumPy, but for what reads the photo.
"""

from typing import NamedTuple

import jax
import numpy as np
from PIL import Image

from facealign.faces.turning.background import (
    choose_colour,
    find_person,
    is_plain,
    replace_background,
)
from facealign.faces.turning.light import compare_light, relight
from facealign.faces.turning.matte import Matte
from facealign.faces.turning.pixels import Pixels
from facealign.faces.turning.pyramids import fill, keep
from facealign.faces.turning.scene import Reach, map_scene
from facealign.faces.turning.sources import Sources, find_sources, hold, own_share
from facealign.faces.turning.style import Style
from facealign.faces.turning.turn import FACE, View, portrait_camera, view_head
from facealign.faces.turning.window import TIGHT, Window, choose_window, enlarge, enlarge_some
from facealign.geometry import camera as cameras
from facealign.geometry import frame
from facealign.geometry import head as heads
from facealign.geometry.camera import Camera
from facealign.geometry.fit import Head

GRID = 256  # px of the frame in which places are found
SMALLEST, LARGEST = 128, 2048  # px of portraits that are as large as in the photo


class Layout(NamedTuple):
    """Where the pixels of a portrait frame of GRID px come from."""

    view: View
    reach: Reach
    held: np.ndarray  # float32 [GRID, GRID], 0 to 1: what is inside of the photo
    sources: Sources


class Composed(NamedTuple):
    """A portrait of S x S px."""

    image: np.ndarray  # uint8 [S, S, 3]
    # float32 [G, G, 2], 0 to 1, of the whole frame: how much is from its own place in the photo,
    # and how much from the other side; the rest is filled.
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
    layout = lay_out(head, matte, photo.size, (style.yaw, style.pitch))
    view, reach, held, sources = layout
    window = window or (TIGHT if style.frame == "tight" else choose_window(held))
    inside = window.side * GRID * float(head.camera.scale / view.camera.scale)
    size = style.size or int(np.clip(round(inside), SMALLEST, LARGEST))
    image = paint(photo, head.camera, layout, window, size)
    if reach.agrees and is_plain(style.background, reach.angle):
        person = enlarge(find_person(view, reach, matte), window, size).clip(0, 1)
        colour = choose_colour(style.background, photo, matte)
        image = replace_background(image, person, colour)
    face = view.surface & (view.part == FACE)
    shown = held * (1 - reach.turned * (1 - view.own.weight))
    return Composed(
        np.rint(image.clip(0, 255)).astype(np.uint8),
        # Where the photo ends, a head that is not turned shows its border, which is invented too.
        sources.shares * (1 - (1 - reach.turned) * (1 - held))[..., None],
        float(shown[face].mean()) if face.any() else 0.0,
        float(enlarge(held, window, GRID).clip(0, 1).mean()),
        inside,
        frame.invert(frame.compose(window.matrix(GRID, size), frame.to_portrait(GRID))),
        window,
    )


def lay_out(head: Head, matte: Matte, size: tuple[int, int], angles: tuple[float, float]) -> Layout:
    """Where the pixels of a head's portrait come from.

    Args:
      head: fitted to the photo, without a batch axis.
      matte: of the person whose head it is.
      size: width and height of the photo in px.
      angles: yaw and pitch of the head in the portrait, in degrees.
    """
    head = jax.tree.map(np.asarray, head)
    points = find_points(head)
    camera = portrait_camera(heads.load_head(), points, GRID, angles)
    view = view_head(points, head.camera, camera, GRID)
    reach = map_scene(view, points, head.camera, matte)
    held = hold(reach.place, size)
    return Layout(view, reach, held, find_sources(view, reach, held, size))


def paint(
    photo: Image.Image, camera: Camera, layout: Layout, window: Window, size: int
) -> np.ndarray:
    """The colours float32 [size, size, 3] of a window of a portrait frame.

    Args:
      photo: in colour.
      camera: of the photo.
      layout: of the frame.
      window: of the frame.
      size: px.
    """
    view, reach, _, sources = layout
    scale = size / (window.side * GRID)
    pixels = Pixels(photo, scale * float(view.camera.scale / camera.scale))
    if not reach.turned:
        return pixels.at(enlarge(sources.own, window, size))
    smooth = _blend_coarsely(photo, sources, view, reach, camera)
    return _paint(pixels, sources, smooth, window, size)


def find_points(head: Head) -> np.ndarray:
    """The vertices [V, 3] of a head, in cm."""
    return np.asarray(_shape(head.identity, head.expression))


@jax.jit
def _shape(identity: jax.Array, expression: jax.Array) -> jax.Array:
    return heads.shape(heads.load_head(), identity, expression)


class Smooth(NamedTuple):
    """What is found once in the coarse frame, [G, G, ...], float32."""

    light: np.ndarray  # [G, G, 3], for `relight`
    filled: np.ndarray  # [G, G, 3]: colours where nothing is known
    known: np.ndarray  # [G, G], 0 to 1
    moved: np.ndarray  # [G, G, 3]: what blending does to the coarse colours


def _blend_coarsely(
    photo: Image.Image, sources: Sources, view: View, reach: Reach, camera: Camera
) -> Smooth:
    """The light of the other side, what neither side shows, and how both sides meet."""
    pixels = Pixels(photo, float(view.camera.scale / camera.scale))
    own, other = pixels.at(sources.own), pixels.at(sources.other)
    yaw = float(np.asarray(cameras.angles_of(camera.rotation))[0])
    both = np.minimum(sources.own_weight, view.other.weight)
    light = compare_light(own, other, both, view, reach, yaw)
    other = relight(other, light)
    known = sources.known
    mixed = _mix(own, other, sources.own_weight, sources.other_weight)
    filled = fill(mixed, known)
    differing = (filled - other) * sources.other_weight[..., None]
    moved = keep(differing, sources.choice) - differing * sources.choice[..., None]
    return Smooth(light, filled, known, moved)


def _paint(
    pixels: Pixels, sources: Sources, smooth: Smooth, window: Window, size: int
) -> np.ndarray:
    """The colours [S, S, 3] of a window of the frame: the coarse blend, and details."""
    image = pixels.at(enlarge(sources.own, window, size))
    others = np.maximum(sources.other_weight > 0, 1 - smooth.known)
    some = np.nonzero(enlarge(others, window, size) > 0)
    shares = np.stack([*sources[2:], smooth.known], axis=-1)
    maps = (shares, sources.other, smooth.light, smooth.filled, smooth.moved)
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
