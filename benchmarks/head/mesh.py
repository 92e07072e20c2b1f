"""The head's mesh: which part of MakeHuman's human it is, and the linear map that makes it."""

import dataclasses

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from head import assets, subdivide, visible

PARTS = ("face", "head", "neck", "mouth", "teeth", "eyes")
FACE, HEAD, NECK, MOUTH, TEETH, EYES = range(len(PARTS))
EYE_GROUPS = ("helper-l-eye", "helper-r-eye")
TEETH_GROUPS = ("helper-upper-teeth", "helper-lower-teeth")
PUPILS = 6.3  # cm between the centres of the eyes
# In MakeHuman's frame, cm: the neck ends at a height, and below the chin flares only so far.
NECK_END = 54.9
NECK_AXIS = 2.2  # z
NECK_RADIUS = (5.6, 8.2)  # up to here unchanged; no further than this
NECK_BLEND = (56.5, 61.0)  # the limit is in force below the first, off above the second
HAIRLINE = 79.0
FINE = 0.4  # triangles with longer edges are subdivided
NOSE_TIP = 302  # MakeHuman's vertex
TIP_DEPTH = 13.0  # cm: z of the nose tip; the origin is then between the ears


@dataclasses.dataclass(frozen=True)
class Mesh:
    """The mesh of the head.

    Attributes:
      weights: sparse [V, A], from MakeHuman's vertices to the head's.
      mean: float [V, 3] in cm, the neutral head; y down.
      triangles: int [T, 3].
      part: int [V], index into PARTS.
      mirror: int [V], the vertex that is the mirror image of each.
      seen: bool [T], whether a triangle is seen from outside.
      index: int [A], the head's vertex that continues MakeHuman's, -1 for none.
    """

    weights: sparse.csr_matrix
    mean: np.ndarray
    triangles: np.ndarray
    part: np.ndarray
    mirror: np.ndarray
    seen: np.ndarray
    index: np.ndarray


def limit_flare(vertices: np.ndarray) -> np.ndarray:
    """MakeHuman's vertices [..., A, 3] with shoulders drawn in to a neck that ends straight."""
    x, y, z = np.moveaxis(vertices, -1, 0)
    inner, outer = NECK_RADIUS
    radius = np.maximum(np.hypot(x, z - NECK_AXIS), 1e-9)
    past = np.maximum(radius - inner, 0)
    limited = np.minimum(radius, inner) + (outer - inner) * np.tanh(past / (outer - inner))
    low, high = NECK_BLEND
    t = np.clip((high - y) / (high - low), 0, 1)
    factor = 1 + t * t * (3 - 2 * t) * (limited / radius - 1)
    return np.stack((x * factor, y, (z - NECK_AXIS) * factor + NECK_AXIS), axis=-1)


def to_head(vertices: np.ndarray, neutral: np.ndarray, eyes: np.ndarray) -> np.ndarray:
    """From MakeHuman's frame to the head's: real size, y down, the origin between the ears.

    `neutral` [A, 3] and the centres of its eyes [2, 3] define the frame.
    """
    scale = PUPILS / np.linalg.norm(eyes[0] - eyes[1])
    origin = np.array((0, eyes[:, 1].mean(), neutral[NOSE_TIP, 2] - TIP_DEPTH / scale))
    return (vertices - origin) * (scale, -scale, scale)


def part_of(place: np.ndarray) -> np.ndarray:
    """FACE, HEAD or NECK of points of the outer skin, [N, 3] in MakeHuman's frame."""
    _, y, z = place.T
    behind = np.interp(y, (64, 66.5), (5.5, 7.8))  # in front of the ears and of the jaw's angle
    below = 61.1 + 0.37 * np.maximum(11.5 - z, 0)  # the jaw rises towards the ears
    face = (z > behind) & (y > below) & (y < HAIRLINE)
    neck = (y < below) & (y < 65)
    return np.where(face, FACE, np.where(neck, NECK, HEAD))


def _radius(points: np.ndarray) -> float:
    return np.linalg.norm(points - points.mean(axis=0), axis=1).max()


