"""Which triangles of a mesh can be seen from outside, by a z-buffer of sample points."""

import numpy as np
from scipy.spatial import cKDTree

from facealign.geometry.generic_face import rotation

CELL = 0.08  # cm: side of a cell of the z-buffer
SLACK = 0.12  # cm: how far behind the nearest sample a visible one may lie
SAMPLES = 9  # points along each side of a triangle


def visible_triangles(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Whether each triangle [T] is seen from some side; vertices [V, 3] in cm, y down.

    The mesh is symmetric. Looks from twelve sides, level and 25 degrees from above and below.
    """
    u, v = np.meshgrid(*[np.linspace(0.02, 0.96, SAMPLES)] * 2)
    inside = u + v <= 1
    weights = np.stack((1 - u - v, u, v), axis=-1)[inside]
    points = np.einsum("sk,tkd->tsd", weights, vertices[triangles])
    seen = np.zeros(len(triangles), bool)
    for yaw in range(-180, 180, 30):
        for pitch in (-25, 0, 25):
            x, y, z = np.moveaxis(points @ rotation(yaw, pitch, 0).T, -1, 0)
            column = ((x - x.min()) / CELL).astype(np.int64)
            row = ((y - y.min()) / CELL).astype(np.int64)
            cell = row * (column.max() + 1) + column
            nearest = np.full(cell.max() + 1, -np.inf)
            np.maximum.at(nearest, cell.ravel(), z.ravel())
            share = (z > nearest[cell] - SLACK).mean(axis=1)
            seen |= share > 0.3
    centres = vertices[triangles].mean(axis=1)
    return seen | seen[cKDTree(centres).query(centres * (-1, 1, 1))[1]]
