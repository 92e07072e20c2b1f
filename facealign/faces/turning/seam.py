"""Where a mirrored far side meets what the photo shows of it: along a hardly seen seam. NumPy.

Far hair lies further out than the fitted head, so that a portrait would have it on the forehead,
between skin and mirrored skin. The seam goes where both look alike, further inside. As in "Image
quilting", Efros and Freeman 2001, https://doi.org/10.1145/383259.383296.
"""

import numpy as np
from scipy import ndimage

from facealign.faces.turning.far_side import SIDE, FarSide, outwards
from facealign.faces.turning.ramp import ramp
from facealign.faces.turning.scene import Reach
from facealign.faces.turning.turn import View

# Heights in cm above the eyes, and how many cm a seam may move inwards there: eyes stay.
HEIGHTS = (-12.0, -8.0, -3.0, -1.2, 1.2, 2.2, 4.0)
INWARDS = (2.0, 1.5, 1.2, 0.3, 0.3, 3.0, 6.0)
COST = 2.0  # gray levels that each of these cm costs
# px of the frame that a seam moves at most from row to row, and gray levels that so many cost.
STEEP, BEND = 3, 6.0
SOFT, FEATHER = 0.15, 0.2  # cm: smoothing of differences; softness of a seam
ALIKE = 2.5  # cm inside of a seam over which both are mixed
LEAST, ENDS = 10, 0.3  # rows that have a far side; cm over which a seam begins and ends
OUT_OF_REACH = 1e4  # gray levels


def move_seam(
    side: FarSide, own: np.ndarray, mirrored: np.ndarray, view: View, reach: Reach
) -> FarSide:
    """A far side that begins where that is seen least, at its own border or inside of it.

    Args:
      side: from `mirror_side`.
      own: colours [S, S, 3] of the portrait's own pixels.
      mirrored: those of the far side, in the light of the own ones.
      view: of the head.
      reach: where the view reads the photo.
    """
    out = outwards(view, reach)
    order = np.argsort(out)  # columns from near to far
    scale, size = float(view.camera.scale), len(own)
    border = _border((side.share > 0.5)[:, order], view.surface[:, order])
    found = border >= 0
    rows = np.flatnonzero(found)
    if len(rows) < LEAST:
        return side
    border = np.interp(np.arange(size), rows, border[rows])
    height = (view.eyes - np.arange(size)) / scale
    inwards = scale * np.interp(height, HEIGHTS, INWARDS)
    first = np.maximum(border - inwards, np.searchsorted(out[order], SIDE[0]))
    columns, border, first = np.arange(size), border[:, None], first[:, None]
    cost = ndimage.gaussian_filter(np.abs(own - mirrored).mean(axis=-1), SOFT * scale)[:, order]
    cost = cost + COST * (border - columns).clip(0) / scale
    cost[(columns < first - 0.5) | (columns > border + 0.5)] = OUT_OF_REACH
    seam = np.full((size, 1), float(size))
    some = slice(rows[0], rows[-1] + 1)
    seam[some, 0] = ndimage.gaussian_filter1d(find_path(cost[some]).astype(float), 1)
    feather = FEATHER * scale
    known = columns <= border + 2 * feather  # beyond, the far side is as it was
    ends = ramp(ndimage.gaussian_filter1d(found.astype(float), ENDS * scale), (0.3, 0.9))
    usable = side.usable * view.surface * ends[:, None]
    beyond, near = np.empty((size, size)), np.empty((size, size))
    beyond[:, order] = ((columns - seam) / feather + 0.5).clip(0, 1) * known
    near[:, order] = ((columns - seam) / (ALIKE * scale) + 1).clip(0, 1) * known
    share = np.maximum(side.share, usable * beyond)
    return side._replace(share=share, alike=np.maximum(share, usable * near))


def _border(taken: np.ndarray, head: np.ndarray) -> np.ndarray:
    """The column [S] from which all of a row's head [S, S] is taken; -1 if nothing is."""
    last = head.shape[1] - 1 - head[:, ::-1].argmax(axis=1)
    kept = head & ~taken
    border = np.where(kept.any(axis=1), head.shape[1] - kept[:, ::-1].argmax(axis=1), 0)
    return np.where(head.any(axis=1) & (border <= last), border, -1)


def find_path(cost: np.ndarray) -> np.ndarray:
    """The columns [R] of the cheapest way through costs [R, N], from the first row to the last."""
    count = cost.shape[1]
    columns = np.arange(count)
    moves = np.arange(-STEEP, STEEP + 1)
    sources = columns + moves[:, None]  # [M, N], of the row before
    beyond = (sources < 0) | (sources >= count)
    moving = np.where(beyond, np.inf, BEND * np.abs(moves)[:, None] / STEEP)
    sources = sources.clip(0, count - 1)
    total, came = cost[0], np.zeros(cost.shape, int)
    for row in range(1, len(cost)):
        ways = total[sources] + moving
        best = ways.argmin(axis=0)
        came[row], total = sources[best, columns], ways[best, columns] + cost[row]
    path = [int(total.argmin())]
    for row in range(len(cost) - 1, 0, -1):
        path.append(int(came[row, path[-1]]))
    return np.array(path[::-1])
