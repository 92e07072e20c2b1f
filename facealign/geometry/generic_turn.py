"""Faces turned to the front in 3D by one generic head: what needs no learning."""

import functools

import jax
import numpy as np

from facealign.data.load import to_float, to_uint8
from facealign.geometry import views

GRID = np.array((5.0, 10.0, 1.0))  # degrees of yaw, pitch, roll to which poses are rounded
LIMITS = np.array((90.0, 20.0, 0.0))  # and their largest values
BATCH_SIZE = 32


def turn_back(crops: np.ndarray, yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Canonical crops uint8 [N, H, H, 1], from the front.

    A face of unknown yaw [N], nan, stays as it is; unknown pitch counts as none. Degrees.
    """
    turned, known = crops.copy(), np.flatnonzero(~np.isnan(yaw))
    if not len(known):
        return turned
    pitch = np.where(np.isnan(pitch), 0, pitch)
    poses = np.stack([yaw, pitch, 0 * pitch], axis=1)[known]
    poses = np.rint(poses / GRID).clip(-LIMITS / GRID, LIMITS / GRID) * GRID
    bank = _bank(tuple(map(tuple, np.unique(poses, axis=0))))
    turn = jax.jit(lambda batch, pose: views.frontalize(to_float(batch), pose, bank))
    for start in range(0, len(known), BATCH_SIZE):
        rows = np.resize(known[start : start + BATCH_SIZE], BATCH_SIZE)  # one size, compiled once
        pose = np.resize(poses[start : start + BATCH_SIZE], (BATCH_SIZE, 3)).astype(np.float32)
        turned[rows] = to_uint8(turn(crops[rows], pose))
    return turned


@functools.lru_cache(maxsize=4)
def _bank(poses: tuple[tuple[float, ...], ...]) -> views.ViewBank:
    return views.make_bank(np.array(poses))
