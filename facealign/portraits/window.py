"""The part of the portrait frame that a photo fills, so that nothing large is invented."""

import numpy as np

from facealign.geometry.frame import ABOVE, PORTRAIT, WIDTH

SMALLEST = 20.0 / PORTRAIT  # side of the smallest window, which shows the face and its ears
STEPS = 48  # sides that are tried
HELD = 0.995  # share of a window that the photo has to fill
FACE_TOP, FACE_SIDE = ABOVE / PORTRAIT, WIDTH / PORTRAIT  # of the canonical crop in the frame


def choose_window(held: np.ndarray) -> tuple[float, float, float]:
    """Left, top and side of the largest square around the face that a photo fills.

    It lies in the middle of the frame from left to right and shows the canonical crop. If the photo
    fills none, it is the smallest with the most of the photo.

    Args:
      held: [S, S] of a portrait frame, 0 to 1: what is within the photo.

    Returns:
      Shares of the frame, 0 to 1.
    """
    size = len(held)
    sums = np.pad(held.astype(np.float64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))

    def filled(left: np.ndarray, top: np.ndarray, side: int) -> np.ndarray:
        right, bottom = left + side, top + side
        area = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return area / side**2

    for share in np.linspace(1, SMALLEST, STEPS):
        side = round(share * size)
        lowest = max(0, round((FACE_TOP + FACE_SIDE) * size) - side)
        highest = min(size - side, round(FACE_TOP * size))
        tops = np.arange(lowest, max(lowest, highest) + 1)
        left = np.full(len(tops), (size - side) // 2)
        found = filled(left, tops, side)
        # Of equal ones that in which the face is as high as in the whole frame.
        natural = np.abs(tops - FACE_TOP * size * (1 - share))
        best = np.lexsort((natural, -np.minimum(found, HELD)))[0]
        if found[best] >= HELD:
            break
    return float(left[best]) / size, float(tops[best]) / size, side / size
