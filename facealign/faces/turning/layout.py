"""Where the pixels of a portrait frame come from, found on a coarse grid, once for all sizes."""

from typing import NamedTuple

import jax
import numpy as np
from PIL import Image

from facealign.faces.turning.far_side import mirror_side
from facealign.faces.turning.light import read_sides, relight
from facealign.faces.turning.matte import Matte
from facealign.faces.turning.pixels import Pixels
from facealign.faces.turning.scene import Reach, map_scene
from facealign.faces.turning.seam import move_seam
from facealign.faces.turning.sources import Sources, find_sources, hold, replace_side
from facealign.faces.turning.turn import View, portrait_camera, view_head
from facealign.geometry import head as heads
from facealign.geometry.fit import Head

GRID = 256  # px of the frame in which places are found


class Layout(NamedTuple):
    """Where the pixels of a portrait frame of GRID px come from."""

    view: View
    reach: Reach
    held: np.ndarray  # float32 [GRID, GRID], 0 to 1: what is inside of the photo
    sources: Sources


def lay_out(
    photo: Image.Image, head: Head, matte: Matte, angles: tuple[float, float] = (0.0, 0.0)
) -> Layout:
    """Where the pixels of a head's portrait come from.

    Args:
      photo: in colour.
      head: fitted to it, without a batch axis.
      matte: of the person whose head it is.
      angles: yaw and pitch of the head in the portrait, in degrees.
    """
    head = jax.tree.map(np.asarray, head)
    points = find_points(head)
    camera = portrait_camera(heads.load_head(), points, GRID, angles)
    view = view_head(points, head.camera, camera, GRID)
    reach = map_scene(view, points, head.camera, matte)
    held = hold(reach.place, photo.size)
    sources = find_sources(view, reach, held, photo.size)
    side = mirror_side(view, reach, sources.own_weight)
    if side.usable.any():
        pixels = Pixels(photo, float(camera.scale / head.camera.scale))
        own, _, light = read_sides(pixels, head.camera, view, reach, sources)
        side = move_seam(side, own, relight(pixels.at(side.place), light), view, reach)
        sources = replace_side(sources, side, float(camera.scale))
    return Layout(view, reach, held, sources)


def find_points(head: Head) -> np.ndarray:
    """The vertices [V, 3] of a head, in cm."""
    return np.asarray(_shape(head.identity, head.expression))


@jax.jit
def _shape(identity: jax.Array, expression: jax.Array) -> jax.Array:
    return heads.shape(heads.load_head(), identity, expression)
