"""Points of the head model that landmarks show, with what a fit has to know about each."""

import functools
from typing import NamedTuple

import jax
import numpy as np

from facealign.geometry import generic_face
from facealign.geometry import head as heads
from facealign.geometry.head import HeadModel

# MediaPipe's points at features that can be recognized: brow, eye, lips, nose and chin, one side.
_FEATURES = (
    *(70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 33, 7, 163, 144, 145, 153, 154, 155, 133, 173),
    *(157, 158, 159, 160, 161, 246, 61, 146, 91, 181, 84, 17, 185, 40, 39, 37, 0, 78, 95, 88, 178),
    *(87, 14, 191, 80, 81, 82, 13, 1, 2, 4, 5, 6, 168, 195, 197, 98, 97, 94, 19, 44, 45, 48, 64),
    *(115, 220, 237, 218, 219, 79, 239, 238, 241, 125, 141, 129, 102, 49, 131, 134, 51, 3, 152),
    *(175, 199, 200, 18, 164),
)
# The mirror images of the 68 landmarks.
MIRROR = np.array([
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *(67, 66, 65),
])  # fmt: skip
_SLIDING = (*range(7), *range(10, 17))  # of the 68 landmarks: the jaw without the chin


class Points(NamedTuple):
    """P points of a head model, which landmarks are fitted to."""

    mean: np.ndarray  # [P, 3] in cm
    identity: np.ndarray  # [K, P, 3]
    expression: np.ndarray  # [E, P, 3]
    normals: np.ndarray  # [P, 3] of the mean head, of length 1
    trust: np.ndarray  # [P]: a factor on the weights; 0 if not used
    slides: np.ndarray  # bool [P]: cheeks and outline, whose landmarks slide as a head turns


def create_points(model: HeadModel, which: str) -> Points:
    """The points of a model for "mesh" (MediaPipe's 468 points) or "landmarks" (68 of iBUG 300-W).

    Raises:
      KeyError: another name.
    """
    vertices, weights, trust, slides = {
        "mesh": (model.mesh_vertices, model.mesh_weights, model.mesh_trust, _sliding_mesh()),
        "landmarks": (
            model.landmarks,
            model.landmark_weights,
            np.ones(68, np.float32),
            np.isin(np.arange(68), _SLIDING),
        ),
    }[which]
    # Only the skin, since the inside of the mouth turns the normals of the lips.
    skin = model.triangles[(model.part[model.triangles] <= heads.PARTS.index("neck")).all(axis=1)]
    across = heads.on_surface(_outward(model.mean, skin), vertices, weights)
    across = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    mean, identity, expression = (
        heads.on_surface(array, vertices, weights)
        for array in (model.mean, model.identity, model.expression)
    )
    return Points(mean, identity, expression, across.astype(np.float32), trust, slides)


def bend(points: Points, identity: jax.Array, expression: jax.Array) -> jax.Array:
    """The points [..., P, 3] in cm of heads with coefficients [..., K] and [..., E]."""
    moved = heads.blend(identity, points.identity) + heads.blend(expression, points.expression)
    return points.mean + moved


@functools.cache
def mirrored_expressions() -> np.ndarray:
    """The number [E] of the expression that is the mirror image of each; identities are symmetric.

    As the 68 landmarks move, since those of the two sides of the mouth differ by rounding.
    """
    modes = create_points(heads.load_head(), "landmarks").expression
    mirrored = modes[:, MIRROR] * (-1, 1, 1)
    return np.abs(modes[:, None] - mirrored).max(axis=(2, 3)).argmin(axis=1)


def _outward(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """`head.normals` in NumPy, since `fit` may be traced: unit normals [V, 3]."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    total = np.zeros_like(points)
    for corner in range(3):
        np.add.at(total, triangles[:, corner], np.cross(c - a, b - a))
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)


@functools.cache
def _sliding_mesh() -> np.ndarray:
    """Which of MediaPipe's 468 points slide, bool [468]."""
    points = generic_face.vertices()
    features = points[list(_FEATURES)]
    both = np.concatenate([features, features * (-1, 1, 1)])
    return np.linalg.norm(points[:, None] - both, axis=-1).min(axis=1) > 1e-3
