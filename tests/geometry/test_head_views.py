"""Heads turned in 3D: what is seen comes from the photo, what is not from its mirror image."""

import numpy as np

from facealign.geometry import camera as cameras
from facealign.geometry import head as heads
from facealign.geometry import head_views
from facealign.geometry.camera import Camera

SIZE = 96
MODEL = heads.load_head()


def seen_from(yaw):
    rotation = np.asarray(cameras.rotation_of(np.array([yaw, 0.0, 0.0])))
    camera = Camera(rotation, np.float32(3.0), np.array([48.0, 44.0], np.float32))
    return np.asarray(cameras.project(MODEL.mean, camera))


def halves():
    """A photo with a dark left half and a bright right half."""
    photo = np.full((SIZE, SIZE, 3), 60, np.uint8)
    photo[:, 48:] = 200
    return photo


BLUE = np.full((SIZE, SIZE, 3), (0, 0, 255), np.uint8)


def test_a_head_that_is_not_turned_shows_its_photo_on_the_new_background():
    rng = np.random.default_rng(0)
    smooth = np.repeat(np.repeat(rng.integers(0, 256, (12, 12, 3), np.uint8), 8, 0), 8, 1)
    turned = head_views.turn(smooth, seen_from(0), seen_from(0), MODEL, BLUE)
    assert (turned[:3, :3] == (0, 0, 255)).all()
    face = np.s_[35:75, 38:58]
    assert np.abs(turned[face].astype(int) - smooth[face]).mean() < 6


def test_the_hidden_side_of_a_turned_photo_is_the_mirror_image_of_the_other():
    """A photo from 60 degrees, bright where it shows the cheek: its own front shows both cheeks."""
    photo = np.full((SIZE, SIZE, 3), 150, np.uint8)
    front = head_views.turn(photo, seen_from(60), seen_from(0), MODEL, BLUE)
    for cheek in (front[55:60, 36:40], front[55:60, 56:60]):
        assert np.abs(cheek.astype(int) - 150).max() < 3


def test_a_head_keeps_its_own_sides():
    """The dark half stays on the left of the face, also when it is turned."""
    turned = head_views.turn(halves(), seen_from(0), seen_from(20), MODEL, BLUE)
    nose = int(seen_from(20)[MODEL.landmarks[30, 0], 0])
    row = turned[52, :, 0].astype(int)
    assert row[nose - 12] < 100 and row[nose + 8] > 160


def test_hair_lifts_the_scalp_and_nothing_of_the_face():
    lifted = head_views.with_hair(MODEL.mean, MODEL, 2.0)
    moved = np.linalg.norm(lifted - MODEL.mean, axis=1)
    top = MODEL.mean[:, 1].argmin()
    np.testing.assert_allclose(moved[top], 2, atol=0.1)
    inner = heads.landmarks68(MODEL, moved[:, None])[17:, 0]
    assert inner.max() < 0.01 and moved.max() <= 2.001
    np.testing.assert_array_equal(head_views.with_hair(MODEL.mean, MODEL, 0.0), MODEL.mean)
