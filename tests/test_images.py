"""Photos in all formats that other programs show."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageFile

from facealign import images
from facealign.images import FAULT, BadPhotoError, read_photo


def picture(height: int = 40, width: int = 60, seed: int = 0) -> np.ndarray:
    """Smooth noise, uint8 [H, W, 3], none of whose rows is of one colour."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(20, 110, (6, 8, 3), np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BILINEAR))


def encoded(pixels: np.ndarray | Image.Image, format: str, **settings) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, format, **settings)
    return buffer.getvalue()


@pytest.mark.parametrize("most", [1.0, 255.0, 65535.0, 4e6])
def test_fractions_and_large_numbers_are_gray_levels(most):
    gray = picture()[..., 0].copy()
    gray[0, :2] = 0, 255
    data = encoded(gray.astype(np.float32) / 255 * np.float32(most), "TIFF")
    assert np.abs(np.asarray(images.read_gray(data), int) - gray).max() <= 1


@pytest.mark.parametrize("strange", [1.001, 3.0, -9999.0])
def test_a_pixel_out_of_range_does_not_change_the_others(strange):
    values = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    usual = np.asarray(images.read_gray(encoded(values, "TIFF")))
    values[20, 30] = strange
    found = np.array(images.read_gray(encoded(values, "TIFF")))
    assert found[20, 30] == (255 if strange > 0 else 0)
    found[20, 30] = usual[20, 30]
    assert np.array_equal(found, usual)


def test_sharpened_edges_and_strange_signs_leave_the_range_as_it_is():
    values = np.tile(np.linspace(0, 1, 100, dtype=np.float32), (100, 1))
    usual = np.asarray(images.read_gray(encoded(values, "TIFF")), int)
    values[:1], values[1:2] = 1.1, -0.1  # a hundredth of all pixels each
    assert np.array_equal(np.asarray(images.read_gray(encoded(values, "TIFF")))[2:], usual[2:])
    signed = 2 * values - 1
    signed[50, 50] = -9999
    found = np.asarray(images.read_gray(encoded(signed, "TIFF")), int)
    assert np.ptp(found[2:50]) > 200


@pytest.mark.parametrize("kind", [b"tEXt", b"eXIf", b"pHYs", b"iTXt"])
def test_a_png_with_damaged_metadata_is_read(kind):
    sound = encoded(picture(), "PNG")
    start = 8 + 25  # behind signature and IHDR
    content = b"Comment\x00made by hand"
    chunk = len(content).to_bytes(4, "big") + kind + content + b"\x00\x01\x02\x03"  # no such sum
    found = images.read_photo(sound[:start] + chunk + sound[start:], 3)
    assert np.array_equal(np.asarray(found), picture())
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_numbers_below_zero_and_no_numbers_have_gray_levels_too():
    values = np.full((20, 20), -1.0, np.float32)
    values[:, 10:], values[0, 0] = 1.0, np.nan
    gray = np.asarray(images.read_gray(encoded(values, "TIFF")))
    assert gray[5, 0] == 0 and gray[5, 15] == 255 and gray[0, 0] == 128


def test_32_bit_integers_are_those_of_16_bits_if_they_are_that_large():
    for values, level in ((np.full((20, 20), 77), 77), (np.full((20, 20), 77 * 257), 77)):
        assert (
            np.asarray(images.read_gray(encoded(values.astype(np.int32), "TIFF"))) == level
        ).all()


@pytest.mark.parametrize("number", range(1, 9))
def test_photos_are_upright_as_exif_says_whatever_else_it_says(number):
    """Numbers of TIFF 6.0: the stored rows and columns of a picture with its first row on top."""
    pixels = picture()
    stored = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.swapaxes(0, 1),
        6: pixels.swapaxes(0, 1)[::-1],
        7: pixels.swapaxes(0, 1)[::-1, ::-1],
        8: pixels.swapaxes(0, 1)[:, ::-1],
    }[number]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = number
    for break_it in (lambda content: content, break_tag):
        data = encoded(np.ascontiguousarray(stored), "PNG", exif=break_it(exif.tobytes()))
        assert (np.asarray(read_photo(data, 3)) == pixels).all()


def break_tag(exif: bytes) -> bytes:
    """EXIF data with a second tag that points beyond their end."""
    assert exif[6:10] == b"MM\x00*" and exif[14:16] == b"\x00\x01"
    tag = (0x8769, 4, 1, 0xFFFFFF).__iter__()
    entry = next(tag).to_bytes(2) + next(tag).to_bytes(2) + next(tag).to_bytes(4)
    return exif[:14] + b"\x00\x02" + exif[16:28] + entry + next(tag).to_bytes(4) + exif[28:]


@pytest.mark.parametrize("exif", [b"garbage", b"Exif\x00\x00", b"Exif\x00\x00II*\x00\xff\xff\xff"])
def test_damaged_exif_data_do_no_harm(exif):
    pixels = picture()
    assert (np.asarray(read_photo(encoded(pixels, "PNG", exif=exif), 3)) == pixels).all()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP", "PPM", "TIFF"])
def test_a_file_without_its_end_is_used_if_most_rows_are_there(format):
    pixels = np.random.default_rng(0).integers(20, 110, (200, 100, 3), np.uint8)
    data = encoded(pixels, format)
    whole = np.asarray(read_photo(data, 3))
    cut = read_photo(data[: int(0.85 * len(data))], 3)
    first = slice(50, None) if format == "BMP" else slice(150)  # rows that come first in the file
    assert (np.asarray(cut)[first] == whole[first]).all()
    assert "end of the file" in cut.info[FAULT]
    assert FAULT not in read_photo(data, 3).info
    with pytest.raises(BadPhotoError, match=r"ends after [2-4][0-9]% of its rows"):
        read_photo(data[: int(0.35 * len(data))], 3)


@pytest.mark.parametrize("format", ["WEBP", "GIF", "JPEG", "PNG"])
def test_a_file_that_begins_as_a_photo_is_damaged_and_any_other_is_no_photo(format):
    data = encoded(picture(), format)[:40]
    with pytest.raises(BadPhotoError, match=r"damaged"):
        read_photo(data, 3)
    with pytest.raises(BadPhotoError, match="not a photo"):
        read_photo(b"x" + data, 3)


def test_a_lack_of_memory_is_no_fault_of_a_photo(monkeypatch):
    def load(_):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "load", load)
    with pytest.raises(MemoryError):
        read_photo(b"P5 20 20 255\n" + bytes(400), 3)


def test_a_huge_jpeg_is_shrunk_while_it_is_decoded(monkeypatch):
    pixels = picture(400, 640)
    monkeypatch.setattr(images, "LARGEST", 20_000)
    small = read_photo(encoded(pixels, "JPEG", quality=95), 3)
    assert small.size == (160, 100)
    expected = pixels.reshape(100, 4, 160, 4, 3).mean(axis=(1, 3))
    assert np.abs(np.asarray(small) - expected).mean() < 3
    with pytest.raises(BadPhotoError, match="640 x 400 px; at most 20000 px"):
        read_photo(encoded(pixels, "PNG"), 3)


def test_a_jpeg_that_pillow_takes_for_a_bomb_is_read(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert read_photo(encoded(picture(), "JPEG"), 3).size == (60, 40)
