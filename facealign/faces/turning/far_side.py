"""The far side of a portrait from the front: the near one, mirrored as the portrait shows it.

Ears and hair stick out of the fitted head, and beside a far cheek the photo shows the background;
what is mirrored point by point ends at the head's outline, or is not there. NumPy.
"""

import numpy as np
from scipy import ndimage

from facealign.faces.turning.ramp import ramp
from facealign.faces.turning.scene import Reach
from facealign.faces.turning.turn import View

# Lengths in cm, heights above the eyes.
UPPER, LOWER = (16.0, 14.0), (-13.0, -11.0)  # heights of the ends of what is mirrored
SIDE = (1.5, 3.5)  # beside the middle of the portrait, over which its far side begins
HAIR, EAR, JAW = (2.5, 4.0), (1.5, 2.3), (0.4, 1.2)  # beside the head: how far they reach
HAIRLINE, LOBES = (1.5, 4.0), (-7.5, -5.5)  # heights over which ears end
PERSON = (0.75, 0.95)  # of the matte: what is mirrored
# How well the photo has to show what is not replaced: skin, and hair, which differs more between
# the two sides; smoothed by cm.
SKIN, TRESS, SOFT = (0.35, 0.75), (0.05, 0.35), 0.2
BACKGROUND, MARGIN, FEATHER = (0.5, 0.9), 0.25, 0.15  # of the matte: what is; near it; its softness
TURNED, ASIDE = (9.0, 12.0), (0.1, 0.17)  # degrees that a photo has to be turned; to that side
AHEAD = (0.03, 0.1)  # sine of the yaw of the portrait, which has to look ahead


def mirror_side(view: View, reach: Reach, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places in the photo of the far side, [S, S, 2], and how much they are to be seen, [S, S].

    Args:
      view: of the head.
      reach: where the view reads the photo.
      own: how much each pixel is from its own place, [S, S], 0 to 1.
    """
    scale, size = float(view.camera.scale), len(own)
    middle, columns = float(view.camera.shift[0]), np.arange(size)
    mirrored = np.rint(2 * middle - columns).astype(int)
    far = ramp((columns - middle) * np.sign(reach.way) / scale, SIDE)
    far = far * ((mirrored >= 0) & (mirrored < size))
    mirrored = mirrored.clip(0, size - 1)
    height = (view.eyes - np.arange(size)[:, None]) / scale
    missing = _missing(view, reach, height, scale)
    shown = np.where(view.surface, missing, _around(reach.beside, height))
    shown = shown * own[:, mirrored] * ramp(reach.person[:, mirrored], PERSON)
    turned = ramp(reach.angle, TURNED) * ramp(abs(reach.way), ASIDE)
    turned = turned * (1 - ramp(abs(float(view.camera.rotation[0, 2])), AHEAD))
    share = turned * far * ramp(height, UPPER) * ramp(height, LOWER) * shown
    return reach.place[:, mirrored], share


def _missing(view: View, reach: Reach, height: np.ndarray, scale: float) -> np.ndarray:
    """Where the photo does not show the head: hidden, or in truth the background. [S, S]."""
    weight = ndimage.gaussian_filter(view.own.weight, SOFT * scale)
    high = ramp(height, HAIRLINE)
    shown = ramp(weight, SKIN) * (1 - high) + ramp(weight, TRESS) * high
    person = ndimage.minimum_filter(reach.person, 2 * round(MARGIN * scale) + 1)
    person = ramp(ndimage.gaussian_filter(person, FEATHER * scale), BACKGROUND)
    return np.maximum(1 - shown, 1 - person)


def _around(beside: np.ndarray, height: np.ndarray) -> np.ndarray:
    """What hair, ears and jaws may cover beside the head, [S, S]."""
    hair, ear, jaw = (1 - ramp(beside, reach) for reach in (HAIR, EAR, JAW))
    high, low = ramp(height, HAIRLINE), ramp(height, LOBES)
    return jaw + (ear + (hair - ear) * high - jaw) * low
