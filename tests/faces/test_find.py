"""Patches around faces, and faces that are read from them."""

import numpy as np
import pytest
from PIL import Image

from facealign.data.datasets import orl_faces
from facealign.faces import face, find, reading
from facealign.faces.reading import load_reader
from facealign.geometry import camera as cameras
from facealign.geometry import frame
from facealign.geometry import head as heads
from tests.toy_tools import faces_at

BOX = (12, 27, 82, 97)  # of the face in photos of ORL, 92 x 112 px


def orl_photo(subject="s1", number=1):
    with Image.open(orl_faces.photo_folder() / subject / f"{number}.pgm") as image:
        return image.convert("RGB")


def colours(size):
    """A photo of random colours."""
    width, height = size
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def test_a_patch_holds_the_pixels_of_a_photo():
    photo = colours((120, 90))
    patch = find.cut_patch(photo, (40, 30, 60, 50))  # 20 px: a patch of 72 px, from (14, 4)
    np.testing.assert_array_equal(patch.pixels, np.asarray(photo)[4:76, 14:86])
    np.testing.assert_allclose(frame.apply(patch.matrix, [(14, 4), (50, 40)]), [(0, 0), (36, 36)])


def test_the_patch_of_a_large_face_is_shrunk():
    """A box of 512 px becomes one of 160; the patch is 1844 x 1600 px of the photo."""
    photo = Image.new("RGB", (2000, 1600), (10, 200, 90))
    photo.paste((255, 0, 0), (600, 400, 640, 440))  # its middle is at 619.5, 419.5
    patch = find.cut_patch(photo, (744, 544, 1256, 1056))
    assert patch.pixels.shape == (500, 576, 3)
    corners = frame.apply(frame.invert(patch.matrix), [(-0.5, -0.5), (575.5, 499.5)])
    np.testing.assert_allclose(corners, [(77.5, -0.5), (1921.5, 1599.5)])
    red = patch.pixels[..., 0] > 130
    middle = np.argwhere(red)[:, ::-1].mean(axis=0)
    np.testing.assert_allclose(middle, frame.apply(patch.matrix, [(619.5, 419.5)])[0], atol=0.3)


def test_beyond_the_photo_there_is_nothing():
    photo = colours((50, 50))
    patch = find.cut_patch(photo, (0, 0, 50, 50))
    np.testing.assert_array_equal(patch.pixels, np.asarray(photo))
    np.testing.assert_array_equal(patch.matrix, np.eye(2, 3))
    partly = find.cut_patch(photo, (-10, 40, 10, 60))  # 72 px, from (-36, 14)
    np.testing.assert_array_equal(partly.pixels, np.asarray(photo)[14:, :36])
    np.testing.assert_allclose(frame.apply(partly.matrix, [(0, 14)]), [(0, 0)])
    outside = find.cut_patch(photo, (300, 300, 310, 310))
    assert min(outside.pixels.shape) >= 1


@pytest.mark.parametrize(
    ("detail", "size"), [(100, 360), (91, 360), (89, 320), (50, 180), (500, 360)]
)
def test_a_photo_is_shrunk_to_the_detail_that_is_used_but_not_by_a_little(detail, size):
    patch = find.cut_patch(colours((400, 400)), (150, 150, 250, 250), detail)
    assert patch.pixels.shape == (size, size, 3)
    corners = frame.apply(patch.matrix, [(19.5, 19.5), (379.5, 379.5)])
    np.testing.assert_allclose(corners, [(-0.5, -0.5), (size - 0.5, size - 0.5)])


