"""Photo files as people have them, made up by Hypothesis: `odd_photos()` is a strategy."""

import functools
import io
import os
from typing import NamedTuple

import common  # noqa: F401 (finds facealign)
import numpy as np
from hypothesis import strategies as st
from PIL import Image

from facealign.data.datasets import orl_faces

HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(40)
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "AVIF", "JPEG2000", "TGA")
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F")
SIZES = st.sampled_from([(460, 560), (200, 200), (64, 64), (15, 400), (1, 1), (700, 17)])
RANGES = (1.0, 255.0, 4095.0, 65535.0, -1.0)  # of numbers in photos; -1 is from -1 to 1
ENDINGS = (".jpg", ".JPG", ".png", ".heic", ".jfif", ".avif", ".tif", ".gif", ".webp", ".bmp",
           ".pgm", "", ".jpg_large", ".txt", ".cr2", ".png.bak")  # fmt: skip
STEMS = st.one_of(
    st.sampled_from(["a", "A", "-n", "._a", ".a", " ", "=1+1", "a;b,'\"", "a\nb", "é", "e\u0301"]),
    st.sampled_from([124 * "ü", 250 * "x", os.fsdecode(b"\xff\xe9"), "Thumbs.db", "a.png", "~"]),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1,
            max_size=9).filter(lambda text: text not in (".", "..")),
)  # fmt: skip


class OddPhoto(NamedTuple):
    """A file, and how it came about."""

    content: bytes
    said: str


@functools.cache
def _face(number: int) -> Image.Image:
    """A face of ORL, 460 x 560 px."""
    path = sorted(orl_faces.photo_folder().rglob("*.pgm"))[number]
    return Image.open(path).resize((460, 560), Image.Resampling.BICUBIC)


def odd_photos() -> st.SearchStrategy[OddPhoto]:
    """Photos in all formats and modes, lying, dark, huge, damaged, and what only claims to be."""
    harmed = st.builds(
        _encode, _pictures(), st.sampled_from(FORMATS), _metadata(), st.booleans()
    ).flatmap(_harmed)
    junk = st.sampled_from([b"", b"text", HEIC, b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP"])
    junk |= st.binary(max_size=200)
    return harmed | junk.map(lambda content: OddPhoto(content, "no photo"))


def _pictures() -> st.SearchStrategy[Image.Image]:
    return st.builds(
        _draw,
        st.integers(0, 399),
        SIZES,
        st.one_of(st.just(0.0), st.sampled_from([90.0, 180.0, 270.0]), st.floats(0, 360)),
        st.sampled_from([1.0, 1.0, 0.3, 0.08, 0.02, 0.0]),
        st.sampled_from(MODES),
        st.sampled_from(RANGES),
        st.sampled_from([0, 0, 1, 10]),
    )


def _draw(
    number: int,
    size: tuple[int, int],
    angle: float,
    brightness: float,
    mode: str,
    highest: float,
    small: int,
) -> Image.Image:
    """A face, turned, darkened, `small` times in a larger photo, in a mode of Pillow."""
    image = _face(number).resize(size).rotate(angle, expand=True, fillcolor=200)
    if small:
        wall = Image.new("L", (1200, 800), 110)
        for place in range(small):
            wall.paste(image.resize((96, 112)), (20 + 230 * (place % 5), 30 + 300 * (place // 5)))
        image = wall
    image = image.point(lambda level: level * brightness)
    levels = np.asarray(image, np.float32) / 255
    if mode == "F":
        return Image.fromarray(levels * 2 - 1 if highest < 0 else levels * np.float32(highest))
    if mode in ("I;16", "I"):
        most = min(max(highest, 255.0), 65535.0)
        return Image.fromarray((levels * most).astype(np.uint16 if mode == "I;16" else np.int32))
    if mode in ("LA", "RGBA"):
        image = image.convert("RGB").convert(mode)
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        return image
    return image.convert("RGB").convert(mode) if mode != "LAB" else image.convert("RGB")


def _metadata() -> st.SearchStrategy[dict]:
    def turned(number: int, harm: bytes) -> bytes:
        exif = Image.Exif()
        exif[0x0112] = number
        return exif.tobytes() + harm

    exif = st.builds(turned, st.integers(0, 10), st.sampled_from([b"", b"garbage"]))
    exif |= st.sampled_from([b"garbage", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff"])
    optional = {"exif": exif, "icc_profile": st.binary(max_size=40)}
    return st.fixed_dictionaries({}, optional=optional)


def _encode(picture: Image.Image, kind: str, metadata: dict, several: bool) -> OddPhoto:
    """A file of a format, or of PNG or TIFF if that has no such mode; perhaps of two images."""
    more = {"save_all": True, "append_images": [picture]} if several else {}
    if kind == "AVIF":  # whose writer crashes at broken metadata
        metadata, more = {}, {}
    for name, options in ((kind, metadata | more), (kind, {}), ("PNG", {}), ("TIFF", {})):
        buffer = io.BytesIO()
        try:
            picture.save(buffer, name, **options)
        except Exception:  # formats refuse modes, sizes and metadata by errors of any kind
            continue
        said = f"{name} {picture.mode} {picture.size} {sorted(options)}"
        return OddPhoto(buffer.getvalue(), said)
    return OddPhoto(b"", "a mode that no format takes")


def _harmed(photo: OddPhoto) -> st.SearchStrategy[OddPhoto]:
    """Mostly as it is; cut, with other bytes, with more of them."""
    count = len(photo.content)
    if not count:
        return st.just(photo)
    cuts = st.one_of(st.integers(0, count), st.sampled_from([count - 3, count * 9 // 10]))
    flips = st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, 255)), max_size=12)

    def flip(places: list[tuple[int, int]]) -> OddPhoto:
        content = bytearray(photo.content)
        for place, value in places:
            content[place] = value
        return OddPhoto(bytes(content), f"{photo.said}, changed")

    return st.one_of(
        st.just(photo),
        cuts.map(lambda end: OddPhoto(photo.content[: max(end, 0)], f"{photo.said}, cut")),
        flips.map(flip),
        st.just(OddPhoto(photo.content + b"more" * 9, f"{photo.said}, longer")),
    )


def odd_names() -> st.SearchStrategy[str]:
    """Names of files, some of them in folders, hidden, or of other kinds."""
    folders = st.sampled_from(["", "", "", "s/", "@eaDir/", ".h/", "a.png.png/", "s/ü/"])
    return st.builds("{}{}{}".format, folders, STEMS, st.sampled_from(ENDINGS))
