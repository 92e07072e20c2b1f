"""Measures pose, descriptor and landmarks of a face with dlib's tools: one row per photo."""

from typing import NamedTuple

import numpy as np

from facealign.faces import dlib_tools
from facealign.geometry import pose

DESCRIPTOR, LANDMARKS = 128, 68
WIDTH = 3 + DESCRIPTOR + 2 * LANDMARKS  # numbers in a row: yaw, pitch, roll, descriptor, landmarks


class Measured(NamedTuple):
    """Measurements of N photos; nan where no face is found."""

    found: np.ndarray  # bool [N]
    yaw: np.ndarray  # [N] in degrees
    pitch: np.ndarray
    roll: np.ndarray
    descriptor: np.ndarray  # [N, 128]; photos of one person have a small distance
    landmarks: np.ndarray  # [N, 68, 2] in px


def unpack(rows: np.ndarray) -> Measured:
    """Splits rows [N, WIDTH] into named measurements."""
    yaw, pitch, roll = rows[:, :3].T
    descriptor, landmarks = np.split(rows[:, 3:], [DESCRIPTOR], axis=1)
    return Measured(
        ~np.isnan(yaw), yaw, pitch, roll, descriptor, landmarks.reshape(-1, LANDMARKS, 2)
    )


def measure_photo(image: np.ndarray, tools: dlib_tools.DlibTools) -> np.ndarray:
    """The row [WIDTH] of the largest face in a photo uint8 [H, W, 1]; all nan without a face."""
    faces = tools.find(image)
    if not faces:
        return np.full(WIDTH, np.nan, np.float32)
    landmarks = faces[0].landmarks
    angles, descriptor = pose.estimate_pose(landmarks), tools.describe(image, landmarks)
    return np.concatenate([angles, descriptor, landmarks.ravel()]).astype(np.float32)
