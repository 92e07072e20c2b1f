"""The surface of a generic head and its background in the canonical crop, and a renderer.

The surface is one sheet without holes: the generic face, fitted to the canonical landmarks; around
it the sides of the head, which fall back; around these the background, which does not move when the
head turns. Units are px of the canonical crop: x to the right, y down, z towards an orthographic
camera. The head is upright. Its middle is that of the canonical landmarks, which is not exactly the
middle of the crop, so rotate the head in a photo first and flip the photo afterwards.
"""

import functools
from typing import NamedTuple

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import gaussian_filter

from facealign.geometry import frame, generic_face

SIZE = frame.SIZE
# x in px of the middle of the face, rounded so that the mirror image of a pixel is a pixel.
MIDDLE = round(frame.FIVE_POINTS[:, 0].mean())
MARGIN = 80  # px of the sheet beyond the crop
COLUMNS = np.arange(-MARGIN, 2 * MIDDLE + MARGIN + 1)  # x in px of the points of the sheet
ROWS = np.arange(-MARGIN, SIZE + MARGIN)  # y in px of the points of the sheet
HALF_WIDTH = 49.0  # px: half the width of the face without ears; the mesh is wider than real faces
DEPTH_SCALE = 1.1  # factor on depth relative to height; the profiles of real faces need it
HAIR, SIDE, NECK = 40.0, 7.0, 8.0  # px from the edge of the face to that of the head: up, out, down
HEAD_EDGE_DEPTH = -50.0  # px: z of the edge of the head; ears start near -18
BACKGROUND_DEPTH = -90.0  # px: z of the background
EDGE = 10.0  # px from the edge of the head to points that do not turn with it
PIVOT = np.array((MIDDLE, 85.0, -15.0))  # px: a head turns about the upper end of the neck


class Surface(NamedTuple):
    """The sheet as T triangles between N points, one for each pixel of ROWS x COLUMNS by rows."""

    points: np.ndarray  # float [N, 3] in px
    corners: np.ndarray  # int [T, 3]: indices of the points of each triangle
    still: np.ndarray  # float [N]: 0 if a point turns with the head, 1 if it is background
    five: np.ndarray  # float [5, 3] in px: eyes, nose tip, mouth corners, as in FIVE_POINTS


def fit_face() -> tuple[np.ndarray, np.ndarray]:
    """The generic face [468, 3] and its five points [5, 3] in the canonical crop, in px.

    The vertical distance between eyes and mouth gives the scale of height and depth. x is mapped to
    a x - b x^3, so that the eyes have the canonical distance and the face is 2 * HALF_WIDTH wide.
    """
    vertices, five = generic_face.vertices(), frame.five_points(generic_face.landmarks())
    canonical, target = frame.FIVE_POINTS, frame.FIVE_POINTS[:, 1]
    half = (canonical[[1, 4], 0] - canonical[[0, 3], 0]) / 2  # px: half distance of eyes, of mouth
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
    # x is that of the canonical points, whose mouth is wider since many people smile; the mesh
    # gives the depth.
    five[:, 0] = MIDDLE + np.array((-half[0], half[0], 0.0, -half[1], half[1]))
    return fitted(vertices), five


@functools.cache
def create_surface() -> Surface:
    """Makes the sheet from the generic face; takes about a second."""
    vertices, five = fit_face()
    grid = np.stack(np.meshgrid(COLUMNS, ROWS), axis=-1).astype(np.float64)
    place = vertices - (*grid[0, 0], 0)
    found, face = draw(place, generic_face.triangles(), vertices[:, 2:], grid.shape[:2])
    depth, still = _beyond_the_face(vertices, grid)
    depth = np.where(np.isfinite(found), face[..., 0], depth)
    depth = gaussian_filter(depth, 1.0)  # smooths the facets of the mesh
    depth = (depth + depth[:, ::-1]) / 2
    points = np.concatenate([grid, depth[..., None]], axis=-1).reshape(-1, 3)
    return Surface(points, _grid_triangles(*grid.shape[:2]), still.ravel(), five)


def in_crop(values: np.ndarray) -> np.ndarray:
    """Values [N, ...] of the sheet's points, cut to the pixels of the crop: [SIZE, SIZE, ...]."""
    sheet = values.reshape(len(ROWS), len(COLUMNS), *values.shape[1:])
    return sheet[MARGIN : MARGIN + SIZE, MARGIN : MARGIN + SIZE]


def _outline(corners: np.ndarray) -> np.ndarray:
    """The boundary vertices of a mesh: ends of the edges that belong to only one triangle."""
    edges = np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]]))
    edges, count = np.unique(edges, axis=0, return_counts=True)
    return np.unique(edges[count == 1])


def _beyond_the_face(vertices: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth [S, S] of the head around the face, continuing its slope, and `still` [S, S]."""
    corners = generic_face.triangles()
    outline = _outline(corners)
    near = np.unique(corners[np.isin(corners, outline).any(axis=1)])
    centre = np.array((MIDDLE, vertices[outline, 1].mean()))
    direction = vertices[outline, :2] - centre
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    outward = direction * np.where(direction[:, 1:] < 0, (SIDE, HAIR), (SIDE, NECK))
    rim = vertices[outline, :2] + outward
    # The rim of the head as a radius for each angle. Points beyond the rim get its depth.
    angle, radius = _polar(rim - centre)
    order = np.argsort(angle)
    grid_angle, grid_radius = _polar(grid - centre)
    rim_radius = np.interp(grid_angle, angle[order], radius[order], period=2 * np.pi)
    shrunk = centre + (grid - centre) * np.minimum(1, rim_radius / grid_radius)[..., None]
    # Half way to the rim, the top of the head is still high, as on an ellipse; sides fall evenly.
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
    """A smooth step from 0 at t <= 0 to 1 at t >= 1 (3 t^2 - 2 t^3)."""
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3 - 2 * t)


def _grid_triangles(height: int, width: int) -> np.ndarray:
    """Two triangles for each square of a grid, [T, 3]; the right half mirrors the left half."""
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
    """Renders triangles with an orthographic camera and a depth buffer.

    Args:
      points: [N, 3], x and y in px of the image, z towards the camera.
      corners: indices of the points of each triangle, [T, 3].
      values: [N, A], to be interpolated between the points.
      shape: height and width of the image in px.

    Returns:
      Depth [H, W] and values [H, W, A]; -inf and 0 where there is no triangle.
    """
    x, y, z = points[corners].transpose(2, 1, 0)  # [3, T] each
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    height, width = shape
    sides = ((x, width), (y, height))
    left, top = (np.ceil(v.min(axis=0) - 1e-9).clip(0, n).astype(int) for v, n in sides)
    right, bottom = (np.floor(v.max(axis=0) + 1e-9).clip(-1, n - 1).astype(int) for v, n in sides)
    columns, rows = (right - left + 1).clip(0), (bottom - top + 1).clip(0)
    count = np.where(np.abs(area) > 1e-9, columns * rows, 0)
    # One candidate for each pixel in the bounding box of each triangle.
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
    order = np.argsort(level, kind="stable")  # the nearest candidate is written last
    winner = np.full(height * width, -1)
    winner[pixel[order]] = order
    hit = winner >= 0
    depth = np.full(height * width, -np.inf)
    depth[hit] = level[winner[hit]]
    drawn = np.zeros((height * width, values.shape[1]))
    chosen = shares[:, winner[hit]]
    drawn[hit] = (chosen[..., None] * values[corners[t[winner[hit]]].T]).sum(axis=0)
    return depth.reshape(shape), drawn.reshape(*shape, -1)
