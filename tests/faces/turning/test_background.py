"""Plain backgrounds: colours by hand, what is the person's stays, and a head needs no matte."""

import numpy as np
import pytest
from PIL import Image

from facealign.errors import UserError
from facealign.faces.turning import background
from facealign.faces.turning.matte import Matte
from facealign.faces.turning.style import Style, check_style
from tests.faces.turning.test_compose import NOBODY
from tests.faces.turning.test_far_side import found, short_hair

HALF = np.repeat(np.arange(32)[None] < 16, 32, axis=0).astype(np.float32)


def test_the_person_s_pixels_stay_and_the_rest_is_the_colour():
    image = np.random.default_rng(0).uniform(0, 255, (32, 32, 3)).astype(np.float32)
    shown = background.replace_background(image, HALF, np.array([10.0, 20, 30]))
    np.testing.assert_allclose(shown[:, :16], image[:, :16], atol=1e-3)
    np.testing.assert_allclose(shown[:, 16:], np.broadcast_to((10, 20, 30), (32, 16, 3)), atol=1e-3)


def test_a_pixel_half_the_person_s_has_nothing_of_the_old_background():
    """A person of 200 before 0, at an edge of half: 100 in the photo, (200 + 50) / 2 before 50."""
    person = HALF.copy()
    person[:, 16] = 0.5
    image = np.repeat(200 * person[..., None], 3, axis=-1)
    shown = background.replace_background(image, person, np.full(3, 50.0))
    np.testing.assert_allclose(shown[:, 16], 125, atol=3)


def test_what_is_mirrored_beside_a_head_is_of_the_person():
    view, reach, _, share = found(60.0, person=short_hair)
    beside = (share > 0.5) & ~view.surface
    person = background.find_person(view, reach, NOBODY, share)
    assert beside.any() and person[beside].min() > 0.5
    assert background.find_person(view, reach, NOBODY, 0 * share)[beside].mean() < 0.5


@pytest.mark.parametrize(
    ("asked", "colour"),
    [("#102030", (16, 32, 48)), ("plain", (90, 90, 90)), ("auto", (90, 90, 90))],
)
def test_the_colour_is_the_given_one_or_the_mean_of_what_is_behind(asked, colour):
    gray = np.where(HALF, 250, 90).astype(np.uint8)
    photo = Image.fromarray(gray).resize((128, 256)).convert("RGB")
    matte = Matte(HALF, np.array([[0.25, 0, 0], [0, 0.125, 0]]))
    np.testing.assert_allclose(background.choose_colour(asked, photo, matte), colour, atol=6)


def test_a_photo_filled_by_its_person_gives_its_own_mean():
    photo = Image.new("RGB", (40, 30), (70, 80, 90))
    everywhere = Matte(np.ones((8, 8), np.float32), np.eye(3)[:2])
    found = background.choose_colour("plain", photo, everywhere)
    np.testing.assert_allclose(found, (70, 80, 90))


@pytest.mark.parametrize(
    ("asked", "angle", "plain"),
    [("auto", 44, False), ("auto", 46, True), ("keep", 80, False), ("plain", 0, True),
     ("#ffffff", 0, True)],
)  # fmt: skip
def test_the_scene_stays_up_to_45_degrees_unless_asked(asked, angle, plain):
    assert background.is_plain(asked, angle) is plain


@pytest.mark.parametrize("wrong", ["white", "#fff", "#12345g", "", "d0d0d0"])
def test_a_wrong_background_is_named(wrong):
    with pytest.raises(UserError, match=r"--background=.*auto, keep, plain, or a colour"):
        check_style(Style(background=wrong))
