"""The 68 landmarks of iBUG 300-W on the head, with its true jaw line."""

import numpy as np

from facealign.geometry import generic_face
from head.correspondence import Surface, nearest, skin_of
from head.mesh import Mesh

# MakeHuman's vertices with x > 0 in front of the ear, from its upper third to the lobe.
EAR = (12342, 12332, 12325)
CHIN = 5296
SLICES = np.linspace(3.0, 10.0, 15)  # cm: depths at which the edge of the jaw is looked for
SLAB = 0.35  # cm: half the depth of a slice
EDGE = 0.55  # of the normal's length points down at the edge of the jaw


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals [V, 3], outwards."""
    a, b, c = np.moveaxis(vertices[triangles], 1, 0)
    across, total = np.cross(c - a, b - a), np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(total, triangles[:, corner], across)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)


def jaw_line(mesh: Mesh) -> np.ndarray:
    """The jaw from the ear to the chin on the side with x > 0, nine points [9, 3]: three before
    the ear, then as far apart as their neighbours along the edge of the jaw."""
    skin = skin_of(mesh)
    normals = vertex_normals(mesh.mean, skin)
    ear, chin = mesh.mean[mesh.index[list(EAR)]], mesh.mean[mesh.index[CHIN]]
    x, y, z = mesh.mean.T
    on_skin = np.isin(np.arange(len(x)), skin)
    edge = [ear[-1]]
    for depth in SLICES:
        near = on_skin & (np.abs(z - depth) < SLAB) & (x > 1) & (y > ear[-1, 1]) & (y < 13)
        found = np.flatnonzero(near)
        # Of those that face about as far down, the outer one: the neck has such places too.
        cost = np.abs(normals[found, 1] - EDGE) - 0.1 * x[found]
        edge.append(mesh.mean[found[cost.argmin()]])
    line = np.array([*edge, chin])
    line[1:-1] = (line[:-2] + 2 * line[1:-1] + line[2:]) / 4
    way = np.concatenate(([0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))))
    stops = np.linspace(0, way[-1], 7)[1:]
    rest = np.stack([np.interp(stops, way, line[:, axis]) for axis in range(3)], axis=1)
    return np.concatenate((ear, rest))


def landmarks(mesh: Mesh, points: Surface) -> Surface:
    """The 68 landmarks: the jaw of the head itself, the others from MediaPipe's points."""
    index = generic_face.LANDMARKS
    line = jaw_line(mesh)  # 16, 15, ..., 8
    jaw = np.concatenate((line * (-1, 1, 1), line[-2::-1]))
    jaw = nearest(jaw, mesh.mean, skin_of(mesh))
    return Surface(
        np.concatenate((jaw.vertices, points.vertices[index[17:]])),
        np.concatenate((jaw.weights, points.weights[index[17:]])),
    )
