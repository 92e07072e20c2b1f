"""Landmarks as pictures: a spot at the place of each."""

import jax
import jax.numpy as jnp

from facealign.geometry.frame import SIZE
from facealign.geometry.resample import grid

DEVIATION = 1.5  # px of a heatmap: standard deviation of a spot


def draw_heatmaps(places: jax.Array, size: int) -> jax.Array:
    """A Gaussian spot of height 1 at each place: [B, size, size, N].

    Args:
      places: [B, N, 2], (x, y) in px of the canonical crop.
      size: height and width in px.
    """
    centres = (places + 0.5) * (size / SIZE) - 0.5
    away = grid(size, size)[None, :, :, None] - centres[:, None, None]
    return jnp.exp(-jnp.square(away).sum(axis=-1) / (2 * DEVIATION**2))
