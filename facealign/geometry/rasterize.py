"""Draws triangles with a depth buffer, and finds what an image of a head shows. NumPy.

Points are as facealign.geometry.camera.project returns them: x and y in px of the image, whole
numbers at the centres of pixels, z in cm towards the camera. The corners of a triangle run
counter-clockwise in the image if the camera sees its outside; others are not drawn. Shares of the
corners are linear in the image; a head is so far from the camera, and its triangles are so small,
that perspective would change them by less than 0.003.
"""

from typing import NamedTuple

import numpy as np

TOLERANCE = 0.3  # cm behind the nearest surface, up to which a point counts as seen
LARGEST = 512  # px: larger side of the depth buffer that decides what is seen


class Drawn(NamedTuple):
    """Triangles in an image of H x W px."""

    triangle: np.ndarray  # int32 [H, W]: -1 where there is none
    shares: np.ndarray  # float32 [H, W, 3]: barycentric coordinates; 0 where there is none
    depth: np.ndarray  # float32 [H, W]: z in cm; -inf where there is none


class Places(NamedTuple):
    """What the pixels of a view of H x W px show of a photo."""

    place: np.ndarray  # float32 [H, W, 2]: x, y in px of the photo; 0 outside of the mask
    seen: np.ndarray  # bool [H, W]: the photo shows the same point of the surface
    mask: np.ndarray  # bool [H, W]: the view shows the surface
    triangle: np.ndarray  # int32 [H, W], as in Drawn
    shares: np.ndarray  # float32 [H, W, 3], as in Drawn


def draw_triangles(points: np.ndarray, triangles: np.ndarray, shape: tuple[int, int]) -> Drawn:
    """Draws triangles [T, 3] between points [V, 3] into an image of the shape (height, width).

    A pixel belongs to a triangle if its centre does. Takes 0.1 s for 20,000 triangles in 512 px.
    """
    height, width = shape
    kept, (x, y, z) = _facing(points, triangles, shape)
    planes = _planes(x, y)
    t, x, y = _pixels(y, planes, shape)
    # Shares of the first two corners are planes over the image: a x + b y + c.
    first, second = (a[t] * x + (b[t] * y + c[t]) for a, b, c in planes[:2])
    level = z[2][t] + first * (z[0] - z[2])[t] + second * (z[1] - z[2])[t]
    pixel = y * width + x
    depth = np.full(height * width, -np.inf)
    np.maximum.at(depth, pixel, level)
    nearest = np.flatnonzero(level == depth[pixel])
    winner = np.full(height * width, -1)
    winner[pixel[nearest]] = nearest
    hit = np.flatnonzero(winner >= 0)
    winner = winner[hit]
    triangle = np.full(height * width, -1, np.int32)
    triangle[hit] = kept[t[winner]]
    shares = np.zeros((height * width, 3), np.float32)
    pair = first[winner], second[winner]
    shares[hit] = np.stack([*pair, 1 - pair[0] - pair[1]], axis=1)
    depth = depth.astype(np.float32).reshape(shape)
    return Drawn(triangle.reshape(shape), shares.reshape(*shape, 3), depth)


