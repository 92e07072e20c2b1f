"""Ways from faces to portraits: sizes, frames, colours, and what is known of a portrait."""

import functools
import itertools

import numpy as np
import pytest
from PIL import Image

from facealign.errors import UserError
from facealign.faces.find import cut_patch, take_whole
from facealign.faces.turning.style import Style
from facealign.geometry import frame
from facealign.portraits import methods, turntable
from tests.toy_photos import read

BOX = (110, 130, 230, 250)  # in a photo that fills the whole frame


@functools.cache
def face(times=1, detail=160):
    """A face in a smooth photo in colour of 350 x 350 px, or of so many times as many."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    photo = Image.fromarray(pixels).resize((350 * times, 350 * times), Image.Resampling.BICUBIC)
    ((seen, _),) = read([cut_patch(photo, tuple(times * side for side in BOX), detail)])
    return seen


def make(seen, **style):
    (portrait,) = methods.turned_in_3d(Style(**{"size": 128} | style)).make([seen])
    return portrait


def negative(size):
    return methods.from_crops("negative", lambda crops, poses: 255 - crops, size)


@pytest.mark.parametrize("size", [128, 200, 512])
def test_portraits_have_the_size_that_is_wanted(size):
    assert make(face(), size=size).image.shape == (size, size, 3)
    (gray,) = negative(size).make([face()])
    assert gray.image.shape == (size, size, 1)


def test_size_0_is_what_the_photo_holds():
    seen = face()
    portrait = make(seen, size=0)
    assert len(portrait.image) == round(portrait.held) > 128
    crop = frame.side_in_photo(portrait.to_crop)  # as many px of the portrait as of the photo
    assert crop == pytest.approx(seen.size, rel=0.02)
    (gray,) = negative(0).make([seen])
    assert len(gray.image) == gray.held == seen.size


@pytest.mark.parametrize(("times", "detail"), [(1, 160), (4, 160), (4, 480)])
def test_the_tight_frame_shows_the_canonical_crop(times, detail):
    """Whether the photo is shrunk before or not; what it holds is in its own px."""
    seen = face(times, detail)
    portrait = make(seen, frame="tight")
    assert np.abs(portrait.crop.astype(int) - seen.crop).mean() < 2
    luminance = np.asarray(portrait.picture.convert("L"), int)
    assert np.abs(luminance - seen.crop[..., 0]).mean() < 2  # the crop is the whole portrait
    assert portrait.held == pytest.approx(seen.size, rel=0.02)


def test_the_crop_of_a_portrait_is_that_of_the_photo():
    """The head looks ahead, so it stays as it is."""
    portrait = make(face(), size=256)
    assert np.abs(portrait.crop.astype(int) - face().crop).mean() < 2
    assert portrait.crop.shape == (128, 128, 1) and portrait.box == BOX and portrait.yaw == 0


def test_a_face_is_shown_as_it_is_in_the_photo():
    """In a frame of 256 px; the crop is the part of it that `to_portrait` says."""
    before = make(face()).before
    assert before.size == (256, 256) and before.mode == "RGB"
    crop = frame.crop(before, frame.invert(frame.to_portrait(256)))
    assert np.abs(crop.astype(int) - face().crop).mean() < 3


def test_gray_is_the_luminance():
    portrait, colours = make(face(), gray=True), make(face()).image
    assert portrait.image.shape == (128, 128, 1) and portrait.picture.mode == "L"
    wanted = colours @ (0.299, 0.587, 0.114)
    np.testing.assert_allclose(portrait.image[..., 0], wanted, atol=1)
    assert portrait.patch.pixels.shape == (128, 128, 3)


@pytest.mark.parametrize("yaw", [0.0, 30.0])
def test_the_parts_that_were_seen_mirrored_and_invented_are_the_whole(yaw):
    portrait = make(face(), yaw=yaw)
    np.testing.assert_array_equal(portrait.sources.sum(axis=-1, dtype=int), 255)
    seen, mirrored, invented = portrait.sources.reshape(-1, 3).mean(axis=0)
    if yaw:
        assert min(seen, mirrored, invented) > 0 and portrait.seen < 1
    else:
        assert (seen, mirrored, invented) == (255, 0, 0) and portrait.seen == 1
    assert negative(128).make([face()])[0].shares is None and negative(128).style is None


def test_the_detail_of_a_photo_is_enough_for_its_portrait():
    """Of a portrait of 1024 px, 33 cm wide, the box has 1024 * 108 / 128 * 18 / 33 = 471 px."""
    assert methods.turned_in_3d(Style(size=128)).detail == 160
    assert methods.turned_in_3d(Style(size=1024)).detail >= 471
    assert methods.turned_in_3d(Style(size=0)).detail >= 942  # at most 2048 px
    assert methods.turned_in_3d(Style(size=512, frame="tight")).detail >= 432  # 18 cm wide


def test_a_name_has_all_that_makes_portraits_differ():
    styles = [Style(), Style(0), Style(frame="tight"), Style(yaw=3.0), Style(pitch=3.0)]
    styles += [Style(gray=True), Style(256)]
    names = {methods.turned_in_3d(style).name for style in styles}
    assert len(names) == len(styles) and negative(128).name != negative(256).name


def test_a_method_is_found_by_its_name():
    assert methods.load_method().name == methods.load_method("portrait").name
    assert "size 512" in methods.load_method().name
    network = methods.load_method("network", Style(128))
    assert "frontalize.safetensors" in network.name and "size 128" in network.name
    large = methods.load_method("", Style(256), methods.SHIPPED)  # by its weights
    ((portrait,), (other,)) = (method.make([face()]) for method in (network, large))
    assert portrait.image.shape == (128, 128, 1) and other.image.shape == (256, 256, 1)
    assert np.abs(other.crop.astype(int) - portrait.image).mean() < 4
    assert network.make([]) == []


@pytest.mark.parametrize("style", [Style(frame="tight"), Style(yaw=3.0), Style(pitch=-3.0)])
@pytest.mark.parametrize("method", ["network", "geometric", "turn"])
def test_methods_of_crops_have_one_frame_and_one_view(method, style):
    with pytest.raises(UserError, match=f"--method={method} makes gray.* leave --frame, --yaw"):
        methods.load_method(method, style)


def test_geometric_alignment_is_the_crop_itself():
    (portrait,) = methods.load_method("geometric", Style(128, gray=True)).make([face()])
    np.testing.assert_array_equal(portrait.image, face().crop)
    np.testing.assert_array_equal(portrait.crop, face().crop)


def test_the_3d_turn_uses_the_measured_pose_and_keeps_crops_of_unknown_pose():
    _, turn = methods.WITHOUT_NETWORK["turn"]
    crops = np.random.default_rng(0).integers(0, 256, (3, 128, 128, 1), np.uint8)
    poses = np.array([(30, 0), (-30, 0), (np.nan, np.nan)])
    turned = turn(crops, poses)
    np.testing.assert_array_equal(turned[2], crops[2])
    assert all((turned[i] != crops[i]).mean() > 0.5 for i in (0, 1))
    np.testing.assert_array_equal(turn(crops[2:], poses[2:]), crops[2:])


def test_a_canonical_crop_becomes_a_portrait():
    photo = Image.fromarray(face().crop[..., 0]).convert("RGB")
    ((seen, _),) = read(take_whole(photo).patches)
    portrait = make(seen)
    assert portrait.image.shape == (128, 128, 3) and portrait.box is None
    assert portrait.held < 1.5 * 128


def test_a_turntable_swings_from_side_to_side_and_back(monkeypatch):
    monkeypatch.setattr(turntable, "COUNT", 5)
    style = Style(128, "tight", yaw=20.0, gray=True)
    (portrait,) = methods.turned_in_3d(style).make([face()])
    images = turntable.swing(portrait, style)
    assert len(images) == 8 and {image.size for image in images} == {(128, 128)}
    assert {image.mode for image in images} == {"L"}
    pixels = [np.asarray(image, int) for image in images]
    for there, back in ((1, 7), (2, 6), (3, 5)):
        np.testing.assert_array_equal(pixels[there], pixels[back])
    assert min(np.abs(a - b).mean() for a, b in itertools.pairwise(pixels)) > 1
    for place, yaw in ((0, -40.0), (2, 0.0), (4, 40.0)):  # whatever the yaw of portraits
        alone = make(face(), frame="tight", gray=True, yaw=yaw)
        np.testing.assert_array_equal(pixels[place], alone.image[..., 0])
