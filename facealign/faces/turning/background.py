"""What stands behind the person of a portrait: the photo's own scene, or a plain colour. NumPy."""

import numpy as np
from PIL import Image
from scipy import ndimage

from facealign.faces.turning.matte import Matte
from facealign.faces.turning.pyramids import fill
from facealign.faces.turning.ramp import ramp
from facealign.faces.turning.scene import AWAY, Reach
from facealign.faces.turning.sources import GHOST, Core
from facealign.faces.turning.turn import View

KEPT = 45.0  # degrees of turning up to which auto keeps the scene
EDGE = 0.12  # cm: how soft the outline of the head is
OWN = (0.6, 0.95)  # of the matte: where a pixel's colour is the person's alone
COARSE = 64  # px of a photo for its tone
LEAST = 0.02  # share of a photo that has to be background for its tone


def is_plain(background: str, angle: float) -> bool:
    """Whether the scene of a head that is turned by an angle in degrees is taken away."""
    return angle > KEPT if background == "auto" else background != "keep"


def find_person(view: View, reach: Reach, matte: Matte, far: np.ndarray) -> np.ndarray:
    """How much of each pixel of a portrait is the person, [S, S], 0 to 1.

    That is the head, whatever the matte says of it, what the matte finds beside it, and what is
    mirrored as a whole (`Sources.far`).
    """
    scale = float(view.camera.scale)
    head = ndimage.gaussian_filter(view.surface.astype(np.float32), EDGE * scale)
    found = matte.at(reach.place)
    # Beside a turned head the photo may show the same head again.
    again = ramp(Core(reach, scale).at(reach.place), GHOST) * ramp(reach.beside, AWAY)
    return np.maximum.reduce([head, found * (1 - reach.turned * again), far]).clip(0, 1)


def choose_colour(background: str, photo: Image.Image, matte: Matte) -> np.ndarray:
    """The colour [3] of a plain background: the given one, or the mean of the photo's own.

    Args:
      background: as in `Style`, plain or a colour.
      photo: in colour.
      matte: of it.
    """
    if background.startswith("#"):
        return np.frombuffer(bytes.fromhex(background[1:]), np.uint8).astype(np.float32)
    small = photo.resize((COARSE, COARSE), Image.Resampling.BOX)
    rows, columns = np.mgrid[:COARSE, :COARSE] + 0.5
    place = np.stack([columns * photo.width, rows * photo.height], axis=-1) / COARSE - 0.5
    behind = (1 - matte.at(place)) ** 2
    if behind.mean() < LEAST:
        behind = np.ones_like(behind)
    return (np.asarray(small) * behind[..., None]).sum(axis=(0, 1)) / behind.sum()


def replace_background(image: np.ndarray, person: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """An image [S, S, 3] with the person, [S, S] from 0 to 1, before a plain colour [3].

    The colour of a pixel that is partly the person's is taken from those that are all the person's.
    """
    own = ramp(person, OWN).astype(np.float32)
    inner = fill(image.astype(np.float32), own)
    colours = inner + (image - inner) * own[..., None]
    return colour + (colours - colour) * person[..., None]
