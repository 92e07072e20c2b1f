"""How portraits look: their size, frame and view."""

import re
from typing import NamedTuple

from facealign.errors import UserError, check_choice

FRAMES = ("portrait", "tight")
# auto: the photo's own, or plain if the head is turned by more than 45 degrees.
BACKGROUNDS, COLOUR = ("auto", "keep", "plain"), "#[0-9a-fA-F]{6}"
SIZES, YAWS, PITCHES = (128, 1024), (-45, 45), (-20, 20)


class Style(NamedTuple):
    """How portraits look."""

    size: int = 512  # px; 0 is what the photo holds
    frame: str = "portrait"  # of FRAMES: with hair and shoulders, or the face alone
    yaw: float = 0.0  # degrees of the head in the portrait
    pitch: float = 0.0
    gray: bool = False
    background: str = "auto"  # of BACKGROUNDS, or a colour as #RRGGBB
    completion: str = ""  # packed weights of a network that mends views from the front; "": none

    @property
    def from_front(self) -> bool:
        """Whether the head looks at the camera."""
        return self.yaw == self.pitch == 0


USUAL_STYLE = Style()


def check_style(style: Style) -> Style:
    """The same style.

    Raises:
      UserError: a value that cannot be.
    """
    check_choice(style.frame, FRAMES, "--frame")
    if style.background not in BACKGROUNDS and not re.fullmatch(COLOUR, style.background):
        raise UserError(
            f"--background={style.background!r}; choose {', '.join(BACKGROUNDS)}, or a colour as "
            "'#D0D0D0'"
        )
    for name, range_ in (("size", SIZES), ("yaw", YAWS), ("pitch", PITCHES)):
        low, high = range_
        value = getattr(style, name)
        if not (low <= value <= high or (name, value) == ("size", 0)):
            also = ", or 0 for what the photo holds" * (name == "size")
            raise UserError(f"--{name}={value} must be from {low} to {high}{also}")
    return style
