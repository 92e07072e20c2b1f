"""The part of the portrait frame that a photo fills, so that nothing large is invented."""

from typing import NamedTuple

import numpy as np

from facealign.geometry.frame import ABOVE, EYES, PORTRAIT, SIZE, WIDTH

SMALLEST = 17.0 / PORTRAIT  # side of the smallest window, which shows the face
OVER, UNDER = 4.2, 11.5  # cm over and under the eyes that every window shows: brows and chin
STEPS = 48  # sides that are tried
HELD = 0.995  # share of a window that the photo has to fill
COARSE = 96  # px of the frame in which it is searched
CROP_TOP, CROP_SIDE = ABOVE / PORTRAIT, WIDTH / PORTRAIT  # of the canonical crop in the frame
EYES_AT = CROP_TOP + EYES[0][1] / SIZE * CROP_SIDE
TOP, BOTTOM = EYES_AT - OVER / PORTRAIT, EYES_AT + UNDER / PORTRAIT


class Window(NamedTuple):
    """A square of the portrait frame; shares of the frame, 0 to 1."""

    left: float
    top: float
    side: float

    def matrix(self, size: int, wanted: int) -> np.ndarray:
        """The transformation [2, 3] from a frame of `size` px to a window of `wanted` px."""
        scale = wanted / (self.side * size)
        corner = np.array([self.left, self.top]) * size
        return np.column_stack([scale * np.eye(2), scale * (0.5 - corner) - 0.5])


TIGHT = Window((1 - CROP_SIDE) / 2, CROP_TOP, CROP_SIDE)


def choose_window(held: np.ndarray) -> Window:
    """The largest square around the face that a photo fills.

    It lies in the middle of the frame from left to right and shows the face from the brows to the
    chin. If the photo fills none, it is the smallest with the most of the photo.

    Args:
      held: [S, S] of a portrait frame, 0 to 1: what is within the photo.
    """
    every = max(1, len(held) // COARSE)
    held = held[::every, ::every]
    size = len(held)
    sums = np.pad(held.astype(np.float64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))

    def filled(left: np.ndarray, top: np.ndarray, side: int) -> np.ndarray:
        right, bottom = left + side, top + side
        area = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return area / side**2

    for share in np.linspace(1, SMALLEST, STEPS):
        side = round(share * size)
        lowest = max(0, round(BOTTOM * size) - side)
        highest = min(size - side, round(TOP * size))
        tops = np.arange(lowest, max(lowest, highest) + 1)
        left = np.full(len(tops), (size - side) // 2)
        found = filled(left, tops, side)
        # Of equal ones that in which the face is as high as in the whole frame.
        natural = np.abs(tops - CROP_TOP * size * (1 - share))
        best = np.lexsort((natural, -np.minimum(found, HELD)))[0]
        if found[best] >= HELD:
            break
    return Window(float(left[best]) / size, float(tops[best]) / size, side / size)


def enlarge(image: np.ndarray, window: Window, size: int) -> np.ndarray:
    """A window of an image [S, S, ...] of a portrait frame in `size` px, float32.

    Linear, also half a pixel of the image beyond its border, so that values may leave their range.
    """
    for axis, start in enumerate((window.top, window.left)):
        first, share = _find_pixels(np.arange(size), start, window.side / size, image.shape[1])
        share = share.reshape(-1, *[1] * (image.ndim - 1 - axis))
        low, high = (image.take(first + more, axis=axis) for more in (0, 1))
        image = low + (high - low) * share
    return image


def enlarge_some(
    image: np.ndarray, window: Window, size: int, some: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Some pixels [N, C] of what `enlarge` makes of an image [S, S, C]: their rows and columns."""
    count, step = len(image), window.side / size
    (row, down), (column, across) = (
        _find_pixels(pixels, start, step, count)
        for pixels, start in zip(some, (window.top, window.left), strict=True)
    )
    flat, corner = image.reshape(count * count, -1), row * count + column
    down, across = down[:, None], across[:, None]
    upper, lower = (
        flat.take(corner + below, axis=0) * (1 - across)
        + flat.take(corner + below + 1, axis=0) * across
        for below in (0, count)
    )
    return upper + (lower - upper) * down


def _find_pixels(
    pixels: np.ndarray, start: float, step: float, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The first of two pixels of an image of `count` px, and the share of the second."""
    places = ((pixels + 0.5) * step + start) * count - 0.5
    first = np.floor(places).clip(0, count - 2).astype(int)
    return first, (places - first).astype(np.float32)