def test_a_shrunk_photo_has_the_mean_of_its_pixels():
    photo = colours((40, 20))
    small, matrix = find.shrink(photo, 0.25)
    wanted = np.asarray(photo, float).reshape(5, 4, 10, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(np.asarray(small), wanted, atol=1)
    np.testing.assert_allclose(frame.apply(matrix, [(1.5, 1.5), (37.5, 17.5)]), [(0, 0), (9, 4)])
    assert find.shrink(photo, 3.0)[0] is photo


def test_faces_and_notes_of_a_photo():

    def search(photo):
        return faces_at(*[BOX] if photo.width < 100 else ())

    assert [patch.box for patch in find.find_faces(orl_photo(), search).patches] == [BOX]
    assert find.find_faces(Image.new("RGB", (200, 200), "gray"), search) == (
        [],
        ["no face was found"],
    )


def test_a_face_is_read_wherever_it_is():
    """The same face alone, in a larger photo, twice as large: the same crop; tiny: a reason."""
    photo, reader = orl_photo(), load_reader()
    wide = Image.new("RGB", (400, 300), (110, 110, 110))
    wide.paste(photo, (100, 50))
    large = photo.resize((184, 224), Image.Resampling.BICUBIC)
    tiny = photo.resize((23, 28), Image.Resampling.BICUBIC)
    there = tuple(np.add(BOX, (100, 50, 100, 50)))
    patches = [
        find.cut_patch(photo, BOX),
        find.cut_patch(wide, there),
        find.cut_patch(large, tuple(2 * side for side in BOX)),
        find.cut_patch(tiny, tuple(side // 4 for side in BOX)),
    ]
    (alone, note), (moved, _), (zoomed, _), (none, reason) = face.read_patches(reader, patches)
    assert none is None and "tiny, eyes" in reason and note == ""
    assert alone.box == BOX and moved.box == there
    middle = slice(24, 104)  # the surroundings differ
    for other in (moved, zoomed):
        difference = np.abs(other.crop[middle, middle].astype(int) - alone.crop[middle, middle])
        assert difference.mean() < 8
        np.testing.assert_allclose(other.angles, alone.angles, atol=4)
    np.testing.assert_allclose(zoomed.size, 2 * alone.size, rtol=0.03)
    five = frame.five_points(alone.landmarks)
    np.testing.assert_allclose(five, frame.FIVE_POINTS, atol=6)
    assert abs(alone.angles[0]) < 15 and 0 < alone.error < 3.6


@pytest.mark.parametrize("detail", [160, 25])
def test_the_head_of_a_face_lies_in_its_patch(detail):
    """Where it is projected, the landmarks are, but for the error of the fit."""
    large = orl_photo().resize((184, 224), Image.Resampling.BICUBIC)
    patch = find.cut_patch(large, tuple(2 * side for side in BOX), detail)
    assert (len(patch.pixels) < 100) == (detail == 25)
    ((seen, _),) = face.read_patches(load_reader(), [patch])
    assert seen.patch is patch and seen.head.camera.shift.shape == (2,)
    model = heads.load_head()
    points = heads.shape(model, seen.head.identity, seen.head.expression)
    places = cameras.project(heads.landmarks68(model, points), seen.head.camera)
    to_crop = frame.compose(seen.matrix, frame.invert(patch.matrix))
    away = frame.apply(to_crop, np.asarray(places)[:, :2]) - seen.landmarks
    assert np.sqrt(np.square(away).sum(axis=1).mean()) < 4


def test_a_canonical_crop_is_read_as_it_is():
    reader, patch = load_reader(), find.cut_patch(orl_photo("s2"), BOX)
    ((seen, _),) = face.read_patches(reader, [patch])
    whole = find.take_whole(Image.fromarray(seen.crop[..., 0]).convert("RGB")).patches
    ((again, _),) = face.read_patches(reader, whole)
    np.testing.assert_array_equal(again.crop, seen.crop)
    assert again.box is None and again.size == 128
    np.testing.assert_allclose(again.angles[:2], seen.angles[:2], atol=4)
    np.testing.assert_allclose(again.landmarks, seen.landmarks, atol=5)
    assert face.read_patches(reader, []) == [] and face.poses_of([]).shape == (0, 2)


def test_eyes_are_apart_as_the_frame_has_them():
    (left, _), (right, _) = frame.EYES
    np.testing.assert_allclose(face.eyes_apart(np.eye(2, 3)), right - left)
    np.testing.assert_allclose(face.eyes_apart(2.0 * np.eye(2, 3)), (right - left) / 2)


def test_a_large_canonical_crop_is_shrunk_and_keeps_its_size():
    """160 px of a box are 160 * 128 / 108 = 190 px of a crop; 540 are 640."""
    photo = orl_photo().crop((0, 10, 92, 102)).resize((800, 800), Image.Resampling.BICUBIC)
    (patch,) = find.take_whole(photo).patches
    assert patch.pixels.shape == (190, 190, 3)
    assert find.take_whole(photo, 540).patches[0].pixels.shape == (640, 640, 3)
    ((seen, _),) = face.read_patches(load_reader(), [patch])
    assert seen.size == 800 and seen.crop.shape == (128, 128, 1)
    np.testing.assert_allclose(seen.matrix[:, :2], 0.16 * np.eye(2), atol=1e-9)


def test_a_face_without_a_frame_is_left_out_and_others_are_not(monkeypatch):
    """As if the reader saw all landmarks of the second face at one place."""
    read_heads = reading.read_heads

    def collapsed(*args):
        read = read_heads(*args)
        read.landmarks[1] = 40
        return read

    monkeypatch.setattr(reading, "read_heads", collapsed)
    patches = [find.cut_patch(orl_photo(name), BOX) for name in ("s1", "s2", "s3")]
    (first, _), (second, note), (third, _) = face.read_patches(load_reader(), patches)
    assert second is None and note.startswith("a face left out")
    assert first is not None and (first.crop != third.crop).any()


@pytest.mark.parametrize(
    ("yaw", "error", "doubt", "strange"),
    [
        (0, 2.0, 2.0, False),
        (0, 4.0, 2.0, True),
        (0, 2.0, 4.0, True),
        (-80, 4.0, 4.0, False),
        (80, 2.0, 7.0, True),
        (45, 4.5, 4.5, False),  # half way: 4.55 and 4.6
        (45, 4.5, 4.7, True),
        (0, float("nan"), 2.0, True),
    ],
)
def test_what_is_strange(yaw, error, doubt, strange):
    angles = np.array([yaw, 0.0, 0.0])
    seen = face.Face(None, 128, BOX, angles, error, doubt, *[None] * 4)
    assert face.is_strange(seen) == strange


def test_a_covered_face_has_a_note():
    photo = orl_photo()
    photo.paste((20, 180, 60), (10, 62, 84, 100))  # nose and mouth
    ((seen, note),) = face.read_patches(load_reader(), [find.cut_patch(photo, BOX)])
    assert note == face.COVERED and seen.doubt > 3.2