def cover(points: np.ndarray, triangles: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Where `draw_triangles` draws any, bool [H, W]; in less time."""
    _, (x, y, _) = _facing(points, triangles, shape)
    _, column, row = _pixels(y, _planes(x, y), shape)
    covered = np.zeros(shape, bool)
    covered[row, column] = True
    return covered


def _facing(
    points: np.ndarray, triangles: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The triangles to draw, int [N], and x, y and z of their three corners, [3, 3, N].

    Those whose outside the camera sees, and that reach into an image of this shape.
    """
    height, width = shape
    # `take` needs a quarter of the time of an index in brackets.
    corners = np.asarray(points, np.float64).T.take(np.asarray(triangles).T, axis=1)
    x, y, _ = corners
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    (left, right), (top, bottom) = _extent(x), _extent(y)
    inside = (right >= 0) & (left <= width - 1) & (bottom >= 0) & (top <= height - 1)
    kept = np.flatnonzero((area < -1e-9) & inside)
    return kept, corners.take(kept, axis=2)


def _planes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """For the share of each corner the plane (a, b, c), [3, 3, N], of corners at x and y [3, N]."""
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    (next_x, next_y), (last_x, last_y) = ([np.roll(v, by, axis=0) for v in (x, y)] for by in (2, 1))
    c = next_x * last_y - last_x * next_y
    return np.stack([next_y - last_y, last_x - next_x, c], axis=1) / area


def _extent(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest of three values [3, T], [T] each; faster than along an axis."""
    a, b, c = values
    return np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)


def _pixels(
    y: np.ndarray, planes: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number of the triangle, x and y of every pixel of every triangle, int [M] each.

    First lists the rows of each triangle, then the pixels of each of these.

    Args:
      y: of the corners, [3, N].
      planes: from `_planes`.
      shape: of the image.
    """
    height, width = shape
    top, bottom = _extent(y)
    top = np.ceil(top - 1e-9).clip(0).astype(int)
    bottom = np.floor(bottom + 1e-9).clip(max=height - 1).astype(int)
    t, row = _count_up(top, bottom)
    left, right = np.zeros(len(t)), np.full(len(t), width - 1.0)
    for a, b, c in planes:
        rest = (b[t] * row + c[t]) + 1e-9  # a x + rest has to be at least 0
        slope = a[t]
        edge = -rest / np.where(slope == 0, 1, slope)
        left = np.where(slope > 0, np.maximum(left, edge), left)
        right = np.where(slope < 0, np.minimum(right, edge), right)
        right[(slope == 0) & (rest < 0)] = -1.0
    span, x = _count_up(np.ceil(left).astype(int), np.floor(right).astype(int))
    return t[span], x, row[span]


def _count_up(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All whole numbers of N ranges [first, last], and which range each is in, int [M] each."""
    count = (last - first + 1).clip(0)
    which = np.repeat(np.arange(len(count)), count)
    return which, np.arange(len(which)) + np.repeat(first - (np.cumsum(count) - count), count)


def seen(
    points: np.ndarray,
    triangles: np.ndarray,
    shape: tuple[int, int],
    tolerance: float = TOLERANCE,
) -> np.ndarray:
    """Which vertices an image shows, bool [V].

    Those in the image of `shape` (height, width), of a triangle that faces the camera, and not more
    than `tolerance` cm behind the nearest surface.
    """
    points, triangles = np.asarray(points, np.float64), np.asarray(triangles)
    x, y = points[triangles, :2].transpose(2, 1, 0)
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    faces = np.zeros(len(points), bool)
    faces[triangles[area < 0]] = True
    return faces & _inside(points, shape) & DepthBuffer(points, triangles).shows(points, tolerance)


def places(
    view: np.ndarray,
    photo: np.ndarray,
    triangles: np.ndarray,
    shape: tuple[int, int],
    photo_shape: tuple[int, int],
    tolerance: float = TOLERANCE,
) -> Places:
    """Where every pixel of a view of a head is in a photo of it.

    Args:
      view, photo: the vertices [V, 3] of the head as the view and as the photo show them.
      triangles: [T, 3]; those left out are not drawn and hide nothing.
      shape: height and width of the view in px.
      photo_shape: height and width of the photo in px.
      tolerance: as in `seen`.
    """
    photo = np.asarray(photo, np.float64)
    drawn = draw_triangles(view, triangles, shape)
    mask = drawn.triangle >= 0
    chosen = np.asarray(triangles)[drawn.triangle[mask]]
    found = (drawn.shares[mask][..., None] * photo[chosen]).sum(axis=1)  # [M, 3]
    x, y = photo[chosen, :2].transpose(2, 1, 0)
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    shown = (area < 0) & _inside(found, photo_shape)
    shown &= DepthBuffer(photo, triangles).shows(found, tolerance)
    place, is_seen = np.zeros((*shape, 2), np.float32), np.zeros(shape, bool)
    place[mask], is_seen[mask] = found[:, :2], shown
    return Places(place, is_seen, mask, drawn.triangle, drawn.shares)


def _inside(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which points [N, 3] are in an image of a shape (height, width), bool [N]."""
    return ((points[:, :2] > -0.5) & (points[:, :2] < np.array(shape[::-1]) - 0.5)).all(axis=1)


class DepthBuffer:
    """The depth of the nearest surface, in at most `largest` px, whatever the size of the photo."""

    def __init__(self, points: np.ndarray, triangles: np.ndarray, largest: int = LARGEST):
        used = np.zeros(len(points), bool)
        used[triangles.ravel()] = True
        x, y = points[used, :2].T.copy()
        self.start = np.array([x.min(), y.min()]) - 1
        extent = np.array([np.ptp(x), np.ptp(y)])
        self.factor = min(1.0, (largest - 3) / max(extent.max(), 1e-6))
        width, height = (np.ceil(extent * self.factor) + 3).astype(int)
        self.depth = draw_triangles(self.scaled(points), triangles, (height, width)).depth

    def scaled(self, points: np.ndarray) -> np.ndarray:
        """Points [N, 3] in px of the buffer."""
        return np.column_stack([(points[:, :2] - self.start) * self.factor, points[:, 2]])

    def shows(self, points: np.ndarray, tolerance: float | np.ndarray) -> np.ndarray:
        """Which points [N, 3] are not hidden, bool [N]; a tolerance for all, or [N], in cm.

        A point counts as hidden only if it is behind the surface in all four pixels around it,
        since where the surface is steep, or ends, neighbouring pixels differ a lot.
        """
        x, y, z = self.scaled(points).T
        height, width = self.depth.shape
        nearest = np.full(len(points), np.inf)
        for across in (0, 1):
            for down in (0, 1):
                column = (np.floor(x).astype(int) + across).clip(0, width - 1)
                row = (np.floor(y).astype(int) + down).clip(0, height - 1)
                nearest = np.minimum(nearest, self.depth[row, column])
        return nearest <= z + tolerance
