"""Photos as people have them: damaged, odd, huge, in folders with loops and in archives."""

import io
import os
import shutil
import struct
import zipfile
import zlib

import numpy as np
import pytest
from absl import logging
from PIL import Image

from facealign import images
from facealign.data.datasets import archives
from facealign.errors import UserError
from tests import photo_sources

RAMP = np.tile(np.arange(0, 240, 4, dtype=np.uint8), (40, 1))  # gray [40, 60]


def encode(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decode(data):
    return np.asarray(images.read_gray(data), int)


def png_that_says(width, height):
    """A PNG file of a few bytes that promises so many pixels."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


BAD = {
    "empty": (b"", "empty"),
    "text": (b"this is no photo, whatever its name says", "not a photo"),
    "truncated JPEG": (photo_sources.photo_bytes(0)[:900], "damaged"),
    "truncated PNG": (encode(Image.fromarray(RAMP))[:-40], "damaged"),
    "one pixel": (encode(Image.new("L", (1, 1))), "1 x 1 px"),
    "huge": (png_that_says(20_000, 20_000), "100000000 px"),
    "large": (png_that_says(11_000, 10_000), "11000 x 10000 px"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_says_why(name):
    data, reason = BAD[name]
    with pytest.raises(images.BadPhotoError, match=reason):
        images.read_gray(data)


def test_bytes_cut_anywhere_never_raise_anything_else():
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"):
        data = encode(Image.fromarray(RAMP), kind)
        for length in range(0, len(data), max(1, len(data) // 25)):
            try:
                images.read_gray(data[:length])
            except images.BadPhotoError as error:
                assert str(error)


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(RAMP),
        Image.fromarray(RAMP).convert("RGB"),
        Image.fromarray(RAMP).convert("P"),
        Image.fromarray(RAMP.astype(np.uint16) * 257),
    ],
    ids=lambda image: image.mode,
)
def test_gray_values_survive(image):
    assert np.abs(decode(encode(image)) - RAMP).max() <= 1


def test_sixteen_bits_that_are_nearly_black_stay_so():
    assert decode(encode(Image.fromarray(RAMP.astype(np.uint16)))).max() <= 1


def test_cmyk_is_converted():
    image = Image.fromarray(RAMP).convert("RGB").convert("CMYK")
    assert np.abs(decode(encode(image, "JPEG", quality=95)) - RAMP).max() < 12


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_is_white(mode):
    image = Image.fromarray(RAMP).convert(mode)
    image.putalpha(Image.fromarray(np.where(np.arange(60) < 30, 255, 0).astype(np.uint8)[None]
                                   .repeat(40, axis=0)))  # fmt: skip
    gray = decode(encode(image))
    np.testing.assert_array_equal(gray[:, :30], RAMP[:, :30])
    assert (gray[:, 30:] == 255).all()


def test_a_photo_that_lies_on_its_side_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    gray = decode(encode(Image.fromarray(RAMP), "JPEG", exif=exif, quality=95))
    assert gray.shape == (60, 40)
    assert np.abs(gray - np.rot90(RAMP, -1)).max() < 8


FILES = {"a/one.jpg": b"1", "a/zwei größer.jpg": b"22", "b/c/three.jpg": b"333"}


def read(source):
    return {name: read() for name, read in archives.walk(source)}


def test_folder_and_archives_hold_the_same(tmp_path):
    photo_sources.write_folder(tmp_path / "folder", FILES)
    photo_sources.write_tar(tmp_path / "files.tar", FILES)
    photo_sources.write_tar(tmp_path / "files.tgz", FILES)
    photo_sources.write_zip(tmp_path / "files.zip", FILES)
    for source in ("folder", "files.tar", "files.tgz", "files.zip"):
        assert read(tmp_path / source) == FILES, source


def test_links_are_followed_and_loops_are_not(tmp_path):
    photo_sources.write_folder(tmp_path / "photos", FILES)
    photo_sources.write_folder(tmp_path / "elsewhere", {"four.jpg": b"4"})
    os.symlink(tmp_path / "photos", tmp_path / "photos" / "a" / "loop")
    os.symlink(tmp_path / "elsewhere", tmp_path / "photos" / "linked")
    assert read(tmp_path / "photos") == FILES | {"linked/four.jpg": b"4"}


def test_a_name_that_is_not_utf_8_can_be_written(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system refuses such names")
    (name,) = read(tmp_path)
    assert name.encode() == b"caf\\xe9.jpg"


def test_a_name_with_line_breaks_is_one_line():
    assert archives.printable("a\nb\r\x85\u2028ü.jpg") == r"a\nb\r\x85\u2028ü.jpg"


def test_hidden_files_are_passed_over(tmp_path):
    hidden = ["._a.jpg", ".thumb/x.jpg", "a/@eaDir/y.jpg", "__MACOSX/a/one.jpg", "a/Thumbs.db"]
    hidden += ["#recycle/z.jpg", "$RECYCLE.BIN/z.jpg", "lost+found/z.jpg", "b/.ipynb_checkpoints/z"]
    everything = FILES | dict.fromkeys(hidden, b"hidden")
    photo_sources.write_folder(tmp_path / ".folder", everything)
    photo_sources.write_tar(tmp_path / "files.tar", everything)
    photo_sources.write_zip(tmp_path / "files.zip", everything)
    for source in (".folder", "files.tar", "files.zip"):
        assert read(tmp_path / source) == FILES, source
    photo_sources.write_tar(tmp_path / "dots.tar", {f"./{name}": b"" for name in FILES})
    assert [*read(tmp_path / "dots.tar")] == [f"./{name}" for name in FILES]


def test_a_folder_that_cannot_be_read_is_named_and_the_rest_is_read(tmp_path, caplog):
    """Here since it vanishes; root may read any other."""
    photo_sources.write_folder(tmp_path, FILES)
    with caplog.at_level(logging.WARNING):
        files = archives.walk_folder(tmp_path)
        found = [next(files)[0]]
        shutil.rmtree(tmp_path / "b")
        found += [name for name, _ in files]
    assert found == list(FILES)[:2]
    (line,) = caplog.messages
    assert f"{tmp_path / 'b'} is left out: No such file" in line


def test_only_what_can_be_read_without_waiting_is_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    os.symlink("loop.jpg", tmp_path / "loop.jpg")
    os.symlink("nowhere", tmp_path / "dangling.jpg")
    assert [name for name, _ in archives.walk_folder(tmp_path)] == ["dangling.jpg", "loop.jpg"]
    assert list(archives.walk_folder(tmp_path / "missing")) == []


def test_a_folder_may_be_left_out_wherever_it_is(tmp_path):
    photo_sources.write_folder(tmp_path / "photos", FILES)
    os.symlink(tmp_path / "photos" / "a", tmp_path / "photos" / "link")
    names = [name for name, _ in archives.walk_folder(tmp_path / "photos", tmp_path / "photos/a")]
    assert names == ["b/c/three.jpg"]


@pytest.mark.parametrize("name", ["files.tar", "files.tgz", "files.tar.xz", "files.zip"])
def test_a_damaged_archive_is_one_line(name, tmp_path):
    write = photo_sources.write_zip if name.endswith("zip") else photo_sources.write_tar
    write(tmp_path / name, {f"{n}.jpg": photo_sources.photo_bytes(n) for n in range(4)})
    whole = (tmp_path / name).read_bytes()
    cut = [whole[: int(share * len(whole))] for share in (0.02, 0.6)]
    middle = len(whole) // 2
    spoilt = [whole[:middle] + bytes(99) + whole[middle + 99 :]] if name.endswith("xz") else []
    for content in cut + spoilt:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=r"cannot read.*files") as caught:
            archives.read_all(tmp_path / name, lambda name: True)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "reason"), [(8, 9, "compression method"), (6, 1, "encrypted")]
)
def test_an_archive_that_needs_another_program_is_one_line(field, value, reason, tmp_path):
    """A file that is compressed by Deflate64, as Windows does with large ones, or has a password.

    `field` is the place in the file's own header; in the archive's list it comes 2 bytes later.
    """
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.jpg", b"photo")
    content = bytearray(path.read_bytes())
    for header, more in ((b"PK\3\4", 0), (b"PK\1\2", 2)):
        start = content.index(header) + field + more
        content[start : start + 2] = struct.pack("<H", value)
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"x\.jpg in the archive .*a\.zip .*{reason}.*unpack"):
        read(path)


def test_the_first_pattern_wins(tmp_path):
    photo_sources.write_folder(tmp_path, {"lfw/a.jpg": b"", "lfw.tgz": b""})
    find = archives.find_source
    assert find([tmp_path / "none", tmp_path], ("lfw*.tgz", "lfw*/")) == tmp_path / "lfw.tgz"
    assert find([tmp_path], ("lfw*/",)) == tmp_path / "lfw"
    assert find([tmp_path], ("cfp*",)) is None
