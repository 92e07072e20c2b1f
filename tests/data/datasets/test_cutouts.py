"""People cut out of plain backgrounds, and what outlines tell: drawn scenes, all known."""

import numpy as np
import pytest
from PIL import Image

from facealign.data.datasets import cutouts
from facealign.geometry import camera as cameras
from facealign.geometry.camera import Camera
from facealign.geometry.fit import Head
from facealign.geometry.head import load_head
from facealign.geometry.matte_window import STORED
from tests.data.datasets.test_heads import known_photos

SIDE, MIDDLE = 240, np.array([120.0, 110.0])
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]


def head_at(yaw=0.0, scale=5.0):
    """The mean head in the middle of a photo, `scale` px a cm."""
    model = load_head()
    rotation = np.asarray(cameras.rotation_of(np.array([yaw, 0.0, 0.0])))
    camera = Camera(rotation, np.float32(scale), MIDDLE.astype(np.float32))
    nothing = (np.zeros(len(array), np.float32) for array in (model.identity, model.expression))
    return Head(*nothing, camera, np.float32(0))


def portrait(background, skin=(150, 90, 60)):
    """A person of one colour, a disc of 16 cm and a body, before a background [H, W, 3]."""
    person = np.hypot(ROWS - MIDDLE[1] - 5, COLUMNS - MIDDLE[0]) < 80
    person |= (ROWS > MIDDLE[1] + 60) & (np.abs(COLUMNS - MIDDLE[0]) < 60)
    pixels = np.where(person[..., None], skin, background).astype(np.uint8)
    return Image.fromarray(pixels), person


def plain(slope=0.0):
    """Light gray that changes smoothly by `slope` from left to right."""
    gray = 215 + slope * (COLUMNS / SIDE - 0.5)
    return np.repeat(gray[..., None], 3, axis=-1)


@pytest.mark.parametrize("slope", [0, 30])
def test_a_person_before_a_plain_background_is_cut_out(slope):
    photo, person = portrait(plain(slope))
    found = cutouts.cut_out(None, head_at(), photo)
    assert found["image"].shape == (STORED, STORED, 3) and found["domain"] == "restricted"
    alpha, sure = found["alpha"] / 255, found["sure"] == 255
    assert abs(alpha[sure].sum() * (50 / STORED * 5) ** 2 / person.sum() - 1) < 0.03
    inside = found["image"][(alpha > 0.99) & sure]
    np.testing.assert_allclose(np.median(inside, axis=0), (150, 90, 60), atol=2)
    # Nothing of the light background is left: the colours of soft pixels are the person's share.
    soft = (alpha > 0.2) & (alpha < 0.8)
    assert (found["image"][soft, 0] <= 150 * alpha[soft] + 30).all()


def test_a_background_that_is_not_plain_or_like_the_face_is_refused():
    stripes = np.where((COLUMNS // 20 % 2)[..., None], (40, 40, 40), (220, 220, 220))
    with pytest.raises(ValueError, match="not plain"):
        cutouts.cut_out(None, head_at(), portrait(stripes)[0])
    with pytest.raises(ValueError, match=r"like the head|nobody"):
        cutouts.cut_out(None, head_at(), portrait(plain(), skin=(214, 214, 214))[0])


@pytest.mark.parametrize("yaw", [-50.0, 0.0, 50.0])
def test_an_outline_tells_the_middle_of_the_head_and_what_is_far_away(yaw):
    known = known_photos("train", 1)[0]
    found = cutouts.outline(known, head_at(yaw, scale=3.0), Image.new("RGB", (SIDE, SIDE)))
    alpha, sure = found["alpha"] == 255, found["sure"] == 255
    assert found["domain"] == "unrestricted" and abs(found["yaw"] - yaw) < 0.5
    middle = STORED // 2
    assert (alpha & sure)[middle - 4 : middle + 4, middle - 4 : middle + 4].all()
    away = sure & ~alpha
    assert away[: middle - 50].any() and not away[middle + 40 :].any()
    # A face that looks aside has nothing before it; of one that looks ahead nobody knows.
    before = away[middle : middle + 10]
    near = before[:, middle - 45 : middle + 45].any(axis=0)
    left, right = near[:45].sum(), near[45:].sum()
    if yaw:
        assert (right > 5 > left) if yaw > 0 else (left > 5 > right)
    else:
        assert left < 20 and right < 20


def test_what_is_cut_out_of_any_background_has_only_the_pixels_that_are_known():
    known, photo = known_photos("train", 1)[0], portrait(plain())[0]
    outlined, cut = (
        make(known, head_at(), photo) for make in (cutouts.outline, cutouts.cut_inside)
    )
    person = outlined["alpha"] > 0
    assert person.any() and cut["domain"] == "restricted"
    np.testing.assert_array_equal(cut["image"][person], outlined["image"][person])
    assert not cut["image"][~person].any()


def test_what_is_beyond_the_photo_is_not_sure():
    known = known_photos("train", 1)[0]
    found = cutouts.outline(known, head_at(scale=10.0), Image.new("RGB", (SIDE, SIDE)))
    assert not found["sure"][:20].any() and not found["sure"][-20:].any()
