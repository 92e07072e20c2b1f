"""Image pyramids: they fill holes smoothly, and blend two images without a seam. NumPy."""

import numpy as np

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


def keep(image: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The part [H, W, C] of an image that stays where share [H, W] is 1, and goes where it is 0.

    Coarse structures change over slowly, fine ones at once. Two images are blended by the part that
    stays of their difference. Burt and Adelson, "A multiresolution spline with application to image
    mosaics", 1983.
    """
    return _keep(image, share, LEVELS)


def _keep(image: np.ndarray, share: np.ndarray, levels: int) -> np.ndarray:
    if levels == 0 or min(share.shape) < LEAST:
        return image * share[..., None]
    coarse = halve(image)
    kept = _keep(coarse, halve(share), levels - 1)
    return double(kept, share.shape) + (image - double(coarse, share.shape)) * share[..., None]


def halve(image: np.ndarray) -> np.ndarray:
    """An image [H, W, ...], blurred by `KERNEL` and with every second row and column."""
    for axis in (0, 1):
        image = np.moveaxis(_halve_rows(np.moveaxis(image, axis, 0)), 0, axis)
    return image


def double(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """An image that `halve` made of one of this shape [H, W], as large as before, smooth."""
    for axis in (0, 1):
        image = np.moveaxis(_double_rows(np.moveaxis(image, axis, 0), shape[axis]), 0, axis)
    return image


def _halve_rows(image: np.ndarray) -> np.ndarray:
    count = (len(image) + 1) // 2
    wide = _extended(image, 2, 3)
    return sum(weight * wide[row : row + 2 * count : 2] for row, weight in enumerate(KERNEL))


def _double_rows(image: np.ndarray, count: int) -> np.ndarray:
    """Rows between are the mean of two, the others 1/8, 6/8, 1/8 of three; fewer at the ends."""
    large = np.empty((count, *image.shape[1:]), np.float32)
    wide = _extended(image, 1, 1)
    large[::2] = 0.75 * image + 0.125 * (wide[:-2] + wide[2:])
    large[1::2] = (0.5 * (image + wide[2:]))[: count // 2]
    return large


def _extended(image: np.ndarray, before: int, after: int) -> np.ndarray:
    """An image with its first and last row repeated; much faster than `np.pad`."""
    return np.concatenate([*[image[:1]] * before, image, *[image[-1:]] * after])
