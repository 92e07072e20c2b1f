"""Windows for the matte: mattes move as pixels do, and what is behind is the new background."""

import jax
import jax.numpy as jnp
import numpy as np

from facealign.data import matte_windows
from facealign.data.matte_windows import composed_windows, middle_window, photo_windows
from facealign.geometry.matte_window import SIZE, STORED

COUNT = 6
ROWS, COLUMNS = np.mgrid[:STORED, :STORED]
DISC = (np.hypot(ROWS - 70, COLUMNS - 80) < 28).astype(np.float32)
SURE = np.full((COUNT, STORED, STORED), 255, np.uint8)
ALPHA = np.repeat((255 * DISC).astype(np.uint8)[None], COUNT, axis=0)


def red_people():
    """Red discs, cut out: colours are black beside them."""
    image = np.stack([2 * DISC - 1, *[-np.ones_like(DISC)] * 2], axis=-1)
    return {"image": jnp.tile(image, (COUNT, 1, 1, 1)), "alpha": ALPHA, "sure": SURE}


def test_the_middle_window_is_the_middle():
    window = middle_window(COLUMNS[None, ..., None])[0, ..., 0]
    assert window.shape == (SIZE, SIZE)
    assert window[0, 0] + window[0, -1] == STORED - 1


def test_mattes_of_photos_move_as_their_pixels_do():
    """A white disc on black; whatever is done to the light, only it is brighter."""
    photos = jnp.tile(2 * DISC[None, ..., None] - 1, (COUNT, 1, 1, 3))
    windows = photo_windows(photos, ALPHA, SURE, jax.random.key(0))
    for image, alpha, sure in zip(*(np.asarray(windows[n]) for n in windows), strict=True):
        inside, beside = image[alpha > 0.9].mean(), image[(alpha < 0.1) & (sure > 0.9)].mean()
        assert inside > beside + 0.4
        assert 0.8 < np.corrcoef(image[sure > 0.9].mean(-1), alpha[sure > 0.9])[0, 1]


def test_what_is_beyond_a_stored_photo_is_not_sure():
    matrices, shift = jnp.tile(2 * jnp.eye(2), (COUNT, 1, 1)), jnp.zeros((COUNT, 2))
    planes = matte_windows._move(jnp.ones((COUNT, STORED, STORED, 1)), matrices, shift)
    held = np.asarray(planes[..., 0])
    assert held[:, SIZE // 2, SIZE // 2].min() == 1 and held[:, 0].max() == 0


def test_people_stand_before_other_photos_in_clothes_that_belong_to_them():
    """Green photos: beside a red person all is green, or a colour; its matte has head and body."""
    green = jnp.tile(jnp.array([-1.0, 1.0, -1.0]), (COUNT, STORED, STORED, 1))
    windows = composed_windows(red_people(), green, jax.random.key(2))
    image, alpha = (np.asarray(windows[name]) for name in ("image", "alpha"))
    assert image.min() >= -1 and image.max() <= 1
    assert alpha.min() >= 0 and alpha.max() <= 1 + 1e-5
    coloured = 0
    for picture, matte in zip(image, alpha, strict=True):
        assert matte[SIZE - 4, SIZE // 2] > 0.9  # the body
        assert matte[:8].max() < 0.1
        head = np.zeros_like(matte, bool)
        head[: SIZE * 2 // 3] = matte[: SIZE * 2 // 3] > 0.95
        red, green_, _ = picture[head].mean(axis=0)
        coloured += red > green_ + 0.1
        assert red > green_ - 0.1  # a gray photo has none
    assert coloured >= COUNT - 2


def test_windows_are_random_and_the_same_for_the_same_key():
    green = jnp.zeros((COUNT, STORED, STORED, 3))
    one, same, other = (
        composed_windows(red_people(), green, jax.random.key(seed)) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one["image"], same["image"])
    assert np.abs(one["alpha"] - other["alpha"]).max() > 0.5
