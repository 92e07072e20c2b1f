"""Resampling of images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.geometry.resample import grid, resample

BOTH = pytest.mark.parametrize("kernel", ["linear", "cubic"])
IMAGES = jax.random.uniform(jax.random.key(0), (3, 5, 7, 2), minval=-1)


@BOTH
def test_resampling_at_the_pixels_returns_the_image(kernel):
    places = jnp.broadcast_to(grid(5, 7), (3, 5, 7, 2))
    np.testing.assert_allclose(resample(IMAGES, places, kernel), IMAGES, atol=1e-6)


def test_linear_by_hand():
    image = jnp.array([[0.0, 1.0], [2.0, 5.0]])[None, :, :, None]
    places = jnp.array([[[0.5, 0.0], [0.0, 0.25], [0.5, 0.5], [0.25, 0.75]]])[:, None]
    # (1 - y) * ((1 - x) * 0 + x * 1) + y * ((1 - x) * 2 + x * 5)
    expected = [0.5, 0.5, 2.0, 0.25 * 0.25 + 0.75 * 2.75]
    np.testing.assert_allclose(resample(image, places).ravel(), expected, atol=1e-6)


def test_cubic_by_hand_and_exact_on_a_parabola():
    """Half way between the middle ones of 0, 1, 2, 0: (-0 + 9 * 1 + 9 * 2 - 0) / 16."""
    row = jnp.array([0.0, 1.0, 2.0, 0.0])[None, None, :, None]
    place = jnp.array([[[[1.5, 0.0]]]])
    assert resample(row, place, "cubic").item() == pytest.approx(27 / 16)
    x, y = jnp.moveaxis(grid(6, 6), -1, 0)
    parabola = (x**2 - x * y + 2 * y**2)[None, ..., None]
    places = jax.random.uniform(jax.random.key(1), (1, 9, 1, 2), minval=1, maxval=4)
    x, y = jnp.moveaxis(places, -1, 0)
    read = resample(parabola, places, "cubic")[..., 0]
    np.testing.assert_allclose(read, x**2 - x * y + 2 * y**2, rtol=1e-5)


@BOTH
def test_the_border_is_repeated_beyond_the_image(kernel):
    places = jnp.array([[[-3.0, -9.0], [99.0, 2.0]]])[:, None]
    read = resample(IMAGES[:1], places, kernel)
    np.testing.assert_allclose(read[0, 0], [IMAGES[0, 0, 0], IMAGES[0, 2, 6]], atol=1e-6)


@BOTH
def test_an_image_of_one_pixel(kernel):
    image = jnp.full((1, 1, 1, 1), 0.5)
    assert resample(image, jnp.array([[[[0.3, -2.0]]]]), kernel).item() == 0.5


def test_the_result_has_the_shape_of_the_places():
    assert resample(IMAGES, jnp.zeros((3, 4, 6, 2))).shape == (3, 4, 6, 2)


def test_gradients_in_images_and_places_by_hand():
    image = jnp.array([[0.0, 1.0], [2.0, 5.0]])[None, :, :, None]
    place = jnp.array([[[[0.25, 0.75]]]])
    to_image, to_place = jax.grad(lambda i, p: resample(i, p).sum(), argnums=(0, 1))(image, place)
    np.testing.assert_allclose(to_image[0, :, :, 0], [[0.1875, 0.0625], [0.5625, 0.1875]])
    np.testing.assert_allclose(to_place.ravel(), [0.25 * 1 + 0.75 * 3, 0.75 * 2 + 0.25 * 4])
    for kernel in ("linear", "cubic"):
        edge = jax.grad(lambda p, k=kernel: resample(IMAGES[:1], p, k).sum())(
            jnp.array([[[[6.0, 4.0]]]])
        )
        assert np.isfinite(edge).all()
