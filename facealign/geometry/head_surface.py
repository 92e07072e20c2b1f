"""The surface of a generic head in the canonical crop, with what is behind it, and its drawing.

One sheet without holes: the standard face, fitted to the canonical landmarks; around it the sides
of the head, falling back; around these the background, which stays still when the head turns.
Everything is in px of the canonical crop: x to the right, y down, z towards the camera, from an
orthographic camera. The head is upright, its middle where the canonical landmarks have theirs: not
quite in the middle of the crop, so turn a photo before you flip it.
"""

import functools
from typing import NamedTuple

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import gaussian_filter

from facealign.geometry import frame, generic_face

SIZE = frame.SIZE
MIDDLE = round(frame.FIVE_POINTS[:, 0].mean())  # x in px; a pixel has its mirror image in one
MARGIN = 80  # px: how far the sheet goes on beyond the crop
COLUMNS = np.arange(-MARGIN, 2 * MIDDLE + MARGIN + 1)  # px, of the points of the sheet
ROWS = np.arange(-MARGIN, SIZE + MARGIN)
HALF_WIDTH = 49.0  # px: of the face before the ears; the standard one is wider than people are
DEPTH_SCALE = 1.1  # of the relief against the height; profiles of real people need that much
HAIR, SIDE, NECK = 40.0, 7.0, 8.0  # px from the edge of the face to that of the head: up, out, down
HEAD_EDGE_DEPTH = -50.0  # px: z where the head ends; ears begin near -18
BACKGROUND_DEPTH = -90.0  # px: z of the background
EDGE = 10.0  # px: from the edge of the head to where nothing turns with it
PIVOT = np.array((MIDDLE, 85.0, -15.0))  # px: a head turns about the upper end of the neck


class Surface(NamedTuple):
    """The sheet as triangles between the N pixels of ROWS and COLUMNS, row by row."""

    points: np.ndarray  # float [N, 3] in px
    corners: np.ndarray  # int [T, 3]
    still: np.ndarray  # float [N]: 0 turns with the head, 1 is background
    five: np.ndarray  # float [5, 3]: eyes, nose tip, corners of the mouth, as in FIVE_POINTS


def fit_face() -> tuple[np.ndarray, np.ndarray]:
    """The standard face [468, 3] and its five points [5, 3] in the canonical crop, in px.

    The distance of eyes and mouth gives the scale of its height. Its width is stretched as
    a x - b x^3, so that the eyes and the edges are where they should be.
    """
    vertices, five = generic_face.vertices(), frame.five_points(generic_face.landmarks())
    canonical, target = frame.FIVE_POINTS, frame.FIVE_POINTS[:, 1]
    half = (canonical[[1, 4], 0] - canonical[[0, 3], 0]) / 2  # px: of eyes and mouth
    known = np.array((five[1, 0], vertices[:, 0].max()))
    a, b = np.linalg.solve(np.stack([known, -(known**3)], axis=1), (half[0], HALF_WIDTH))
    rise = (five[3, 1] + five[4, 1] - five[0, 1] - five[1, 1]) / 2
    height = (target[3:].mean() - target[:2].mean()) / rise
    top = target.mean() - height * five[:, 1].mean()

    def fitted(points: np.ndarray) -> np.ndarray:
        x, y, z = points.T
        return np.stack(
            [MIDDLE + a * x - b * x**3, top + height * y, height * DEPTH_SCALE * z], axis=1
        )

    five = fitted(five)
    # The crop has the corners of the mouth of people who smile; what counts here is their depth.
    five[:, 0] = MIDDLE + np.array((-half[0], half[0], 0.0, -half[1], half[1]))
    return fitted(vertices), five


@functools.cache
def create_surface() -> Surface:
    """The sheet, made from the standard face alone; takes about a second."""
    vertices, five = fit_face()
    grid = np.stack(np.meshgrid(COLUMNS, ROWS), axis=-1).astype(np.float64)
    place = vertices - (*grid[0, 0], 0)
    found, face = draw(place, generic_face.triangles(), vertices[:, 2:], grid.shape[:2])
    depth, still = _beyond_the_face(vertices, grid)
    depth = np.where(np.isfinite(found), face[..., 0], depth)
    depth = gaussian_filter(depth, 1.0)  # takes the facets away
    depth = (depth + depth[:, ::-1]) / 2
    points = np.concatenate([grid, depth[..., None]], axis=-1).reshape(-1, 3)
    return Surface(points, _grid_triangles(*grid.shape[:2]), still.ravel(), five)


def in_crop(values: np.ndarray) -> np.ndarray:
    """Values [N, ...] of the sheet's points, at the pixels of the crop alone: [SIZE, SIZE, ...]."""
    sheet = values.reshape(len(ROWS), len(COLUMNS), *values.shape[1:])
    return sheet[MARGIN : MARGIN + SIZE, MARGIN : MARGIN + SIZE]


def _outline(corners: np.ndarray) -> np.ndarray:
    """The vertices at the edge of a mesh: ends of the edges that only one triangle has."""
    edges = np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]]))
    edges, count = np.unique(edges, axis=0, return_counts=True)
    return np.unique(edges[count == 1])


