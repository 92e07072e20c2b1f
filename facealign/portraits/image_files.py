"""Portraits as files: PNG, JPEG and WebP, which say what they are, and animated WebP."""

import io
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image

from facealign.errors import UserError, check_choice
from facealign.names import VERSION

FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}  # suffix -> name in Pillow
WORDS = f"facealign {VERSION}; hidden parts are invented"
DESCRIPTION, SOFTWARE = 0x010E, 0x0131  # tags of EXIF
FRAME = 80  # ms that an image of an animation is shown


class Files(NamedTuple):
    """What is written for each portrait."""

    format: str = "png"  # of `FORMATS`
    quality: int = 95  # of jpg and webp, 1 to 100
    sheet: bool = False  # the face in the photo too, and a page of all
    mask: bool = False  # an image of what was seen, mirrored and invented too
    turntable: bool = False  # an animation too
    distance: bool = True  # how far its descriptor is from the photo's, in results.csv


USUAL_FILES = Files()


def check_files(files: Files) -> Files:
    """The same.

    Raises:
      UserError: a value that cannot be.
    """
    check_choice(files.format, FORMATS, "--format")
    if not 1 <= files.quality <= 100:
        raise UserError(f"--quality={files.quality} must be from 1 to 100")
    return files


def encode(picture: Image.Image, format: str = "png", quality: int = 95) -> bytes:
    """The bytes of a file of a format of `FORMATS`; quality from 1 to 100, not of PNG."""
    buffer, options = io.BytesIO(), {"quality": quality}
    if format == "png":
        options = {"compress_level": 1}  # twice as fast, files 1/8 larger
    picture.save(buffer, FORMATS[format], exif=_about(), **options)
    return buffer.getvalue()


def encode_animation(pictures: Sequence[Image.Image], quality: int = 95) -> bytes:
    """An animated WebP that shows pictures of equal sizes again and again."""
    buffer, first = io.BytesIO(), pictures[0]
    more = {"append_images": pictures[1:], "duration": FRAME, "loop": 0, "quality": quality}
    first.save(buffer, "WEBP", save_all=True, exif=_about(), **more)
    return buffer.getvalue()


def _about() -> bytes:
    exif = Image.Exif()
    exif[DESCRIPTION], exif[SOFTWARE] = WORDS, f"facealign {VERSION}"
    return exif.tobytes()
