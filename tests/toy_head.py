"""A head of 146 vertices: a symmetric ellipsoid with a nose, two identities, two expressions."""

import functools
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from facealign.geometry import generic_face
from facealign.geometry.head import PARTS, HeadModel, on_surface

RINGS, AROUND = 9, 16
RADII = np.array((7.0, 10.0, 8.5))  # cm
EXPRESSION = ("jawOpen", "browUp")


def _vertices() -> tuple[np.ndarray, np.ndarray]:
    """Points [146, 3] and the index of the mirror image of each: top, rings, bottom."""
    height, turn = np.meshgrid(
        np.pi * np.arange(1, RINGS + 1) / (RINGS + 1),
        2 * np.pi * np.arange(AROUND) / AROUND,
        indexing="ij",
    )
    ring = np.stack(
        [np.sin(height) * np.sin(turn), -np.cos(height), np.sin(height) * np.cos(turn)], axis=-1
    )
    ring[:, [0, AROUND // 2], 0] = 0
    points = np.concatenate([[(0, -1, 0)], ring.reshape(-1, 3), [(0, 1, 0)]]) * RADII
    index = 1 + np.arange(RINGS * AROUND).reshape(RINGS, AROUND)
    mirror = np.concatenate([[0], index[:, -np.arange(AROUND)].ravel(), [len(points) - 1]])
    points[index[RINGS // 2, 0], 2] += 2  # the nose
    return points, mirror


def _triangles() -> np.ndarray:
    """The triangles [288, 3], counter-clockwise in the image from outside; symmetric."""
    last = 1 + RINGS * AROUND

    def vertex(ring: int, k: int) -> int:
        return 0 if ring < 0 else last if ring == RINGS else 1 + ring * AROUND + k % AROUND

    found = []
    for ring in range(-1, RINGS):
        for k in range(AROUND):  # in front, x grows with k
            a, b = vertex(ring, k), vertex(ring, k + 1)
            c, d = vertex(ring + 1, k), vertex(ring + 1, k + 1)
            pair = [(a, c, d), (a, d, b)] if k < AROUND // 2 else [(a, c, b), (b, c, d)]
            found += [corners for corners in pair if len(set(corners)) == 3]
    return np.array(found, np.int32)


def _on_ray(direction: np.ndarray, points: np.ndarray, triangles: np.ndarray) -> tuple:
    """The triangle [3] that a ray from the origin meets, and the weights [3] of its corners."""
    weights = np.linalg.solve(points[triangles].transpose(0, 2, 1), direction[:, None])[..., 0]
    best = weights.min(axis=1).argmax()
    return triangles[best], weights[best].clip(0) / weights[best].clip(0).sum()


@functools.cache
def create_toy_head() -> HeadModel:
    """The model; its mesh points and landmarks are those of the generic face, moved along rays."""
    points, mirror = _vertices()
    triangles = _triangles()
    x, y, z = points.T
    none = 0 * x
    # Not of the whole head: that would be nearly a change of scale or pose.
    cheeks = np.stack([0.2 * x * (y > 1), none, none], axis=1)
    chin = np.stack([none, 0.2 * np.maximum(y, 0), none], axis=1)
    jaw = np.stack([none, 2.5 * ((y > 2) & (z > 2)), none], axis=1)
    brow = np.stack([none, -2.0 * ((y < -2) & (z > 2)), none], axis=1)
    part = np.where(z > 0, PARTS.index("face"), PARTS.index("head"))
    part[y > 9] = PARTS.index("neck")
    rays = generic_face.vertices() + np.array((0, 0, 3))
    vertices, weights = zip(*(_on_ray(ray, points, triangles) for ray in rays), strict=True)
    vertices, weights = np.array(vertices, np.int32), np.float32(weights)
    arrays = dict(
        mean=points, identity=np.stack([cheeks, chin]), expression=np.stack([jaw, brow])
    )  # fmt: skip
    return HeadModel(
        **{name: np.float32(array) for name, array in arrays.items()},
        triangles=triangles,
        part=part.astype(np.uint8),
        mirror=mirror.astype(np.int32),
        mesh_vertices=vertices,
        mesh_weights=weights,
        mesh_trust=np.ones(468, np.float32),
        landmarks=vertices[generic_face.LANDMARKS],
        landmark_weights=weights[generic_face.LANDMARKS],
    )


@functools.cache
def mesh_mirror() -> np.ndarray:
    """The index of the mirror image of each of MediaPipe's 468 points."""
    points = generic_face.vertices()
    return np.linalg.norm(points[:, None] * (-1, 1, 1) - points, axis=-1).argmin(axis=1)


def mesh_normals() -> np.ndarray:
    """Outward directions [468, 3] of the mesh points: those of the ellipsoid, without the nose."""
    model = create_toy_head()
    points = on_surface(model.mean, model.mesh_vertices, model.mesh_weights) / RADII**2
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def save_head(model: HeadModel, path: Path, parts: tuple[str, ...] = PARTS) -> None:
    """Writes a model as `weights/head.safetensors` is written, floats as float16."""
    arrays = {
        name: array.astype(np.float16) if array.dtype.kind == "f" else array
        for name, array in model._asdict().items()
    }
    about = {"parts": json.dumps(parts), "expressions": json.dumps(EXPRESSION)}
    save_file(arrays, path, metadata=about)
