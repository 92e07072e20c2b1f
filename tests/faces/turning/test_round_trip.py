"""Photos turned away and back: what does not turn comes back, and the truth is the photo."""

import numpy as np
import pytest

from facealign.faces.turning import round_trip
from facealign.faces.turning.layout import GRID, lay_out
from facealign.faces.turning.paint import blend
from facealign.geometry import camera as cameras
from facealign.models.completion import FACE, HEAD, MAPS, OWN
from tests.faces.turning.test_compose import NOBODY, head_at, photo


def trip(yaw, pitch=0.0, tight=1.0):
    image, head = photo((300, 300)), head_at(shift=(150.0, 140.0), scale=6.0)
    away = round_trip.turn_away(image, head, NOBODY, (yaw, pitch), tight)
    read = head._replace(camera=away.camera)  # as a perfect reader
    back = round_trip.turn_back(away, away.photo, read, NOBODY, image, head)
    return image, head, away, back


def test_what_does_not_turn_comes_back():
    *_, back = trip(0.0)
    known = back.known > 0.99
    away = np.abs(back.returned.astype(int) - back.target)[known]
    assert known.mean() > 0.5 and away.mean() < 3  # it was resampled twice


@pytest.mark.parametrize("yaw", [-40.0, 25.0])
def test_the_head_looks_as_far_aside_as_it_is_turned(yaw):
    _, _, away, back = trip(yaw, pitch=8.0)
    angles = np.asarray(cameras.angles_of(away.camera.rotation))
    np.testing.assert_allclose(angles, (yaw, 8, 0), atol=0.1)
    own = back.maps[..., OWN] * back.maps[..., FACE]
    middle = GRID // 4
    near, far = (slice(None, middle), slice(middle, None))[:: 1 if yaw > 0 else -1]
    face = back.maps[..., FACE]
    assert own[:, near].sum() / face[:, near].sum() > own[:, far].sum() / face[:, far].sum() + 0.1


@pytest.mark.parametrize("yaw", [-40.0, 25.0])
def test_the_truth_is_the_photo_s_own_portrait(yaw):
    image, head, _, back = trip(yaw)
    layout = lay_out(image, head, NOBODY)
    straight = blend(image, head.camera, layout).image
    face = np.kron(back.maps[..., FACE], np.ones((2, 2))) == 1
    off = np.abs(back.target.astype(float) - straight)
    assert np.median(off[face & (back.known == 1)]) < 2
    wrong = np.abs(back.returned.astype(float) - straight)[face]
    assert wrong.mean() > 2 * off[face].mean()


def test_a_tight_photo_shows_less():
    wide, tight = (trip(20.0, tight=share)[2] for share in (1.0, 0.7))
    assert tight.photo.width == pytest.approx(0.7 * wide.photo.width, abs=2)
    assert float(tight.camera.scale) == pytest.approx(float(wide.camera.scale), rel=0.02)


def test_maps_are_shares_and_the_head_holds_the_face():
    *_, back = trip(30.0)
    assert back.maps.shape == (GRID // 2, GRID // 2, MAPS)
    assert back.maps.min() >= 0 and back.maps.max() <= 1
    assert (back.maps[..., HEAD] >= back.maps[..., FACE] - 1e-6).all()
