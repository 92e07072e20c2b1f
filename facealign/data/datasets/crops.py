"""What is cut out of a photo: the canonical crop or the portrait frame, in gray or in colour."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from facealign.errors import UserError, check_choice
from facealign.geometry import frame

# Photo -> transformation [2, 3] to its canonical crop; raises ValueError with the reason if there
# is none.
Locate = Callable[[Image.Image], np.ndarray]
FRAMES = ("canonical", "portrait")  # of config.data.frame
CHANNELS = (1, 3)  # of config.data.channels


class Style(NamedTuple):
    """What is kept of each photo."""

    channels: int = 1  # 1: gray, 3: colour
    frame: str = "canonical"  # or portrait

    @property
    def suffix(self) -> str:
        """For the name of the prepared dataset; "" for gray canonical crops."""
        return "_colour" * (self.channels == 3) + f"_{self.frame}" * (self.frame != "canonical")


def create_style(data: Any) -> Style:
    """The style that `config.data.channels` and `config.data.frame` ask for.

    Raises:
      UserError: one of them is unknown.
    """
    if data.channels not in CHANNELS:
        raise UserError(f"config.data.channels={data.channels}; choose 1 for gray or 3 for colour")
    check_choice(data.frame, FRAMES, "config.data.frame")
    return Style(data.channels, data.frame)


def cut(image: Image.Image, matrix: np.ndarray | None, style: Style) -> Image.Image:
    """A square crop of a photo; that of the largest central square for a matrix of None.

    Args:
      image: a photo with as many channels as the style.
      matrix: transformation [2, 3] to the canonical crop; None: the position of the face is
        unknown.
      style: a canonical crop has 128 px, a portrait frame 256.

    Raises:
      ValueError: the photo cannot be cut.
    """
    if style.frame == "portrait":
        if matrix is None:
            raise ValueError(
                "the position of its face is unknown; config.data.faces='detect' searches for it"
            )
        size = frame.PORTRAIT_SIZE
        matrix = frame.compose(frame.to_portrait(size), matrix)
    elif matrix is None:
        return central_square(image)
    else:
        size = frame.SIZE
    pixels = frame.crop(image, matrix, size, style.channels)
    return Image.fromarray(pixels if style.channels == 3 else pixels[..., 0])


def central_square(image: Image.Image) -> Image.Image:
    """The largest central square, scaled to 128 px."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square.resize((frame.SIZE, frame.SIZE), Image.Resampling.LANCZOS)


def at(matrix: np.ndarray) -> Locate:
    """A `Locate` for a transformation [2, 3] that is known."""
    return lambda _: matrix


def refuse(reason: str) -> Locate:
    """A `Locate` that rejects a photo for this reason."""

    def locate(_: Image.Image) -> np.ndarray:
        raise ValueError(reason)

    return locate


def read_frames(path: Path) -> dict[str, np.ndarray]:
    """Transformations [2, 3] of photos to the canonical crop, by photo, out of a table.

    Its columns: the photo, cosine and sine of the rotation times the scale, and the shift in px.
    """
    frames = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            cosine, sine, right, down = (float(value) for value in list(row.values())[1:])
            frames[row["photo"]] = np.array([(cosine, -sine, right), (sine, cosine, down)])
    return frames
