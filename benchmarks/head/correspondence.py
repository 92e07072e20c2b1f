"""Where MediaPipe's 468 mesh points and the 68 landmarks of iBUG 300-W lie on the head.

MediaPipe's canonical face (facealign/geometry/generic_face.obj) is bent onto the neutral head by
points that were matched by hand, and every other point goes to the nearest skin.
"""

import dataclasses

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from facealign.geometry import generic_face
from head.mesh import Mesh

CANDIDATES = 60  # triangles that are searched for the nearest point
# MediaPipe's point -> MakeHuman's vertex, on the midline and on the side with x > 0.
MATCHES = {
    **{168: 136, 6: 133, 195: 5063, 5: 201, 4: 294, 1: 302, 19: 307, 2: 343, 0: 455},  # nose
    **{13: 474, 14: 493, 17: 492, 18: 491, 152: 5296},  # lips and chin
    **{362: 6853, 398: 11485, 384: 11484, 385: 11483, 386: 11465, 387: 11466, 388: 11467},  # eye
    **{466: 11469, 263: 11471, 249: 6817, 390: 6820, 373: 6825, 374: 6828, 380: 6831},
    **{381: 6834, 382: 6837, 291: 10404},
    **{279: 7098, 294: 7057, 327: 7119},  # wing of the nose
}
# Edges of the lips from the middle to the corner: MakeHuman's vertices, MediaPipe's points.
LIPS = (
    ((455, 7214, 7210, 7215, 7169, 11956, 7170, 7171, 7168, 10404), (267, 269, 270, 409)),
    ((492, 7241, 7235, 7166, 7131, 10404), (314, 405, 321, 375)),
)
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
# Well-defined points of one side, and of the midline: brow, eye, lips, nose, chin.
FEATURES = (
    *(70, 63, 105, 66, 107, 55, 65, 52, 53, 46),
    *(33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    *(61, 146, 91, 181, 84, 17, 185, 40, 39, 37, 0, 78, 95, 88, 178, 87, 14, 191, 80, 81, 82, 13),
    *(1, 2, 4, 5, 6, 168, 195, 197, 98, 97, 94, 19, 48, 64, 115, 129, 102, 49, 152, 175, 199, 18),
)
OVAL_TRUST = 0.35


@dataclasses.dataclass(frozen=True)
class Surface:
    """N points on the head: of three vertices int [N, 3] each, weights [N, 3] that add up to 1."""

    vertices: np.ndarray
    weights: np.ndarray

    def on(self, points: np.ndarray) -> np.ndarray:
        """The points [..., N, 3] on a head with vertices [..., V, 3]."""
        return (points[..., self.vertices, :] * self.weights[..., None]).sum(axis=-2)


def mirror_of_mesh() -> np.ndarray:
    """The mirror image [468] of each of MediaPipe's points."""
    points = generic_face.vertices()
    return cKDTree(points).query(points * (-1, 1, 1))[1]


def _on_edge(point: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The share [...] of `end` at the point of an edge that is nearest to `point` [..., 3]."""
    along = end - start
    share = ((point - start) * along).sum(-1) / np.maximum((along * along).sum(-1), 1e-12)
    return np.clip(share, 0, 1)


def nearest(points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray) -> Surface:
    """The places on `triangles` [T, 3] of a mesh [V, 3] that are nearest to points [N, 3]."""
    tree = cKDTree(vertices[triangles].mean(axis=1))
    tried = tree.query(points, k=min(CANDIDATES, len(triangles)))[1]  # [N, K]
    corners = vertices[triangles[tried]]  # [N, K, 3, 3]
    point = points[:, None]
    u, v = corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0]
    w = point - corners[:, :, 0]
    uu, uv, vv = (u * u).sum(-1), (u * v).sum(-1), (v * v).sum(-1)
    wu, wv = (w * u).sum(-1), (w * v).sum(-1)
    area = np.maximum(uu * vv - uv**2, 1e-12)
    second, third = (vv * wu - uv * wv) / area, (uu * wv - uv * wu) / area
    options = [np.stack((1 - second - third, second, third), axis=-1)]
    for a, b in ((0, 1), (1, 2), (2, 0)):
        share = _on_edge(point, corners[:, :, a], corners[:, :, b])
        weights = np.zeros((*share.shape, 3))
        weights[..., a], weights[..., b] = 1 - share, share
        options.append(weights)
    options = np.stack(options, axis=2)  # [N, K, 4, 3]
    reached = options @ corners
    away = np.linalg.norm(reached - point[:, :, None], axis=-1)
    away[..., 0] = np.where((options[:, :, 0] >= 0).all(-1), away[..., 0], np.inf)
    best = away.reshape(len(points), -1).argmin(axis=1)
    row = np.arange(len(points))
    return Surface(triangles[tried[row, best // 4]], options.reshape(len(points), -1, 3)[row, best])


def skin_of(mesh: Mesh) -> np.ndarray:
    """The triangles [T', 3] of the outer skin."""
    return mesh.triangles[mesh.seen & (mesh.part[mesh.triangles] <= 2).all(axis=1)]


def _matched(mesh: Mesh, canonical: np.ndarray) -> dict[int, np.ndarray]:
    """Places [3] on the neutral head of the matched points, both sides, by MediaPipe's number."""
    places = {point: mesh.mean[mesh.index[vertex]] for point, vertex in MATCHES.items()}
    for edge, points in LIPS:
        line = mesh.mean[mesh.index[list(edge)]]
        line = line[np.argsort(line[:, 0])]
        width = places[291][0] / canonical[291, 0]
        for point in points:
            x = canonical[point, 0] * width
            places[point] = np.array([np.interp(x, line[:, 0], line[:, k]) for k in range(3)])
    mirror = mirror_of_mesh()
    for point in list(places):
        if mirror[point] != point:
            places[int(mirror[point])] = places[point] * (-1, 1, 1)
    return places


def matched_points() -> np.ndarray:
    """MediaPipe's points that were matched by hand, on both sides."""
    points = np.array([*MATCHES, *(point for _, points in LIPS for point in points)])
    return np.union1d(points, mirror_of_mesh()[points])


def similarity(
    start: np.ndarray, end: np.ndarray, weights: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """(scale, rotation [3, 3], shift [3]) that best take points [N, 3] to others."""
    share = weights / weights.sum()
    a, b = share @ start, share @ end
    left, values, right = np.linalg.svd(((end - b) * share[:, None]).T @ (start - a))
    signs = np.array((1, 1, np.linalg.det(left @ right)))
    rotation = left * signs @ right
    scale = (values * signs).sum() / (share @ ((start - a) ** 2).sum(axis=1))
    return scale, rotation, b - scale * rotation @ a


def mesh_points(mesh: Mesh) -> Surface:
    """MediaPipe's 468 points on the head."""
    canonical = generic_face.vertices()
    places = _matched(mesh, canonical)
    index, goal = np.array(list(places)), np.array(list(places.values()))
    scale, rotation, shift = similarity(canonical[index], goal, np.ones(len(index)))
    points = scale * canonical @ rotation.T + shift
    points += RBFInterpolator(points[index], goal - points[index], smoothing=0.5)(points)
    skin = skin_of(mesh)
    # Once more, stiffer, to all of the skin, so that points do not crowd where the heads differ.
    change = nearest(points, mesh.mean, skin).on(mesh.mean) - points
    points += RBFInterpolator(points, change, smoothing=20)(points)
    return symmetric(points, mesh)


def symmetric(points: np.ndarray, mesh: Mesh) -> Surface:
    """MediaPipe's points on the skin nearest to `points` [468, 3], alike on both sides."""
    mirror, skin = mirror_of_mesh(), skin_of(mesh)
    points = (points + points[mirror] * (-1, 1, 1)) / 2
    half = nearest(points, mesh.mean, skin)
    left = generic_face.vertices()[:, 0] < -1e-3
    vertices = np.where(left[:, None], mesh.mirror[half.vertices[mirror]], half.vertices)
    return Surface(vertices, np.where(left[:, None], half.weights[mirror], half.weights))


def trust() -> np.ndarray:
    """How far each of the 468 points [468] may be trusted in a fit; 0 for most of them."""
    mirror, weights = mirror_of_mesh(), np.zeros(468)
    weights[list(OVAL[::2])] = OVAL_TRUST
    weights[list(FEATURES)] = 1
    return np.maximum(weights, weights[mirror])


def shared_trust() -> np.ndarray:
    """`trust` for the file, [468]: larger, so that its few points say as much as a whole mesh.

    `facealign.geometry.fit` lets 468 points of trust 1 count as a number of independent ones.
    """
    weights = trust()
    return weights / np.sqrt(np.mean(weights**2))
