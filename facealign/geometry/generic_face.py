"""MediaPipe's canonical face: where its mesh has the 68 landmarks, and which points are mirrored.

For what works with MediaPipe's points in photos. The mesh is `canonical_face_model.obj` of its face
geometry module (Google, Apache License 2.0), with rounded coordinates and without texture: a
symmetric neutral face from hairline to chin and from ear to ear. The 3D head of the project is
facealign.geometry.head. Axes are those of facealign.geometry.pose.
"""

import functools
from pathlib import Path

import numpy as np

from facealign.geometry.pose import rotation as rotation  # the name that many files import

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
