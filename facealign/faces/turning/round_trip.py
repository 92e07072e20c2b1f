"""Photos turned away by their own heads, and turned back: what portraits get wrong, and the truth.

The truth is the photo in the geometry of what came back: what was seen all the way along both ways,
the hidden part of the face vertex by vertex, smoothly in between, so that nothing but faults tells
the two apart.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from facealign.faces.turning.completion_input import draw_maps
from facealign.faces.turning.layout import GRID, Layout, find_points, lay_out
from facealign.faces.turning.matte import Matte
from facealign.faces.turning.paint import blend, paint
from facealign.faces.turning.pixels import Pixels
from facealign.faces.turning.pyramids import fill
from facealign.faces.turning.ramp import ramp
from facealign.faces.turning.scene import find_upright
from facealign.faces.turning.sources import hold
from facealign.faces.turning.turn import BEHIND, FACE, INNER, shown_triangles
from facealign.faces.turning.window import Window, choose_window
from facealign.geometry import camera as cameras
from facealign.geometry import frame, rasterize
from facealign.geometry import head as heads
from facealign.geometry.camera import Camera
from facealign.geometry.fit import Head

SIZES = (128, 320)  # px of a photo that is turned away
SURE = 0.85  # share of own pixels from which a place of the scene counts
RIM = (0.6, 1.4)  # cm from the outline of the head over which the scene begins to count
INSET = 0.6  # cm inside of the face that its vertices do not count
BLUR = (0.26, 0.65)  # cm: how the truth's places are smoothed in the face and beside it
FAR = 4.5  # cm: further shifts of the scene do not count
HIDDEN = 0.13  # cm: how what the photo itself hides is smoothed
TINY = 2e-4


class Away(NamedTuple):
    """A photo turned away."""

    photo: Image.Image
    camera: Camera  # of the head in it
    layout: Layout  # where its pixels come from
    to_frame: np.ndarray  # [2, 3], from its px to those of the layout


class RoundTrip(NamedTuple):
    """A portrait of a photo that was turned away, and the truth."""

    returned: np.ndarray  # uint8 [GRID, GRID, 3]
    target: np.ndarray  # uint8 [GRID, GRID, 3]
    maps: np.ndarray  # float32 [GRID / 2, GRID / 2, MAPS], as `draw_maps`
    known: np.ndarray  # float32 [GRID, GRID], 0 to 1: where the photo holds the truth


def turn_away(
    photo: Image.Image, head: Head, matte: Matte, angles: tuple[float, float], tight: float = 1.0
) -> Away:
    """A photo whose head looks elsewhere.

    Args:
      photo: in colour.
      head: fitted to it.
      matte: of the person whose head it is.
      angles: yaw and pitch of the head in the new photo, in degrees.
      tight: share of what the photo holds that the new one shows.
    """
    layout = lay_out(photo, head, matte, angles)
    window = choose_window(layout.held)
    side = window.side * tight
    left = window.left + (window.side - side) / 2
    window = Window(left, window.top + (window.side - side) / 2, side)
    inside = window.side * GRID * float(head.camera.scale / layout.view.camera.scale)
    size = int(np.clip(round(inside), *SIZES))
    coarse = blend(photo, head.camera, layout)
    image = paint(photo, head.camera, layout, coarse, window, size)
    matrix = window.matrix(GRID, size)
    turned = Image.fromarray(np.rint(image.clip(0, 255)).astype(np.uint8))
    camera = Camera(*map(np.asarray, cameras.transformed(layout.view.camera, matrix)))
    return Away(turned, camera, layout, frame.invert(matrix))


def turn_back(
    away: Away, seen: Image.Image, read: Head, matte: Matte, photo: Image.Image, head: Head
) -> RoundTrip:
    """The portrait of a photo that was turned away, and the truth.

    Args:
      away: what became of the photo.
      seen: the same picture, perhaps worse.
      read: the head that was read in it.
      matte: that was found in it.
      photo: in colour.
      head: fitted to the photo.
    """
    layout = lay_out(seen, read, matte)
    returned = blend(seen, read.camera, layout).image
    place, shown = _true_places(away, layout, read, head)
    detail = float(layout.view.camera.scale / head.camera.scale)
    target = Pixels(photo, detail).at(place)
    images = (np.rint(each.clip(0, 255)).astype(np.uint8) for each in (returned, target))
    return RoundTrip(*images, draw_maps(layout), shown * hold(place, photo.size))


def _true_places(
    away: Away, layout: Layout, read: Head, head: Head
) -> tuple[np.ndarray, np.ndarray]:
    """Where the photo shows what a portrait should, [GRID, GRID, 2] in its px; and whether."""
    view, reach, held, sources = layout
    scale = float(view.camera.scale)
    rows, columns = np.mgrid[:GRID, :GRID].astype(np.float32)
    grid = np.stack([columns, rows], axis=-1).reshape(-1, 2)
    still = frame.apply(find_upright(view.camera, head.camera), grid).reshape(GRID, GRID, 2)
    face, by_vertex, hidden = _vertex_places(view.camera, read, head)
    inside = ndimage.distance_transform_edt(face) / scale
    in_face = ramp(inside, (INSET, INSET + RIM[1] - RIM[0])).astype(np.float32)
    flat = reach.place.reshape(-1, 2)
    x, y = frame.apply(away.to_frame, flat).T.reshape(2, GRID, GRID)
    way = np.stack(
        [_look_up(axis, x, y) for axis in np.moveaxis(away.layout.reach.place, -1, 0)], -1
    )
    surely = np.minimum(sources.own_weight, _look_up(away.layout.sources.shares[..., 0], x, y))
    far = np.linalg.norm(way - still, axis=-1) / float(head.camera.scale)
    sure = ((surely > SURE) & (far < FAR)) * held
    edge = ramp(reach.beside + reach.inside, RIM)
    both = ndimage.minimum_filter((sure * np.maximum(edge, in_face)).astype(np.float32), 5)
    away_from_it = ndimage.distance_transform_edt(sure < 0.5) / scale
    vertex = in_face * ramp(away_from_it, RIM) * (1 - both)
    shift = (by_vertex - still) * vertex[..., None] + (way - still) * both[..., None]
    weight = (vertex + both).clip(0, 1)
    shift = fill((shift / (weight + TINY)[..., None]).astype(np.float32), weight.astype(np.float32))
    fine, coarse = (ndimage.gaussian_filter(shift, (b * scale, b * scale, 0)) for b in BLUR)
    share = ndimage.gaussian_filter(in_face, BLUR[0] * scale)[..., None]
    place = (still + fine * share + coarse * (1 - share)).astype(np.float32)
    hidden = ndimage.gaussian_filter(hidden.astype(np.float32), HIDDEN * scale) * (in_face > 0)
    return place, (1 - 2 * hidden).clip(0, 1)


def _vertex_places(portrait: Camera, read: Head, head: Head) -> tuple[np.ndarray, ...]:
    """Where a portrait of the read head shows the face, where the photo has it and hides it."""
    triangles = shown_triangles()
    wanted = np.asarray(cameras.project(find_points(read), portrait))
    seen = np.asarray(cameras.project(find_points(head), head.camera))
    drawn = rasterize.draw_triangles(wanted, triangles, (GRID, GRID))
    corners = triangles[np.maximum(drawn.triangle, 0)]
    place = (seen[corners] * drawn.shares[..., None]).sum(axis=2)
    part = heads.load_head().part[corners[..., 0]]
    face = (drawn.triangle >= 0) & np.isin(part, (FACE, *INNER))
    buffer = rasterize.DepthBuffer(seen, triangles, GRID)
    hidden = ~buffer.shows(place.reshape(-1, 3), BEHIND).reshape(face.shape) & (part == FACE) & face
    return face, place[..., :2], hidden


def _look_up(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return ndimage.map_coordinates(image, [y, x], order=1, mode="nearest")
