"""Quality of images: sharpness, diversity, and distance to a target."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

PEAK = 2.0  # width of the range [-1, 1] of images
WINDOW, WINDOW_SIGMA = 11, 1.5  # px, of structural similarity


def accuracy(logits: jax.Array, real: bool, boundary: float) -> jax.Array:
    """Share [B] of patch logits [B, h, w, 1] on the right side of the boundary."""
    right = logits > boundary if real else logits < boundary
    return right.reshape(len(logits), -1).mean(axis=1)


def spread(images: jax.Array) -> jax.Array:
    """Mean absolute difference, a scalar, over all pairs of images [N, H, W, C]; N > 1."""
    flat = images.reshape(len(images), -1)
    # Sums of pairwise differences from sorted values: O(N log N) instead of N x N differences.
    ranked = jnp.sort(flat, axis=0)
    rank = jnp.arange(len(flat))[:, None]
    total = ((2 * rank - len(flat) + 1) * ranked).sum(axis=0)
    return (total / (len(flat) * (len(flat) - 1) / 2)).mean()


def spread_between(images: jax.Array, subjects: np.ndarray) -> jax.Array:
    """Mean absolute difference, a scalar, over pairs of images [N, ...] of different subjects [N].

    Raises:
      ValueError: there is one subject only.
    """
    counts = np.unique(subjects, return_counts=True)[1]
    pairs, within = _pairs(len(images)), _pairs(counts)
    if pairs == within.sum():
        raise ValueError("one subject only")
    total = spread(images) * pairs
    for subject, count in zip(np.unique(subjects), within, strict=True):
        if count:
            total -= spread(images[np.flatnonzero(subjects == subject)]) * count
    return jnp.maximum(total, 0) / (pairs - within.sum())  # rounding may go below 0


def diversity(outputs: jax.Array, inputs: jax.Array) -> jax.Array:
    """Spread of the outputs divided by that of the inputs, a scalar; images are as in `spread`.

    0 is collapse, about 1 is healthy.
    """
    return spread(outputs) / jnp.maximum(spread(inputs), 1e-6)


def psnr(images: jax.Array, targets: jax.Array) -> jax.Array:
    """Peak signal-to-noise ratio [B] in dB of images [B, H, W, C] in [-1, 1]; inf where equal."""
    error = ((images - targets) ** 2).reshape(len(images), -1).mean(axis=1)
    return 10 * jnp.log10(PEAK**2 / error)


def ssim(images: jax.Array, targets: jax.Array) -> jax.Array:
    """Structural similarity [B] of images [B, H, W, C] in [-1, 1]; 1 where they are equal.

    Means, variances and covariance under a Gaussian window of 11 x 11 px, sigma 1.5, without
    padding, so H and W are at least 11. Wang et al., "Image quality assessment: from error
    visibility to structural similarity", 2004, equation 13.
    """
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    moments = jnp.stack([images, targets, images**2, targets**2, images * targets])
    mean_x, mean_y, square_x, square_y, product = _windowed(moments)
    variances = square_x - mean_x**2 + square_y - mean_y**2
    covariance = product - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (variances + c2)
    return (luminance * structure).reshape(len(images), -1).mean(axis=1)


def sharpness(images: jax.Array) -> jax.Array:
    """Gradient energy [B] of images [B, H, W, C]: mean squared difference of neighbours, x plus y.

    Compare it with that of real photos: blur lowers it, noise raises it.
    """
    steps = jnp.diff(images, axis=1), jnp.diff(images, axis=2)
    return sum((step**2).reshape(len(images), -1).mean(axis=1) for step in steps)


def _pairs(count: Any) -> Any:
    """Number of pairs of a number, or of an array of numbers."""
    return count * (count - 1) // 2


def _windowed(arrays: jax.Array) -> jax.Array:
    """Means of [..., H, W, C] under the Gaussian window of `ssim`, [..., H - 10, W - 10, C]."""
    weights = jnp.exp(-0.5 * ((jnp.arange(WINDOW) - WINDOW // 2) / WINDOW_SIGMA) ** 2)
    weights = weights / weights.sum()
    for axis in (-3, -2):  # a Gaussian window is a column times a row
        length = arrays.shape[axis] - WINDOW + 1
        arrays = sum(
            weight * jax.lax.slice_in_dim(arrays, start, start + length, axis=axis)
            for start, weight in enumerate(weights)
        )
    return arrays
