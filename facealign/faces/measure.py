"""Pose and identity of a face, as the face tools measure them: a row of numbers a photo."""

from typing import NamedTuple

import numpy as np

from facealign.faces import dlib_tools
from facealign.geometry import pose

DESCRIPTOR, LANDMARKS = 128, 68
WIDTH = 3 + DESCRIPTOR + 2 * LANDMARKS  # of a row: yaw, pitch, roll, descriptor, landmarks


class Measured(NamedTuple):
    """Measurements of N photos; nan where no face is found."""

    found: np.ndarray  # bool [N]
    yaw: np.ndarray  # [N] degrees
    pitch: np.ndarray
    roll: np.ndarray
    descriptor: np.ndarray  # [N, 128], near one another for one person
    landmarks: np.ndarray  # [N, 68, 2] px


def unpack(rows: np.ndarray) -> Measured:
    """Rows [N, WIDTH] by their names."""
    yaw, pitch, roll = rows[:, :3].T
    descriptor, landmarks = np.split(rows[:, 3:], [DESCRIPTOR], axis=1)
    return Measured(
        ~np.isnan(yaw), yaw, pitch, roll, descriptor, landmarks.reshape(-1, LANDMARKS, 2)
    )


def measure_photo(image: np.ndarray, tools: dlib_tools.FaceTools) -> np.ndarray:
    """The row [WIDTH] of one photo uint8 [H, W, 1]; all nan if no face is found in it."""
    faces = tools.find(image)
    if not faces:
        return np.full(WIDTH, np.nan, np.float32)
    landmarks = faces[0].landmarks
    angles, descriptor = pose.estimate_pose(landmarks), tools.describe(image, landmarks)
    return np.concatenate([angles, descriptor, landmarks.ravel()]).astype(np.float32)
