"""Image pyramids: they fill holes smoothly, and blend two images without a seam. NumPy."""

import numpy as np
from scipy import ndimage

KERNEL = np.array([1, 4, 6, 4, 1], np.float32) / 16
SMALLEST = 4  # px: smallest side of the top of a pyramid that fills
LEVELS, LEAST = 5, 16  # of a pyramid that blends; px below which it is not halved again
NONE = 1e-6  # weight that counts as nothing


def fill(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Values [H, W, C], float32, with those of weight 0 made of their surroundings.

    Holes get the mean of what is around them, the nearer the more. Weights [H, W] are from 0 to 1;
    between, a value is mixed with its surroundings. "Push-pull", Gortler et al., "The Lumigraph",
    1996.
    """
    levels = [(values * weights[..., None], weights)]
    while min(weights.shape) > SMALLEST:
        sums, weights = levels[-1]
        levels.append((halve(sums), halve(weights)))
        weights = levels[-1][1]
    filled = levels[-1][0] / (levels[-1][1][..., None] + NONE)
    for sums, weights in levels[-2::-1]:
        share = weights.clip(max=1)[..., None]
        own = sums / (weights[..., None] + NONE)
        filled = own * share + double(filled, weights.shape) * (1 - share)
    return filled


def blend(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The first image [H, W, C] where share [H, W] is 1, the second where it is 0; float32.

    Coarse structures change over slowly, fine ones at once. Burt and Adelson, "A multiresolution
    spline with application to image mosaics", 1983.
    """
    return _blend(first, second, share, LEVELS)


def _blend(first: np.ndarray, second: np.ndarray, share: np.ndarray, levels: int) -> np.ndarray:
    own = share[..., None]
    if levels == 0 or min(share.shape) < LEAST:
        return first * own + second * (1 - own)
    coarse_first, coarse_second = halve(first), halve(second)
    coarse = _blend(coarse_first, coarse_second, halve(share), levels - 1)
    fine_first = first - double(coarse_first, share.shape)
    fine_second = second - double(coarse_second, share.shape)
    return double(coarse, share.shape) + fine_first * own + fine_second * (1 - own)


def halve(image: np.ndarray) -> np.ndarray:
    """An image [H, W, ...], blurred and with every second row and column."""
    for axis in (0, 1):
        image = ndimage.correlate1d(image, KERNEL, axis=axis, mode="nearest")
    return image[::2, ::2]


def double(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """An image that `halve` made of one of this shape [H, W], as large as before, smooth."""
    large, weights = np.zeros((*shape, *image.shape[2:]), np.float32), np.zeros(shape, np.float32)
    large[::2, ::2], weights[::2, ::2] = image, 1
    for axis in (0, 1):
        large = ndimage.correlate1d(large, KERNEL, axis=axis, mode="constant")
        weights = ndimage.correlate1d(weights, KERNEL, axis=axis, mode="constant")
    return large / weights.reshape(*shape, *[1] * (image.ndim - 2))
