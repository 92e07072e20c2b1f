"""What can be told of a photo's file without decoding it: its version, and its kind."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePath

from PIL import Image

HEIC = "HEIC, which takes a package: pip install pillow-heif"  # a note
HEADER = 64  # bytes in which a file of this family names its kinds
KINDS = 5  # endings that are named
# How files of photos begin. TIFF is none of them: so do raw files of cameras.
BEGINS = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|RIFF....WEBP|\0\0\0\x0cjP  |\xff\x4f\xff\x51"
    rb"|....ftyp(hei[cmsx]|hev[cmsx]|mif1|avi[fs])",
    re.DOTALL,
)


def stamp(path: Path) -> str:
    """Size and time of a photo's file, which show later that it was replaced; "" if unknown."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size} B, {status.st_mtime_ns} ns"


def is_heic_in_vain(path: Path) -> bool:
    """Whether a file is HEIC, whatever its name says, and the package that reads it is missing."""
    if "HEIF" in Image.OPEN:
        return False
    header = _read_header(path)
    kinds = header[8 : int.from_bytes(header[:4], "big")] if header[4:8] == b"ftyp" else b""
    return bool(re.search(b"hei[cmsx]|hev[cmsx]|mif1", kinds)) and not re.search(b"avi[fs]", kinds)


def begins_as_photo(path: Path) -> bool:
    """Whether a file is a photo by its first bytes, whatever its name says."""
    return bool(BEGINS.match(_read_header(path)))


def _read_header(path: Path) -> bytes:
    """The first bytes of a file; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(HEADER)
    except OSError:
        return b""


def count_kinds(names: Iterable[str]) -> str:
    """How many files have which ending, the most frequent first: ".cr2 7, .txt 2"."""
    counts = Counter(PurePath(name).suffix.lower() or "no ending" for name in names)
    named = [f"{ending} {count}" for ending, count in counts.most_common(KINDS)]
    return ", ".join(named + ["..."] * (len(counts) > KINDS))
