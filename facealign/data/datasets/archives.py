"""Files of photos: in a folder, a tar or a zip archive, and whatever else is named .jpg."""

import io
import os
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from facealign.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".tif", ".tiff", ".webp", ".gif")
SMALLEST, LARGEST = 16, 100_000_000  # px: of the shorter side, and of the whole photo
DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, OSError)


class BadPhotoError(ValueError):
    """Why a photo cannot be used, in a few words."""


def find_source(folders: Sequence[Path], patterns: Sequence[str]) -> Path | None:
    """The first archive or folder that a pattern names; earlier folders and patterns win."""
    for folder in folders:
        for pattern in patterns:
            for path in sorted(folder.glob(pattern)):
                return path
    return None


def walk(source: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Name and reader of every file in a folder or archive, in an order that stays the same.

    Names are relative to the folder or archive, with "/"; those of an archive have to be read
    before the next one is asked for.

    Raises:
      UserError: the archive is damaged, or cannot be opened.
    """
    if source.is_dir():
        for name, path in walk_folder(source):
            yield name, path.read_bytes
        return
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as archive:
                for name in archive.namelist():
                    if not name.endswith("/"):
                        yield name, lambda name=name: archive.read(name)
        else:
            with tarfile.open(source) as archive:
                for member in archive:
                    if member.isfile():
                        yield member.name, lambda member=member: archive.extractfile(member).read()
    except DAMAGED as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"cannot read the archive {source} ({reason}); it is damaged or cut short: "
            "fetch it again"
        ) from error


def read_all(source: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """The content of all files of a folder or archive whose names are wanted.

    Raises:
      UserError: one of them, or the archive, cannot be read.
    """
    content = {}
    for name, read in walk(source):
        if wanted(name):
            try:
                content[name] = read()
            except DAMAGED as error:
                raise UserError(f"cannot read {name} in {source} ({error}); mend it") from error
    return content


def walk_folder(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and path of every file below a folder, sorted; links are followed, loops are not."""
    seen = set()
    for path, folders, files in os.walk(folder, followlinks=True):
        status = os.stat(path)
        if (status.st_dev, status.st_ino) in seen:  # a link to a folder that was there already
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        for file in sorted(files):
            full = Path(path, file)
            yield printable(full.relative_to(folder).as_posix()), full


def printable(name: str) -> str:
    """A file name that can be written as UTF-8, whatever bytes it is made of."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_photo(name: str) -> bool:
    """Whether a file name ends like that of a photo."""
    return name.lower().endswith(SUFFIXES)


def is_gray(data: bytes) -> bool:
    """Whether the bytes of a photo say that it has no colour; False if they are no photo."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(data)).mode == "L"
    except Exception:  # decoders raise whatever they please
        return False


def read_gray(data: bytes) -> Image.Image:
    """A gray 8-bit image of the bytes of a photo: upright by its EXIF, on white where transparent.

    Raises:
      BadPhotoError: no photo, a damaged one, a tiny or a huge one.
    """
    if not data:
        raise BadPhotoError("the file is empty")
    # Decoders raise whatever they please on damaged data. Pillow's own limit on pixels warns
    # first and raises later; this one is said in a line.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data))
        except Image.DecompressionBombError:
            raise BadPhotoError(f"more than {LARGEST} px") from None
        except Exception:
            raise BadPhotoError("not a photo") from None
        width, height = image.size
        if width * height > LARGEST:
            raise BadPhotoError(f"{width} x {height} px; at most {LARGEST} px can be used")
        if min(width, height) < SMALLEST:
            raise BadPhotoError(f"{width} x {height} px; at least {SMALLEST} px are needed")
        try:
            image.load()
            return to_gray(ImageOps.exif_transpose(image))
        except Exception as error:
            raise BadPhotoError(f"damaged: {error}") from None


def to_gray(image: Image.Image) -> Image.Image:
    """An image of any mode as a gray one of 8 bits, on white where it is transparent."""
    if image.mode in ("F", "I") or image.mode.startswith("I;16"):
        values = np.asarray(image, np.float64)
        if image.mode.startswith("I;16") or values.max() > 255:  # 16 bits
            values = values / 257
        return Image.fromarray(values.clip(0, 255).round().astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB").convert("L") if image.mode == "CMYK" else image.convert("L")
