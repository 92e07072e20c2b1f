"""Styles of crops: gray and in colour, canonical and portrait; the deep-funneled LFW."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from facealign import images
from facealign.data import load as loading
from facealign.data.datasets import (
    archives,
    boxed,
    crops,
    cutouts,
    head_lists,
    heads,
    lfw,
    orl_faces,
    round_trips,
)
from facealign.data.datasets.table import DATASETS
from facealign.data.load import load_examples
from facealign.errors import UserError
from facealign.geometry import frame
from tests import photo_sources
from tests.prepared import data_config

ONE_STYLE = ("polygons", *heads.BUILDERS, *cutouts.BUILDERS, *round_trips.BUILDERS, *boxed.BUILDERS)
COLOUR = Image.fromarray(
    np.random.default_rng(0).integers(0, 256, (250, 250, 3), dtype=np.uint8), "RGB"
)


def test_the_portrait_frame_is_33_cm_wide_and_holds_the_canonical_crop():
    """At 256 px a cm has 256/33 = 7.76 px; the crop starts 7.5 cm from the left, 6.5625 from above,
    58.18 and 50.91 px, and ends 18 cm farther."""
    matrix = frame.to_portrait(256)
    edges = frame.apply(matrix, [(-0.5, -0.5), (127.5, 127.5)])  # of the first and last pixel
    np.testing.assert_allclose(edges, [(57.682, 50.409), (197.318, 190.045)], atol=1e-3)


@pytest.mark.parametrize("size", [128, 192])
def test_the_portrait_frame_of_another_size_shows_the_same(size):
    points = np.array([(0.0, 0.0), (64.0, 80.0), (127.0, 30.0)])
    large, small = (frame.apply(frame.to_portrait(s), points) for s in (256, size))
    np.testing.assert_allclose((small + 0.5) / size, (large + 0.5) / 256)


def test_the_canonical_crop_is_a_window_of_the_portrait_frame():
    coarse = np.random.default_rng(1).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    photo = Image.fromarray(coarse).resize((400, 400), Image.Resampling.BICUBIC)
    matrix = np.column_stack([0.6 * np.eye(2), (-60.0, -50.0)])
    portrait = crops.cut(photo, matrix, crops.Style(3, "portrait"))
    direct = crops.cut(photo, matrix, crops.Style(3))
    window = frame.crop(portrait, frame.invert(frame.to_portrait(256)), channels=3)
    assert portrait.size == (256, 256) and direct.size == (128, 128)
    assert np.abs(np.asarray(direct, int) - window).mean() < 1.5


def test_a_gray_crop_is_that_of_the_gray_photo():
    matrix = np.column_stack([np.eye(2), (-61.0, -61.0)])
    colour = np.asarray(crops.cut(COLOUR, matrix, crops.Style(3)))
    gray = np.asarray(crops.cut(COLOUR.convert("L"), matrix, crops.Style()))
    np.testing.assert_array_equal(colour, np.asarray(COLOUR)[61:189, 61:189])
    np.testing.assert_array_equal(gray, np.asarray(COLOUR.convert("L"))[61:189, 61:189])


@pytest.mark.parametrize("field", ["channels", "frame"])
def test_an_unknown_style_is_refused(field, tmp_path):
    data = data_config(tmp_path, **{field: 2 if field == "channels" else "tight"})
    for name in DATASETS:
        if name not in ONE_STYLE:
            with pytest.raises(UserError, match=rf"config\.data\.{field}"):
                DATASETS[name](data, str(tmp_path))


def test_styles_are_prepared_apart_and_the_first_style_keeps_its_name(tmp_path):
    names = [
        DATASETS["mugshots"](data_config(tmp_path, channels=c, frame=f), str(tmp_path)).data_dir
        for c in crops.CHANNELS
        for f in crops.FRAMES
    ]
    assert len(set(names)) == 4
    assert "colour" not in names[0] and "portrait" not in names[0]


@pytest.mark.parametrize("channels", crops.CHANNELS)
@pytest.mark.parametrize("name", ["cfp", "lfw", "mugshots", "orl_faces", "orl_faces-framed"])
def test_every_dataset_has_the_portrait_frame(name, channels, tmp_path):
    photo_sources.write_manual_dir(tmp_path)
    data = data_config(tmp_path, channels=channels, frame="portrait", image_size=48)
    image = load_examples(data, name, "train")["image"]
    assert image.shape[1:] == (48, 48, channels) and image.dtype == np.uint8


def test_gray_photos_stay_gray_in_colour(tmp_path):
    gray, colour = (
        load_examples(data_config(tmp_path, channels=c, image_size=32), "orl_faces", "test")
        for c in crops.CHANNELS
    )
    np.testing.assert_array_equal(colour["image"], np.repeat(gray["image"], 3, axis=3))


def test_colours_are_streamed_too(tmp_path):
    photo_sources.write_manual_dir(tmp_path)
    data = data_config(tmp_path, channels=3, image_size=32)
    whole = load_examples(data, "mugshots", "train")["image"]
    data.memory_mb = 0.001
    streamed = load_examples(data, "mugshots", "train")["image"]
    assert isinstance(streamed, loading.StreamedImages) and streamed.shape == whole.shape
    np.testing.assert_array_equal(streamed[np.arange(len(whole))], whole)


def test_a_face_of_unknown_position_has_no_portrait_frame(tmp_path):
    photo_sources.write_folder(tmp_path / "photos", {"a/1.jpg": photo_sources.photo_bytes(0)})
    data = data_config(tmp_path, manual_dir=str(tmp_path / "photos"), frame="portrait")
    with pytest.raises(UserError, match=r"position of its face is unknown; config\.data\.faces"):
        load_examples(data, "folder", "train")


def test_polygons_have_no_portrait_frame(tmp_path):
    with pytest.raises(UserError, match=r"config\.data\.frame='portrait'"):
        load_examples(data_config(tmp_path, frame="portrait"), "polygons", "test")


def deep_files():
    """A photo of the deep-funneled archive whose frame is known, and one whose frame is not."""
    names = ("Jackie_Chan_0001", "Jackie_Chan_9999")
    return {f"lfw-deepfunneled/Jackie_Chan/{n}.jpg": photo_sources.photo_bytes(3) for n in names}


def test_photos_of_the_deep_funneled_archive_are_cut_by_their_own_frames(tmp_path):
    files = deep_files()
    photo_sources.write_tar(tmp_path / "lfw-deepfunneled.tar", files)
    data = data_config(tmp_path)
    photos = list(lfw.list_lfw((tmp_path, tmp_path), "unrestricted", lambda _: True, False))
    _, unknown = photos
    assert unknown.locate is lfw.locate_face
    image = images.read_gray(next(iter(files.values())))
    expected = frame.crop(image, lfw.read_frames()["Jackie_Chan_0001"])
    row = load_examples(data, "lfw", "validation")
    np.testing.assert_array_equal(row["image"][0], expected)
    photo_sources.write_tar(tmp_path / "lfw.tgz", photo_sources.lfw_files())
    assert "deep" in archives.find_source([tmp_path], lfw.SOURCES).name  # it wins


def test_frames_of_the_deep_funneled_archive_move_eyes_to_their_places():
    """Rotations and scales are small, since that archive is roughly aligned."""
    matrices = np.array(list(lfw.read_frames().values()))
    scale = np.hypot(*matrices[:, :, 0].T)
    assert len(matrices) == 13_232 and np.median(scale) == pytest.approx(1.0, abs=0.05)
    angle = np.degrees(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
    assert abs(np.median(angle)) < 1 and np.percentile(np.abs(angle), 95) < 10


def test_framed_photos_of_orl_have_eyes_nose_and_mouth_in_their_places(tmp_path):
    """By the points that MediaPipe found, which the reader that measured the frames never saw."""
    frames = crops.read_frames(orl_faces.FRAMES_FILE)
    assert len(frames) == 400
    known = head_lists.list_known("orl_faces", data_config(tmp_path), "")
    away = [
        frame.apply(frames[k.photo.file_name.removesuffix(".pgm")], frame.five_points(k.landmarks))
        - frame.FIVE_POINTS
        for k in known
    ]
    assert np.median(np.linalg.norm(away, axis=-1)) < 4  # px of 128; 10 in their own crop


def rotated_photo(angle):
    """A photo of a gradient, rotated about its middle, with black wedges."""
    ramp = np.tile(np.arange(60, 190, dtype=np.uint8), (130, 1))
    return Image.fromarray(ramp).rotate(angle, Image.Resampling.BICUBIC)


@pytest.mark.parametrize("angle", [4, -9])
def test_wedges_of_a_rotation_take_the_pixels_beside_them(angle):
    rotated = rotated_photo(angle)
    filled = np.asarray(lfw.fill_wedges(rotated))
    assert (np.asarray(rotated) == 0).mean() > 0.03
    assert (filled < 40).mean() < 0.003  # the thin ends of wedges may stay
    np.testing.assert_array_equal(filled[40:90, 40:90], np.asarray(rotated)[40:90, 40:90])


def test_black_walls_and_black_things_are_no_wedges():
    """A bright head before a black wall; a black square inside of a photo; a black photo."""
    y, x = np.mgrid[:120, :120]
    wall = np.where((x - 60) ** 2 + (y - 70) ** 2 < 40**2, 150, 0).astype(np.uint8)
    thing = np.full((40, 50, 3), 120, np.uint8)
    thing[15:20, 20:25] = 0
    for pixels in (wall, thing, np.zeros((20, 20), np.uint8)):
        image = Image.fromarray(pixels)
        np.testing.assert_array_equal(np.asarray(lfw.fill_wedges(image)), pixels)


def photo_with_profile(colour, profile):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(buffer, "PNG", icc_profile=profile)
    return buffer.getvalue()


def wide_profile():
    """A profile whose red is that of sRGB, but with a gamma of 1 (linear): an sRGB profile with
    its three tone curves replaced."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for tag in (b"rTRC", b"gTRC", b"bTRC"):
        place = profile.index(tag)
        start = int.from_bytes(profile[place + 4 : place + 8], "big")
        profile[start : start + 12] = b"curv" + bytes(8)  # a curve without points is the identity
    place = profile.index(b"sRGB built-in") if b"sRGB built-in" in profile else -1
    if place < 0:
        place = profile.index("sRGB".encode("utf-16-be"))
        profile[place : place + 8] = "mine".encode("utf-16-be")
    return bytes(profile)


def test_colours_of_a_profile_become_those_of_srgb():
    """Linear 0.2159 is 0.5029 in sRGB (IEC 61966-2-1): 55 of 255 becomes 128."""
    data = photo_with_profile((55, 55, 55), wide_profile())
    converted = np.asarray(images.read_photo(data, 3), int)
    assert np.abs(converted - 128).max() <= 1
    assert np.abs(np.asarray(images.read_gray(data), int) - 128).max() <= 1
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for same in (srgb, b"no profile at all"):
        image = np.asarray(images.read_photo(photo_with_profile((55, 90, 12), same), 3))
        assert (image == (55, 90, 12)).all()


def test_a_gray_photo_of_16_bits_is_read_in_colour():
    buffer = io.BytesIO()
    Image.fromarray(np.full((20, 20), 257 * 77, np.uint16)).save(buffer, "PNG")
    assert (np.asarray(images.read_photo(buffer.getvalue(), 3)) == 77).all()
