"""The far ear of a portrait from the front: the near one, mirrored as the portrait shows it. NumPy.

An ear sticks out of the fitted head, so what is mirrored point by point ends at the head's outline.
"""

import numpy as np

from facealign.faces.turning.ramp import ramp
from facealign.faces.turning.scene import ASIDE, Reach
from facealign.faces.turning.turn import SKULL, View

UPPER, LOWER = (3.0, 1.5), (-6.0, -4.5)  # cm above the eyes: ends of ears
OUT, FREE = (1.0, 1.4), (1.5, 2.3)  # cm beside the head: how far ears reach; what is free there
HAIR = (0.15, 0.4)  # shares of hair there, which would be cut off
RIM = (0.8, 1.6)  # cm inside of the outline over which hidden skin next to it comes along
PERSON = (0.55, 0.85)  # of the matte: what is an ear
TURNED, AHEAD = (14.0, 24.0), (0.03, 0.1)  # degrees that a photo has to be turned; sine of yaw


def mirror_ear(view: View, reach: Reach, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places in the photo of a far ear, [S, S, 2], and how much it is to be seen, [S, S].

    Args:
      view: of the head.
      reach: where the view reads the photo.
      own: how much each pixel is from its own place, [S, S], 0 to 1.
    """
    scale, size = float(view.camera.scale), len(own)
    middle, columns = float(view.camera.shift[0]), np.arange(size)
    mirrored = np.rint(2 * middle - columns).astype(int)
    within = (mirrored >= 0) & (mirrored < size)
    mirrored = mirrored.clip(0, size - 1)
    far = (columns - middle) * reach.way > 0
    person = ramp(reach.person[:, mirrored], PERSON) * (far & within)
    free = ((reach.beside > FREE[0]) & (reach.beside < FREE[1]) & far).astype(np.float32)
    height = (view.eyes - np.arange(size)) / scale
    rows = (ramp(height, UPPER) * ramp(height, LOWER))[:, None]
    hair = (free * rows * person).sum() / max((free * rows).sum(), 1)
    rim = (1 - ramp(reach.inside, RIM)) * (1 - view.own.weight)
    shown = np.where(view.part == SKULL, 1, rim) * own[:, mirrored]
    shown = np.where(view.surface, shown, 1 - ramp(reach.beside, OUT))
    turned = ramp(reach.angle, TURNED) * ramp(abs(reach.way), ASIDE)
    turned = turned * (1 - ramp(abs(float(view.camera.rotation[0, 2])), AHEAD))
    share = turned * (1 - ramp(hair, HAIR)) * rows * shown * person
    return reach.place[:, mirrored], share
