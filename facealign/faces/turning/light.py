"""The light of one side of a face on pixels of the other side. NumPy."""

import numpy as np
from scipy import ndimage

from facealign.faces.turning.pixels import Pixels
from facealign.faces.turning.pyramids import double, fill, halve
from facealign.faces.turning.ramp import ramp
from facealign.faces.turning.scene import Reach
from facealign.faces.turning.sources import Sources
from facealign.faces.turning.turn import FACE, View
from facealign.geometry import camera as cameras
from facealign.geometry.camera import Camera

WIDE, SOFT = 1.3, 0.78  # cm over which the light of both sides is compared, and smoothed
REACH = (0.65, 3.9)  # cm beside the head from which it fades, and over which
RANGE, DARK = 1.2, 8.0  # largest log ratio of light; gray level added to it
ENOUGH = 0.3  # how well both sides have to be shown
YAWS = (28.0, 48.0)  # degrees over which the two sides have less and less in common


def compare_light(
    own: np.ndarray, other: np.ndarray, both: np.ndarray, view: View, reach: Reach, yaw: float
) -> np.ndarray:
    """How much brighter the light is than on the other side, smooth, [S, S, 3]; see `relight`.

    Args:
      own: colours [S, S, 3] of the pixels of a portrait.
      other: those of the same places on the other side of the head.
      both: how well both are shown, [S, S].
      view: of the head.
      reach: of the portrait.
      yaw: of the head in the photo, degrees.
    """
    both = (both * (both > ENOUGH) * (view.surface & (view.part == FACE))).astype(np.float32)
    ratio = np.log(own.clip(0) + DARK) - np.log(other.clip(0) + DARK)
    ratio = np.moveaxis(ratio.clip(-RANGE, RANGE), -1, 0) * both
    # All is smooth from here on, so half the pixels are enough.
    wide, soft = (deviation * float(view.camera.scale) / 2 for deviation in (WIDE, SOFT))
    known = ndimage.gaussian_filter(halve(both), wide)
    light = np.moveaxis(ndimage.gaussian_filter(halve(ratio), (0, wide, wide)), 0, -1)
    light = fill(light / (known[..., None] + 0.03), np.minimum(1, 4 * known))
    light = ndimage.gaussian_filter(np.moveaxis(light, -1, 0), (0, soft, soft))
    light = np.moveaxis(double(light, both.shape), 0, -1)
    start, width = REACH
    light *= np.exp(-((np.maximum(0, reach.beside - start) / width) ** 2))[..., None]
    return np.exp(light * (1 - ramp(abs(yaw), YAWS))).astype(np.float32)


def read_sides(
    pixels: Pixels, camera: Camera, view: View, reach: Reach, sources: Sources
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The colours of a portrait's own places and of the other side, and its light; [S, S, 3] each.

    Args:
      pixels: of the photo.
      camera: of the photo.
      view, reach, sources: of the portrait.
    """
    own, other = pixels.at(sources.own), pixels.at(sources.other)
    both = np.minimum(sources.own_weight, view.other.weight)
    yaw = float(np.asarray(cameras.angles_of(camera.rotation))[0])
    return own, other, compare_light(own, other, both, view, reach, yaw)


def relight(colours: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Colours of the other side in the light of this one, 0 to 255."""
    return ((colours + DARK) * light - DARK).clip(0, 255)
