"""The far side of a portrait from the front: the near one, mirrored as the portrait shows it.

Ears and hair stick out of the fitted head, and beside a far cheek the photo shows the background;
what is mirrored point by point ends at the head's outline, or is not there. Hair further out stays:
it differs more between the sides, and with all of it heads look too wide. NumPy.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from facealign.faces.turning.ramp import ramp
from facealign.faces.turning.scene import Reach
from facealign.faces.turning.turn import NECK, View

# Lengths in cm, heights above the eyes.
LOWER = (-13.0, -11.0)  # heights of the lower end of what is mirrored
SIDE = (1.5, 3.5)  # beside the middle of the portrait, over which its far side begins
EAR, JAW = (1.2, 2.0), (0.1, 0.5)  # beside the head: how far ears and hair, and jaws, reach
LOBES, HAIRLINE = (-7.5, -5.5), (1.5, 4.0)  # heights over which ears and hair begin
# A mirrored neck would end in a step: heights over which what is beside the head begins; the soft
# edge below; cm beside the middle over which a neck ceases to be; its share of the head around.
BESIDE, EDGE, THROAT, NECK_SHARE = (-9.0, -7.5), (0.0, 0.3), (2.5, 4.0), (0.2, 0.8)
LEAST_HEAD = 0.25  # share of head around a pixel below which its neck counts less
PERSON = (0.75, 0.95)  # of the matte: what is mirrored
# How well the photo has to show what is not replaced: skin, and hair, which differs more between
# the two sides; smoothed by cm.
SKIN, TRESS, SOFT = (0.35, 0.75), (0.05, 0.35), 0.2
BACKGROUND, MARGIN, FEATHER = (0.5, 0.9), 0.25, 0.15  # of the matte: what is; near it; its softness
TURNED, ASIDE = (9.0, 12.0), (0.1, 0.17)  # degrees that a photo has to be turned; to that side
AHEAD = (0.03, 0.1)  # sine of the yaw of the portrait, which has to look ahead


class FarSide(NamedTuple):
    """A portrait of S x S px, mirrored about the middle of the head."""

    place: np.ndarray  # float32 [S, S, 2]: in px of the photo
    usable: np.ndarray  # [S, S], 0 to 1: whether it shows the person, and that is the far side
    share: np.ndarray  # [S, S], 0 to 1: how much it is to be seen
    alike: np.ndarray  # [S, S], 0 to 1: how much it may be mixed with what it replaces


def mirror_side(view: View, reach: Reach, own: np.ndarray) -> FarSide:
    """The far side, to be seen where the photo does not show the head itself; none without a matte.

    Args:
      view: of the head.
      reach: where the view reads the photo.
      own: how much each pixel is from its own place, [S, S], 0 to 1.
    """
    scale, size = float(view.camera.scale), len(own)
    out = outwards(view, reach)
    mirrored = np.rint(2 * float(view.camera.shift[0]) - np.arange(size)).astype(int)
    far = ramp(out, SIDE) * ((mirrored >= 0) & (mirrored < size))
    mirrored = mirrored.clip(0, size - 1)
    height = (view.eyes - np.arange(size)[:, None]) / scale
    turned = reach.agrees * ramp(reach.angle, TURNED) * ramp(abs(reach.way), ASIDE)
    turned = turned * (1 - ramp(abs(float(view.camera.rotation[0, 2])), AHEAD))
    usable = turned * own[:, mirrored] * ramp(reach.person[:, mirrored], PERSON)
    missing = _missing(view, reach, height, scale)
    shown = np.where(view.surface, missing, _around(reach.beside, height))
    shown = shown * (1 - _neck(view, reach, scale) * ramp(out, THROAT))
    share = usable * far * ramp(height, LOWER) * shown
    return FarSide(reach.place[:, mirrored], usable * (far > 0), share, share)


def outwards(view: View, reach: Reach) -> np.ndarray:
    """How far the columns of a portrait are on its far side, [S], cm from the middle."""
    columns = np.arange(len(view.surface)) - float(view.camera.shift[0])
    return columns * np.sign(reach.way) / float(view.camera.scale)


def _missing(view: View, reach: Reach, height: np.ndarray, scale: float) -> np.ndarray:
    """Where the photo does not show the head: hidden, or in truth the background. [S, S]."""
    weight = ndimage.gaussian_filter(view.own.weight, SOFT * scale)
    high = ramp(height, HAIRLINE)
    shown = ramp(weight, SKIN) * (1 - high) + ramp(weight, TRESS) * high
    person = ndimage.minimum_filter(reach.person, 2 * round(MARGIN * scale) + 1)
    person = ramp(ndimage.gaussian_filter(person, FEATHER * scale), BACKGROUND)
    return np.maximum(1 - shown, 1 - person)


def _neck(view: View, reach: Reach, scale: float) -> np.ndarray:
    """How much of the neck, or of what is beside it, [S, S], 0 to 1."""
    head, neck = (
        ndimage.gaussian_filter(mask.astype(np.float32), SOFT * scale)
        for mask in (view.surface, view.surface & (view.part == NECK))
    )
    return ramp(neck / np.maximum(head, LEAST_HEAD), NECK_SHARE)[tuple(reach.on_head)]


def _around(beside: np.ndarray, height: np.ndarray) -> np.ndarray:
    """What ears and jaws may cover beside the head, [S, S]."""
    ear, jaw, edge = (1 - ramp(beside, reach) for reach in (EAR, JAW, EDGE))
    jaw = edge + (jaw - edge) * ramp(height, BESIDE)
    return jaw + (ear - jaw) * ramp(height, LOBES)
