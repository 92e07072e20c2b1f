"""Hair grows on fitted heads as thick as the matte shows it."""

import numpy as np
import pytest

from facealign.faces.turning import hair
from facealign.faces.turning.hair import add_hair, hairy
from facealign.faces.turning.matte import Matte
from facealign.faces.turning.turn import FACE, NECK
from facealign.geometry import camera as cameras
from facealign.geometry import head as heads
from facealign.geometry import rasterize
from facealign.geometry.camera import Camera
from tests.faces.turning.test_compose import NOBODY

SIZE = 200
MEAN = heads.load_head().mean


def camera_at(yaw=0.0, roll=0.0, scale=5.0):
    rotation = np.asarray(cameras.rotation_of(np.array([yaw, 0.0, roll])))
    return Camera(rotation, np.float32(scale), np.array([SIZE / 2, SIZE / 2], np.float32))


def grown_by(thick):
    """The mean head with hair of cm, one number or [V]."""
    outwards = MEAN - hair.CENTRE
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    return MEAN + outwards * (thick * hairy())[:, None]


def matte_of(points, camera):
    """The matte of a photo that shows a head with vertices [V, 3]."""
    seen = np.asarray(cameras.project(points, camera))
    drawn = rasterize.cover(seen, heads.load_head().triangles, (SIZE, SIZE))
    return Matte(drawn.astype(np.float32), np.eye(2, 3))


def thickness(points):
    """How far each vertex [V] is from its place on the bald head."""
    return np.linalg.norm(points - MEAN, axis=1)


@pytest.mark.parametrize("yaw", [0.0, 30.0, -30.0])
@pytest.mark.parametrize("thick", [0.0, 1.0, 2.0])
def test_it_is_as_thick_as_the_matte_shows(yaw, thick):
    """Hardly thicker anywhere; thinner by its ends, and by less hair near the face and the ears."""
    camera = camera_at(yaw)
    found = thickness(add_hair(MEAN, camera, matte_of(grown_by(thick), camera)))
    full = hairy() > 0.95
    assert 0.75 * thick - hair.LOOSE <= np.median(found[full]) <= thick
    assert found.max() < thick + 0.05


def test_face_ears_and_neck_have_none():
    camera, model = camera_at(30.0), heads.load_head()
    grown = add_hair(MEAN, camera, matte_of(grown_by(2.0), camera))
    ear = (np.abs(MEAN[:, 0]) > 8.5) & (MEAN[:, 1] > -1)
    assert ear.any()
    for bare in (model.part == FACE, model.part == NECK, ear):
        np.testing.assert_allclose(grown[bare], MEAN[bare], atol=0.02)


def test_both_sides_are_alike_and_as_the_thinner_one():
    """Hair of 3 cm that the photo shows on one side only grows by its small share."""
    camera, mirror = camera_at(), heads.load_head().mirror
    thick = np.where(MEAN[:, 0] > 0, 3.0, 0.0)
    found = thickness(add_hair(MEAN, camera, matte_of(grown_by(thick), camera)))
    np.testing.assert_allclose(found, found[mirror], atol=0.02)
    temples = (np.abs(MEAN[:, 0]) > 6) & (hairy() > 0.95)
    assert np.median(found[temples]) == pytest.approx((1 - hair.THIN) * 3 - hair.LOOSE, abs=0.2)


def test_beside_a_bald_crown_it_is_thin():
    camera = camera_at()
    away = np.abs(MEAN[:, 0]) / np.linalg.norm(MEAN - hair.CENTRE, axis=1)
    thick = np.where(away > 0.6, 2.5, 0.0)
    found = thickness(add_hair(MEAN, camera, matte_of(grown_by(thick), camera)))
    assert 0.3 < found.max() <= hair.THICKER - hair.LOOSE + 0.01


def test_roll_and_scale_of_the_photo_do_not_matter():
    one, other = camera_at(20.0), camera_at(20.0, roll=35.0, scale=7.0)
    found, again = (add_hair(MEAN, c, matte_of(grown_by(1.5), c)) for c in (one, other))
    assert np.abs(found - again).max() < 0.25


def test_without_a_matte_that_finds_the_head_there_is_none():
    assert add_hair(MEAN, camera_at(), NOBODY) is MEAN
