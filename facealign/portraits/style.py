"""How portraits look: their size, frame and view."""

from typing import NamedTuple

from facealign.errors import UserError, check_choice

FRAMES = ("portrait", "tight")
SIZES, YAWS, PITCHES = (128, 1024), (-45, 45), (-20, 20)


class Style(NamedTuple):
    """How portraits look."""

    size: int = 512  # px; 0 is what the photo holds
    frame: str = "portrait"  # of FRAMES: with hair and shoulders, or the face alone
    yaw: float = 0.0  # degrees of the head in the portrait
    pitch: float = 0.0
    gray: bool = False


USUAL_STYLE = Style()


def check_style(style: Style) -> Style:
    """The same style.

    Raises:
      UserError: a value that cannot be.
    """
    check_choice(style.frame, FRAMES, "--frame")
    for name, range_ in (("size", SIZES), ("yaw", YAWS), ("pitch", PITCHES)):
        low, high = range_
        value = getattr(style, name)
        if not (low <= value <= high or (name, value) == ("size", 0)):
            also = ", or 0 for what the photo holds" * (name == "size")
            raise UserError(f"--{name}={value} must be from {low} to {high}{also}")
    return style
