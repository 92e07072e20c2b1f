"""Files of portraits: their pixels, what they say of themselves, and animations."""

import io

import numpy as np
import pytest
from PIL import Image

from facealign.errors import UserError
from facealign.names import VERSION
from facealign.portraits.image_files import FORMATS, Files, check_files, encode, encode_animation

DESCRIPTION, SOFTWARE = 0x010E, 0x0131  # tags of EXIF


def smooth(mode="RGB", seed=0):
    """A picture of 48 x 48 px."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC).convert(mode)


def opened(content):
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_file_is_of_its_format_and_says_that_parts_are_invented(format, mode):
    image = opened(encode(smooth(mode), format))
    assert image.format == FORMATS[format] and image.size == (48, 48)
    about = image.getexif()
    assert "hidden parts are invented" in about[DESCRIPTION]
    assert about[SOFTWARE] == f"facealign {VERSION}"
    shown = np.asarray(image.convert(mode), int)
    assert np.abs(shown - np.asarray(smooth(mode))).mean() < (0.1 if format == "png" else 4)


def test_a_png_keeps_every_pixel_and_gray_stays_gray():
    for mode in ("RGB", "L"):
        image = opened(encode(smooth(mode), "png"))
        assert image.mode == mode
        np.testing.assert_array_equal(np.asarray(image), np.asarray(smooth(mode)))
    assert opened(encode(smooth("L"), "jpg")).mode == "L"


@pytest.mark.parametrize("format", ["jpg", "webp"])
def test_less_quality_makes_smaller_files(format):
    sizes = [len(encode(smooth(), format, quality)) for quality in (10, 60, 95)]
    assert sizes == sorted(sizes) and sizes[0] < 0.7 * sizes[2]


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_an_animation_has_its_pictures_in_order(mode):
    pictures = [smooth(mode, seed) for seed in range(3)]
    image = opened(encode_animation(pictures))
    assert image.format == "WEBP" and image.n_frames == 3 and image.info["loop"] == 0
    assert "hidden parts are invented" in image.getexif()[DESCRIPTION]
    for number, picture in enumerate(pictures):
        image.seek(number)
        difference = np.asarray(image.convert(mode), int) - np.asarray(picture)
        assert image.size == (48, 48) and np.abs(difference).mean() < 8


def test_files_that_can_be_stay():
    for files in (Files(), Files("jpg", 1), Files("webp", 100, sheet=True, mask=True)):
        assert check_files(files) == files


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (Files("jpeg"), "--format='jpeg' is unknown (did you mean 'jpg'?)"),
        (Files("bmp"), "--format='bmp' is unknown; choose from: jpg, png, webp"),
        (Files(quality=0), "--quality=0 must be from 1 to 100"),
        (Files(quality=101), "--quality=101 must be from 1 to 100"),
    ],
)
def test_files_that_cannot_be_are_refused(files, line):
    with pytest.raises(UserError) as refused:
        check_files(files)
    assert str(refused.value).startswith(line) and "\n" not in str(refused.value)
