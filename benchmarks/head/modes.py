"""What MakeHuman's people differ by, as modes of the head, and principal components of them."""

import numpy as np

from head import assets
from head.correspondence import similarity
from head.mesh import FACE, HEAD, NECK, Mesh, eye_centres, limit_flare, to_head

ASYMMETRY = 0.25  # how large left-right differences are, compared with changes on both sides
ELSEWHERE = 0.3  # weight of the skin outside of the face
# The fits only see the face: modes fade out on the skull over this distance from the face's points.
FADE_START, FADE = 1.0, 8.0  # cm
LEFT_OUT = ("ears", "head:head-back-scale", "head:head-trans")


def vertex_areas(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """A third of the area of the triangles around each vertex, [V] in cm^2."""
    a, b, c = np.moveaxis(vertices[triangles], 1, 0)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
    return np.bincount(triangles.ravel(), np.repeat(area, 3), len(vertices))


def to_mesh(change: np.ndarray, neutral: np.ndarray, base: assets.Base, mesh: Mesh) -> np.ndarray:
    """A change [A, 3] of the neutral human [A, 3], as one [V, 3] of the head."""
    eyes = eye_centres(base, limit_flare(neutral))
    moved = to_head(limit_flare(neutral + change), limit_flare(neutral), eyes)
    return mesh.weights @ moved - mesh.mean


def without_pose(change: np.ndarray, mesh: Mesh, weights: np.ndarray) -> np.ndarray:
    """A change [V, 3] of the mean without what a similarity of the head explains."""
    scale, rotation, shift = similarity(mesh.mean + change, mesh.mean, weights)
    return scale * (mesh.mean + change) @ rotation.T + shift - mesh.mean


def _both_sides(modes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Modes of one side become modes of both sides, and small ones of their difference."""
    result = {}
    for name, mode in modes.items():
        other = name.replace(":l-", ":r-")
        if ":l-" in name and other in modes:
            result[name] = mode + modes[other]
            result[other] = (mode - modes[other]) * ASYMMETRY
        elif ":r-" not in name:
            result[name] = mode
    return result


def fade(mesh: Mesh, points: np.ndarray) -> np.ndarray:
    """How far vertices [V] follow the face: 1 near MediaPipe's points [468, 3], less far away."""
    gaps = np.stack([np.linalg.norm(points - vertex, axis=1).min() for vertex in mesh.mean])
    return np.exp(-((np.maximum(gaps - FADE_START, 0) / FADE) ** 2))


def principal(modes: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    """The first principal components [count, V, 3] of the Gaussian with modes [M, V, 3].

    Components are in standard deviations, and orthogonal under the weights [V].
    """
    scaled = (modes * np.sqrt(weights)[None, :, None]).reshape(len(modes), -1)
    vectors = np.linalg.eigh(scaled @ scaled.T)[1][:, ::-1][:, :count]
    return np.tensordot(vectors.T, modes, 1)


def _without_drift(
    modes: np.ndarray, mesh: Mesh, faded: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Modes [M, V, 3] that neither scale the face on its skull nor turn or move it aside.

    Photos hardly show that, and a mean that follows them would drift. `faded` [V] is `fade`,
    `weights` [V] are of the face. Nods and moves down and forwards stay: profiles show the ears.
    """
    centred = mesh.mean - weights @ mesh.mean / weights.sum()
    turns = [np.cross(axis, centred) for axis in np.eye(3)[1:]]
    aside = np.broadcast_to(np.eye(3)[0], centred.shape)
    fields = np.stack([centred, *turns, aside]) * faded[None, :, None]
    scaled = fields * weights[None, :, None]
    square = np.tensordot(scaled, fields, ([1, 2], [1, 2]))
    right = np.tensordot(scaled, modes, ([1, 2], [1, 2]))
    return modes - np.tensordot(np.linalg.solve(square, right).T, fields, 1)


def create_shapes(
    base: assets.Base,
    neutral: np.ndarray,
    changes: dict[str, np.ndarray],
    mesh: Mesh,
    points: np.ndarray,
    count: int,
    size: float,
) -> np.ndarray:
    """Principal components [count, V, 3] of MakeHuman's changes {name: [A, 3]}, in cm a deviation.

    A change at full strength is `size` deviations.

    The neutral human is [A, 3], MediaPipe's points on the head are [468, 3].
    """
    area = vertex_areas(mesh.mean, mesh.triangles)
    rigid = area * np.isin(mesh.part, (FACE, HEAD))
    kept = {k: v for k, v in _both_sides(changes).items() if not k.startswith(LEFT_OUT)}
    whole = np.stack(
        [
            without_pose(to_mesh(change, neutral, base, mesh), mesh, rigid)
            for change in kept.values()
        ]
    )
    weights = area * np.where(mesh.part == FACE, 1, ELSEWHERE)
    weights *= np.isin(mesh.part, (FACE, HEAD, NECK))
    faded = fade(mesh, points)
    whole *= faded[None, :, None] * size
    whole = _without_drift(whole, mesh, faded, area * (mesh.part == FACE))
    return principal(whole, weights, count)
