"""Where the pixels of a portrait frame come from, found on a coarse grid, once for all sizes."""

from typing import NamedTuple

import jax
import numpy as np

from facealign.faces.turning.matte import Matte
from facealign.faces.turning.scene import Reach, map_scene
from facealign.faces.turning.sources import Sources, find_sources, hold
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


def find_points(head: Head) -> np.ndarray:
    """The vertices [V, 3] of a head, in cm."""
    return np.asarray(_shape(head.identity, head.expression))


@jax.jit
def _shape(identity: jax.Array, expression: jax.Array) -> jax.Array:
    return heads.shape(heads.load_head(), identity, expression)
