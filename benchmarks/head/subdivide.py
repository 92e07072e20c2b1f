"""Cuts a mesh by a plane and subdivides a part of it, as linear maps of its vertices."""

import numpy as np
from scipy import sparse


def to_triangles(quads: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Triangles [2F, 3] of quads [F, 4]: the shorter diagonal cuts, the same way on both sides."""
    across = vertices[quads[:, :2]] - vertices[quads[:, 2:]]
    length = np.linalg.norm(across, axis=2)
    other = (length[:, 1] < length[:, 0] - 1e-9)[:, None]
    first = np.where(other, quads[:, (0, 1, 3)], quads[:, (0, 1, 2)])
    second = np.where(other, quads[:, (1, 2, 3)], quads[:, (0, 2, 3)])
    return np.concatenate((first, second))


def edges_of(triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(edges [E, 2] with the smaller vertex first, the edges [T, 3] of each triangle).

    A triangle's edge k joins its corners k and k + 1.
    """
    sides = np.stack((triangles, np.roll(triangles, -1, axis=1)), axis=2)
    edges, index = np.unique(np.sort(sides.reshape(-1, 2), axis=1), axis=0, return_inverse=True)
    return edges, index.reshape(-1, 3)


def _split(triangles: np.ndarray, middle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(the triangles [T', 3] that replace `triangles` [T, 3], which of those [T'] each is from).

    `middle` [T, 3] is the new vertex on each edge, -1 for an edge that stays whole.
    """
    pieces, parents = [], []
    for parent, (corners, new) in enumerate(zip(triangles, middle, strict=True)):
        count = (new >= 0).sum()
        first = (new < 0).argmax() if count == 2 else new.argmax()
        (a, b, c), (ab, bc, ca) = np.roll(corners, -first), np.roll(new, -first)
        if count == 0:
            pieces += [(a, b, c)]
        elif count == 1:
            pieces += [(a, ab, c), (ab, b, c)]
        elif count == 2:  # the edge ab is whole
            pieces += [(a, b, bc), (a, bc, ca), (ca, bc, c)]
        else:
            pieces += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        parents += [parent] * (len(pieces) - len(parents))
    return np.array(pieces), np.array(parents)


def cut(
    vertices: np.ndarray, triangles: np.ndarray, height: np.ndarray
) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Keeps what has `height` [V] above 0: (a linear map to the new vertices, their triangles).

    Edges that cross get a vertex at height 0. The map keeps all old vertices, used or not.
    """
    edges, of_triangle = edges_of(triangles)
    a, b = height[edges].T
    crosses = a * b < 0
    middle = np.full(len(edges), -1)
    middle[crosses] = len(vertices) + np.arange(crosses.sum())
    share = (a / np.where(crosses, a - b, 1))[crosses]
    new = sparse.csr_matrix(
        (
            np.concatenate((1 - share, share)),
            (np.tile(np.arange(len(share)), 2), edges[crosses].T.ravel()),
        ),
        shape=(len(share), len(vertices)),
    )
    pieces, _ = _split(triangles, middle[of_triangle])
    full = np.concatenate((height, np.zeros(len(share))))
    kept = pieces[full[pieces].min(axis=1) > -1e-9]
    return sparse.vstack((sparse.identity(len(vertices)), new)).tocsr(), kept


def subdivide(
    count: int, triangles: np.ndarray, chosen: np.ndarray
) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    """Loop's subdivision of the triangles `chosen` [T].

    Returns (a linear map [V', count], the triangles [T', 3], from which old one [T'] each is).

    Inside of the chosen part vertices move and new ones follow by Loop's weights (with Warren's
    for vertices); along its border old vertices stay and new ones lie in the middle of edges.
    Neighbours that are not chosen are split so that no gap appears.
    """
    edges, of_triangle = edges_of(triangles)
    used = np.zeros(len(edges), np.int64)
    np.add.at(used, of_triangle[chosen].ravel(), 1)
    inner = used == 2
    opposite = np.roll(triangles, 1, axis=1)  # of edge k is corner k + 2
    across = sparse.csr_matrix(
        (
            np.ones(of_triangle[chosen].size),
            (of_triangle[chosen].ravel(), opposite[chosen].ravel()),
        ),
        shape=(len(edges), count),
    )
    ends = sparse.csr_matrix(
        (np.ones(2 * len(edges)), (np.repeat(np.arange(len(edges)), 2), edges.ravel())),
        shape=(len(edges), count),
    )
    odd = sparse.diags(np.where(inner, 3 / 8, 1 / 2)) @ ends + sparse.diags(inner / 8) @ across
    moves = np.zeros(count, bool)
    moves[triangles[chosen]] = True
    moves[edges[~inner]] = False
    joined = ends.T @ ends
    joined.setdiag(0)
    valence = np.maximum(np.asarray(joined.sum(axis=1)).ravel(), 1)
    pull = np.where(moves, np.where(valence == 3, 3 / 16, 3 / 8 / valence), 0)
    even = sparse.diags(1 - valence * pull) + sparse.diags(pull) @ joined
    middle = np.where(used > 0, count + np.cumsum(used > 0) - 1, -1)
    weights = sparse.vstack((even, odd.tocsr()[used > 0])).tocsr()
    return weights, *_split(triangles, middle[of_triangle])
