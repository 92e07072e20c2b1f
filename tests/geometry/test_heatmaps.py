"""Heatmaps of landmarks."""

import jax.numpy as jnp
import numpy as np

from facealign.geometry.resample import DEVIATION, draw_heatmaps


def test_a_spot_is_a_gaussian_of_height_1_at_its_place():
    maps = np.asarray(draw_heatmaps(jnp.float32([[(40, 60), (-500, 0)]]), 128))
    assert maps.shape == (1, 128, 128, 2)
    assert maps[0, 60, 40, 0] == 1
    np.testing.assert_allclose(maps[0, 62, 41, 0], np.exp(-5 / (2 * DEVIATION**2)), rtol=1e-6)
    assert maps[..., 1].max() == 0  # beyond the image


def test_places_are_in_px_of_the_canonical_crop_for_any_size():
    """At a quarter of the size, the centre of px 10 is between px 41 and 42 of the crop."""
    maps = np.asarray(draw_heatmaps(jnp.float32([[(41.5, 1.5)]]), 32))
    assert maps[0, 0, 10, 0] == 1