def _grow(weights: sparse.csr_matrix, eye: np.ndarray, neutral: np.ndarray) -> sparse.csr_matrix:
    """The map, with an eyeball scaled to its old radius: subdivision shrinks it.

    `eye` are its vertices in MakeHuman's human `neutral` [A, 3].
    """
    rows = np.flatnonzero(np.asarray(abs(weights[:, eye]).sum(axis=1)).ravel() > 0)
    factor = _radius(neutral[eye]) / _radius(weights[rows] @ neutral)
    inside = np.zeros(weights.shape[0])
    inside[rows] = 1
    column = sparse.csr_matrix(inside[:, None])
    about = column @ column.T * ((1 - factor) / len(rows))
    return ((sparse.diags(1 + inside * (factor - 1)) + about) @ weights).tocsr()


def _gather(base: assets.Base, neutral: np.ndarray) -> dict[int, np.ndarray]:
    """Triangles [T, 3] of the neutral person, by part; FACE has the whole body."""
    groups = {
        FACE: ["body"],
        MOUTH: ["helper-tongue"],
        TEETH: TEETH_GROUPS,
        EYES: EYE_GROUPS,
    }
    return {
        part: subdivide.to_triangles(np.concatenate([base.faces[name] for name in names]), neutral)
        for part, names in groups.items()
    }


def create_mesh(base: assets.Base, neutral: np.ndarray) -> Mesh:
    """The mesh of the head from the base mesh and the neutral adult [A, 3] in cm, y up."""
    neutral = limit_flare(neutral)
    groups = _gather(base, neutral)
    near = (neutral[groups[FACE], 1] > NECK_END).any(axis=1)
    cut, groups[FACE] = subdivide.cut(neutral, groups[FACE][near], neutral[:, 1] - NECK_END)
    points = cut @ neutral
    triangles = np.concatenate(list(groups.values()))
    kind = np.repeat(list(groups), [len(group) for group in groups.values()])
    used, compact = np.unique(triangles, return_inverse=True)
    seen = visible.visible_triangles(points[used] * (1, -1, 1), compact.reshape(-1, 3))
    kind[(kind == FACE) & ~seen] = MOUTH
    sides = points[triangles] - np.roll(points[triangles], 1, axis=1)
    whole = (triangles < len(neutral)).all(axis=1)  # cut ones are not the same on both sides
    coarse = whole & (np.linalg.norm(sides, axis=2).max(axis=1) > FINE)
    fine = coarse & (kind == FACE) | (kind == EYES)
    loop, triangles, parent = subdivide.subdivide(len(points), triangles, fine)
    weights = loop @ cut
    used, compact = np.unique(triangles, return_inverse=True)
    triangles, weights = compact.reshape(-1, 3), weights[used]
    for name in EYE_GROUPS:
        weights = _grow(weights, np.unique(base.faces[name]), neutral)
    index = np.full(loop.shape[0], -1)
    index[used] = np.arange(len(used))
    mean = to_head(weights @ neutral, neutral, eye_centres(base, neutral))
    return Mesh(
        weights,
        mean,
        triangles,
        _name_parts(triangles, kind[parent], weights @ neutral),
        _find_mirror(mean),
        seen[parent],
        index[: len(neutral)],
    )


def eye_centres(base: assets.Base, vertices: np.ndarray) -> np.ndarray:
    """The centres [2, 3] of the eyeballs."""
    return np.stack([vertices[np.unique(base.faces[name])].mean(axis=0) for name in EYE_GROUPS])


def _name_parts(triangles: np.ndarray, kind: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The part of each vertex, from its triangles [T], and its place [V, 3] on the outer skin."""
    part = np.full(len(place), MOUTH)
    skin = np.unique(triangles[kind == FACE])
    part[skin] = part_of(place[skin])
    for value in (TEETH, EYES):
        part[triangles[kind == value]] = value
    return part


def _find_mirror(mean: np.ndarray) -> np.ndarray:
    """The mirror image [V] of each vertex [V, 3]."""
    away, mirror = cKDTree(mean).query(mean * (-1, 1, 1))
    if away.max() > 1e-6:
        raise ValueError(f"the mesh is not symmetric by {away.max():.2g} cm")
    return mirror