def _beyond_the_face(vertices: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth [S, S] around the face, going on from its slope there, and how still it is [S, S]."""
    corners = generic_face.triangles()
    outline = _outline(corners)
    near = np.unique(corners[np.isin(corners, outline).any(axis=1)])
    centre = np.array((MIDDLE, vertices[outline, 1].mean()))
    direction = vertices[outline, :2] - centre
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    outward = direction * np.where(direction[:, 1:] < 0, (SIDE, HAIR), (SIDE, NECK))
    rim = vertices[outline, :2] + outward
    # The rim as a radius by angle; points beyond it have the depth of the rim.
    angle, radius = _polar(rim - centre)
    order = np.argsort(angle)
    grid_angle, grid_radius = _polar(grid - centre)
    rim_radius = np.interp(grid_angle, angle[order], radius[order], period=2 * np.pi)
    shrunk = centre + (grid - centre) * np.minimum(1, rim_radius / grid_radius)[..., None]
    # Half way the top of the head is still high, as an ellipse is; the sides fall evenly.
    fall = HEAD_EDGE_DEPTH - vertices[outline, 2]
    half_way = 0.5 - 0.3 * np.maximum(0, -direction[:, 1])
    spline = RBFInterpolator(
        np.concatenate([vertices[near, :2], vertices[outline, :2] + outward / 2, rim]),
        np.concatenate(
            [
                vertices[near, 2],
                vertices[outline, 2] + half_way * fall,
                np.full(len(rim), HEAD_EDGE_DEPTH),
            ]
        ),
        kernel="thin_plate_spline",
        smoothing=1.0,
    )
    depth = spline(shrunk.reshape(-1, 2)).reshape(grid.shape[:2])
    still = smooth_step((grid_radius - rim_radius) / EDGE)
    return depth + still * (BACKGROUND_DEPTH - depth), still


def _polar(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Angle and length of vectors [..., 2]."""
    return np.arctan2(vectors[..., 1], vectors[..., 0]), np.hypot(vectors[..., 0], vectors[..., 1])


def smooth_step(t: np.ndarray | float) -> np.ndarray:
    """From 0 at t <= 0 to 1 at t >= 1, without a corner."""
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3 - 2 * t)


def _grid_triangles(height: int, width: int) -> np.ndarray:
    """Two triangles [T, 3] for each square of a grid; its right half mirrors its left one."""
    index = np.arange(height * width).reshape(height, width)
    a, b, c, d = (
        corner.ravel()
        for corner in (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:])
    )
    falling = np.concatenate([np.stack([a, b, d], axis=1), np.stack([a, d, c], axis=1)])
    rising = np.concatenate([np.stack([a, b, c], axis=1), np.stack([b, d, c], axis=1)])
    left = np.tile(a % width < width // 2, 2)
    return np.where(left[:, None], falling, rising)


def draw(
    points: np.ndarray, corners: np.ndarray, values: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Triangles seen by an orthographic camera, with a depth buffer.

    Args:
      points: [N, 3], x and y in px of the picture, z towards the camera.
      corners: indices of the points of each triangle, [T, 3].
      values: [N, A], what to interpolate.
      shape: height and width of the picture in px.

    Returns:
      Depth [H, W], -inf where there is nothing, and values [H, W, A], 0 there.
    """
    x, y, z = points[corners].transpose(2, 1, 0)  # [3, T] each
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    height, width = shape
    sides = ((x, width), (y, height))
    left, top = (np.ceil(v.min(axis=0) - 1e-9).clip(0, n).astype(int) for v, n in sides)
    right, bottom = (np.floor(v.max(axis=0) + 1e-9).clip(-1, n - 1).astype(int) for v, n in sides)
    columns, rows = (right - left + 1).clip(0), (bottom - top + 1).clip(0)
    count = np.where(np.abs(area) > 1e-9, columns * rows, 0)
    # One candidate for each pixel in the box around each triangle.
    t = np.repeat(np.arange(len(corners)), count)
    place = np.arange(len(t)) - np.repeat(np.cumsum(count) - count, count)
    px, py = left[t] + place % columns[t], top[t] + place // columns[t]
    first, second = (
        ((x[i, t] - px) * (y[j, t] - py) - (x[j, t] - px) * (y[i, t] - py)) / area[t]
        for i, j in ((1, 2), (2, 0))
    )
    shares = np.stack([first, second, 1 - first - second])
    kept = (shares > -1e-6).all(axis=0)
    t, shares, pixel = t[kept], shares[:, kept], (py * width + px)[kept]
    level = (shares * z[:, t]).sum(axis=0)
    order = np.argsort(level, kind="stable")  # the nearest one is written last
    winner = np.full(height * width, -1)
    winner[pixel[order]] = order
    hit = winner >= 0
    depth = np.full(height * width, -np.inf)
    depth[hit] = level[winner[hit]]
    drawn = np.zeros((height * width, values.shape[1]))
    chosen = shares[:, winner[hit]]
    drawn[hit] = (chosen[..., None] * values[corners[t[winner[hit]]].T]).sum(axis=0)
    return depth.reshape(shape), drawn.reshape(*shape, -1)
