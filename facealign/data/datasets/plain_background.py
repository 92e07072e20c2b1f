"""Takes the plain background of a portrait away. NumPy."""

import numpy as np
from scipy import ndimage

VERSION = 1  # increase it when the same portraits give other colours or shares
# Differences of colour from the background, of 255, from which a pixel is not all background, and
# is all person; and how many standard deviations of the background they are at least.
KEY, DEVIATIONS = (12.0, 34.0), (3.0, 6.0)
BORDER, LOW = 0.12, 0.5  # share of a portrait's border in which nobody is, but below this height
PLAIN = 14.0  # of 255: largest standard deviation of a plain background


def take_away(colours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A person of a portrait [H, W, 3] from 0 to 255, before nothing.

    Returns:
      Colours [H, W, 3], 0 where nobody is; and the share of the person in each pixel, [H, W].

    Raises:
      ValueError: the background is not plain, or there is nobody before it.
    """
    background, deviation = _plain_background(colours)
    low, high = (max(k, d * deviation) for k, d in zip(KEY, DEVIATIONS, strict=True))
    alpha = (np.abs(colours - background).max(axis=-1) - low) / (high - low)
    person = _largest(ndimage.binary_opening(alpha > 0.5, iterations=2))
    # Nothing is seen through a person, though skin may shine as the background.
    person = ndimage.binary_fill_holes(person)
    core = ndimage.binary_erosion(person, iterations=2, border_value=1)
    near = ndimage.binary_dilation(person, iterations=6)
    alpha = np.where(core, 1, alpha.clip(0, 1) * near)[..., None]
    own = (colours - (1 - alpha) * background) / np.maximum(alpha, 0.1)
    return own.clip(0, 255) * alpha, alpha[..., 0]


def _plain_background(colours: np.ndarray) -> tuple[np.ndarray, float]:
    """The background [H, W, 3] of a portrait, a smooth surface, and how far its pixels are off.

    Raises:
      ValueError: it is not plain.
    """
    height, width = colours.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    near = (y < 2 * BORDER - 1) | (np.abs(x) > 1 - 2 * BORDER)
    border = near & (y < 2 * LOW - 1)
    known = border
    for _ in range(3):  # without hair that reaches the border
        found = np.linalg.lstsq(terms[known], colours[known], rcond=None)[0]
        background = (terms @ found).astype(np.float32)
        away = np.abs(colours - background).max(axis=-1)
        deviation = float(np.sqrt(np.square(away[known]).mean()))
        known = border & (away < max(KEY[0], 2.5 * deviation))
    if deviation > PLAIN:
        raise ValueError("its background is not plain")
    return background, deviation


def _largest(mask: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(mask)
    if not count:
        raise ValueError("nobody is found before its background")
    return labels == 1 + np.argmax(ndimage.sum_labels(mask, labels, range(1, count + 1)))
