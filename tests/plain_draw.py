"""A plain renderer of triangles, to compare facealign.geometry.rasterize with."""

import numpy as np


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
