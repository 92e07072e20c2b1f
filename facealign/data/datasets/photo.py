"""A photo of a set, with what is known of it, before it is read."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from facealign.data.datasets.crops import Locate

ANGLES = ("yaw", "pitch", "roll")


class Photo(NamedTuple):
    """A photo that is not read yet."""

    file_name: str  # unique in its dataset
    subject: str
    domain: str  # unrestricted or restricted
    read: Callable[[], bytes]
    locate: Locate | None  # None: the position of the face is unknown
    yaw: float = np.nan  # degrees
    pitch: float = np.nan
    roll: float = np.nan
    mend: Callable[[Image.Image], Image.Image] | None = None  # applied to the photo before cutting
