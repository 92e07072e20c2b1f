"""Image pyramids: they fill holes smoothly, and blend two images without a seam. NumPy.

Inside, channels come first, since NumPy is slow where the last axis has few numbers.
"""

import numpy as np

SMALLEST = 4  # px: smallest side of the top of a pyramid that fills
LEVELS, LEAST = 5, 16  # of a pyramid that blends; px below which it is not halved again
NONE = 1e-6  # weight that counts as nothing


def fill(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Values [H, W, C], float32, with those of weight 0 made of their surroundings.

    Holes get the mean of what is around them, the nearer the more. Weights [H, W] are from 0 to 1;
    between, a value is mixed with its surroundings. "Push-pull", Gortler et al., "The Lumigraph",
    1996.
    """
    values = np.moveaxis(values, -1, 0)
    levels = [np.stack([*(values * weights), weights])]  # the weights are the last channel
    while min(levels[-1].shape[1:]) > SMALLEST:
        levels.append(halve(levels[-1]))
    filled = levels[-1][:-1] / (levels[-1][-1] + NONE)
    for sums, weights in ((level[:-1], level[-1]) for level in levels[-2::-1]):
        share = weights.clip(max=1)
        filled = double(filled, weights.shape) * (1 - share)
        filled += sums * (share / (weights + NONE))
    return np.ascontiguousarray(np.moveaxis(filled, 0, -1))


def keep(image: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The part [H, W, C] of an image that stays where share [H, W] is 1, and goes where it is 0.

    Coarse structures change over slowly, fine ones at once. Two images are blended by the part that
    stays of their difference. Burt and Adelson, "A multiresolution spline with application to image
    mosaics", 1983.
    """
    kept = _keep(np.ascontiguousarray(np.moveaxis(image, -1, 0)), share, LEVELS)
    return np.ascontiguousarray(np.moveaxis(kept, 0, -1))


def _keep(image: np.ndarray, share: np.ndarray, levels: int) -> np.ndarray:
    if levels == 0 or min(share.shape) < LEAST:
        return image * share
    coarse = halve(image)
    kept = _keep(coarse, halve(share), levels - 1)
    return double(kept, share.shape) + (image - double(coarse, share.shape)) * share


def halve(image: np.ndarray) -> np.ndarray:
    """An image [..., H, W], blurred by (1, 4, 6, 4, 1) / 16, every second row and column of it."""
    for axis in (-2, -1):
        image = _halve_rows(image.swapaxes(axis, -2)).swapaxes(axis, -2)
    return image


def double(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """An image that `halve` made of one of this shape [H, W], as large as before, smooth."""
    for axis in (-1, -2):
        image = _double_rows(image.swapaxes(axis, -2), shape[axis]).swapaxes(axis, -2)
    return image


def _halve_rows(image: np.ndarray) -> np.ndarray:
    count = (image.shape[-2] + 1) // 2
    wide = _extended(image, 2, 3)
    first, second, third, fourth, fifth = (
        wide[..., row : row + 2 * count : 2, :] for row in range(5)
    )
    half = first + fifth
    half *= 1 / 16
    half += (second + fourth) * np.float32(1 / 4)
    half += third * np.float32(6 / 16)
    return half


def _double_rows(image: np.ndarray, count: int) -> np.ndarray:
    """Rows between are the mean of two, the others 1/8, 6/8, 1/8 of three; fewer at the ends."""
    wide = _extended(image, 1, 1)
    before, after = wide[..., :-2, :], wide[..., 2:, :]
    large = np.empty_like(image, shape=(*image.shape[:-2], count, image.shape[-1]))
    large[..., ::2, :] = 0.75 * image + 0.125 * (before + after)
    large[..., 1::2, :] = (0.5 * (image + after))[..., : count // 2, :]
    return large


def _extended(image: np.ndarray, before: int, after: int) -> np.ndarray:
    """An image with its first and last row repeated; much faster than `np.pad`."""
    first, last = image[..., :1, :], image[..., -1:, :]
    return np.concatenate([*[first] * before, image, *[last] * after], axis=-2)
