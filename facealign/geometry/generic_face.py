"""A generic 3D face, its 68 landmarks, and the definition of yaw, pitch and roll.

The mesh is MediaPipe's canonical face model (`canonical_face_model.obj` of its face geometry
module; Google, Apache License 2.0), with rounded coordinates and without texture. It is a
symmetric neutral face from hairline to chin and from ear to ear.

Axes: x to the right in the image, y down in the image, z towards the camera.

Head pose, in degrees, zero for a face that looks into the camera:
  yaw: positive if the face looks to the right in the image, as in facealign.data.datasets.cfp.
  pitch: positive if it looks up.
  roll: positive if the head leans clockwise in the image.
"""

import functools
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("generic_face.obj")
# Vertices of the 68 landmarks, in the order of iBUG 300-W and dlib: the left side of the image
# first. The jaw is approximate, since in photos its landmarks move with the outline of the face.
LANDMARKS = np.array(
    [
        *(127, 234, 93, 132, 58, 172, 150, 176, 152, 400, 379, 397, 288, 361, 323, 454, 356),  # jaw
        *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),  # brows
        *(168, 197, 5, 1, 98, 97, 2, 326, 327),  # nose: bridge to tip, then its base
        *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),  # eyes
        *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),  # mouth, outside
        *(78, 81, 13, 311, 308, 402, 14, 178),  # and inside of the lips
    ]
)


@functools.cache
def _read() -> tuple[np.ndarray, np.ndarray]:
    rows = [line.split() for line in FILE.read_text().splitlines()]
    points = np.array([row[1:] for row in rows if row[0] == "v"], np.float64) * (1, -1, 1)
    corners = np.array([row[1:] for row in rows if row[0] == "f"], np.int64) - 1
    return points, corners


def vertices() -> np.ndarray:
    """Points of the face, float [468, 3], in cm; the middle of the face is at x = 0."""
    return _read()[0].copy()


def triangles() -> np.ndarray:
    """Indices of the vertices of each triangle, int [898, 3]."""
    return _read()[1].copy()


def landmarks() -> np.ndarray:
    """The 68 landmarks of the face, float [68, 3], in cm."""
    return vertices()[LANDMARKS]


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """The matrix [3, 3] that rotates a frontal face: `turned = points @ rotation(...).T`.

    Angles are in degrees. Pitch is applied first, then yaw, then roll. So roll rotates the image,
    and a profile with positive pitch looks up in the image.
    """
    y, p, r = np.radians((yaw, pitch, roll))
    nod = np.array(((1, 0, 0), (0, np.cos(p), -np.sin(p)), (0, np.sin(p), np.cos(p))))
    turn = np.array(((np.cos(y), 0, np.sin(y)), (0, 1, 0), (-np.sin(y), 0, np.cos(y))))
    lean = np.array(((np.cos(r), -np.sin(r), 0), (np.sin(r), np.cos(r), 0), (0, 0, 1)))
    return lean @ turn @ nod
