"""The matte of a photo: it lies where the photo does, and its edges become those of the photo."""

import numpy as np
import pytest
from PIL import Image

from facealign.errors import UserError
from facealign.faces.turning import matte
from facealign.faces.turning.matte import Matte

SIDE = 64
EDGE = np.repeat(np.arange(SIDE)[None] >= 32, SIDE, axis=0).astype(np.float32)


def test_places_are_those_of_the_photo():
    """A photo twice as large as the window, and 5 px further: (45, y) is column 20."""
    alpha = np.repeat(np.arange(SIDE, dtype=np.float32)[None] / SIDE, SIDE, axis=0)
    found = Matte(alpha, np.array([[0.5, 0, -2.5], [0, 0.5, 0]])).at(np.array([[[45.0, 8.0]]]))
    np.testing.assert_allclose(found, [[20 / SIDE]], atol=1e-5)


@pytest.mark.parametrize("colours", [(0.2, 0.8), (0.7, 0.3)])
def test_a_blurred_matte_gets_the_edge_of_the_photo(colours):
    behind, own = colours
    image = np.repeat((behind + (own - behind) * EDGE)[..., None], 3, axis=-1)
    # Beside the edge the photo is flat, so further away than the filter reaches nothing changes.
    blurred = np.clip((np.arange(SIDE, dtype=np.float32) - 30) / 4, 0, 1)[None].repeat(SIDE, 0)
    refined = np.asarray(matte.refine(blurred, image.astype(np.float32)))
    assert np.abs(refined - EDGE).mean() < 0.5 * np.abs(blurred - EDGE).mean()
    assert np.diff(refined, axis=1).max() > 0.6 > 2 * np.diff(blurred, axis=1).max()
    assert refined.min() >= 0 and refined.max() <= 1


def test_a_photo_without_edges_leaves_the_matte_smooth():
    flat = np.full((SIDE, SIDE, 3), 0.5, np.float32)
    refined = matte.refine(EDGE, flat)
    assert np.abs(np.diff(refined, axis=1)).max() < 0.2
    np.testing.assert_allclose(refined.mean(), 0.5, atol=0.02)


def test_other_weights_are_refused():
    with pytest.raises(UserError, match=r"holds reader and no matte"):
        matte.load_matte.__wrapped__(matte.shipped("reader.safetensors"))


def test_the_shipped_network_finds_a_matte_of_any_photo_and_size():
    for size in (60, 700):
        photo = Image.fromarray(
            np.random.default_rng(0).integers(0, 255, (size, size, 3), dtype=np.uint8)
        )
        found = matte.find_matte(photo, camera_at(size))
        assert found.alpha.shape == (matte.FINE * matte.SIZE,) * 2
        assert 0 <= found.alpha.min() and found.alpha.max() <= 1


def camera_at(size):
    """Of a head in the middle of a photo, as wide as half of it."""
    return matte.Camera(np.eye(3), np.float32(size / 30), np.full(2, size / 2, np.float32))
