"""The generic head of the warp model, as numbers that belong to its weights.

It is an older head than that of facealign.geometry.head: a sheet with one depth for every pixel of
the canonical crop. Trained weights correct its shape, so it never changes. Places are (x, y) in px
of the canonical crop; angles are those of facealign.geometry.pose, in degrees.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from facealign.geometry.frame import MIDDLE, SIZE
from facealign.geometry.head_rotation import interpolate

FILE = Path(__file__).with_name("warp_sheet.npz")
HEIGHT = 85.0  # px: y of the point that the head turns about; its x is the middle of the face

# Poses [B, 2] (yaw, pitch) -> places [B, SIZE, SIZE, 2] and facing [B, SIZE, SIZE].
Unturn = Callable[[jax.Array], tuple[jax.Array, jax.Array]]


class Sheet(NamedTuple):
    """The sheet, one point for each pixel of the frontal crop, float32."""

    points: np.ndarray  # [SIZE, SIZE, 3] in px from the point that the head turns about
    normals: np.ndarray  # [SIZE, SIZE, 3], of length 1, towards the camera
    still: np.ndarray  # [SIZE, SIZE]: 0 if a point turns with the head, 1 if it is background
    # [yaws, pitches, 15] of `head_rotation.interpolate`. A row has the matrices that map points of
    # the head to places [2, 3] and points of the background to places [2, 2], the shift of all
    # places [2], and the row that maps normals to facing [3].
    table: np.ndarray


@functools.cache
def load_sheet() -> Sheet:
    """Reads the sheet, of which the file has the left half: depth, normals and `still`."""
    with np.load(FILE) as file:
        half = np.concatenate([file["depth"][None], file["normals"], file["still"][None]])
        table = file["table"]
    columns = np.arange(SIZE)
    values = half[:, :, np.minimum(columns, 2 * MIDDLE - columns)]
    values[1] *= np.where(columns > MIDDLE, -1, 1)  # x of the normals
    x, y = np.meshgrid(np.float32(columns - MIDDLE), np.float32(np.arange(SIZE) - HEIGHT))
    points, normals = np.stack([x, y, values[0]], axis=-1), np.moveaxis(values[1:4], 0, -1)
    return Sheet(points, np.ascontiguousarray(normals), values[4], table)


@functools.cache
def make_unturn() -> Unturn:
    """Returns a function from poses to the place of each frontal pixel in the turned head's crop.

    The function is differentiable in the pose, and clips poses to the range of the table. `facing`
    is how directly the surface at a pixel faces the camera after the rotation: 1 if directly, 0 if
    edge-on, negative if it faces away. A surface with positive `facing` can still be hidden behind
    another one.
    """
    points, normals, still, table = load_sheet()
    still = still[..., None]

    def unturn(poses: jax.Array) -> tuple[jax.Array, jax.Array]:
        rows = interpolate(jnp.asarray(table), poses)
        head, background = rows[:, :6].reshape(-1, 2, 3), rows[:, 6:10].reshape(-1, 2, 2)
        places = (1 - still) * jnp.einsum("bij,hwj->bhwi", head, points)
        places += still * jnp.einsum("bij,hwj->bhwi", background, points[..., :2])
        facing = jnp.einsum("bj,hwj->bhw", rows[:, 12:], normals)
        return places + rows[:, None, None, 10:12], facing

    return unturn
