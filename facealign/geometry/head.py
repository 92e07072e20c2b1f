"""The 3D head of the project: a mean shape, and modes of identity and of expression.

points = mean + sum of identity coefficients x modes + sum of expression coefficients x modes.

Axes, in cm: x to the right in the image, y down in the image, z towards the camera, as in
facealign.geometry.pose; the origin is between the ears. The corners of a triangle run
counter-clockwise in the image if the camera sees its outside.
"""

import functools
import json
from os import PathLike
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open

from facealign.errors import UserError
from facealign.paths import shipped

WEIGHTS = "head.safetensors"
PARTS = ("face", "head", "neck", "mouth", "teeth", "eyes")  # names of the values of `part`


class HeadModel(NamedTuple):
    """V vertices, T triangles, K identity and E expression modes; NumPy, float32 or integers.

    A point on the surface is given by three vertices and its weights on them.
    """

    mean: np.ndarray  # [V, 3] in cm
    identity: np.ndarray  # [K, V, 3] in cm a standard deviation
    expression: np.ndarray  # [E, V, 3] in cm; coefficients run from 0 to 1
    triangles: np.ndarray  # int32 [T, 3]
    part: np.ndarray  # uint8 [V]: index into PARTS
    mirror: np.ndarray  # int32 [V]: the vertex on the other side
    mesh_vertices: np.ndarray  # int32 [468, 3]: the points of MediaPipe's face mesh
    mesh_weights: np.ndarray  # [468, 3]
    mesh_trust: np.ndarray  # [468]: weight in a fit; 0 if not used
    landmarks: np.ndarray  # int32 [68, 3]: in the order of iBUG 300-W
    landmark_weights: np.ndarray  # [68, 3]


def load_head(path: str | PathLike | None = None) -> HeadModel:
    """The head in a file, by default the one that comes with facealign. Read once.

    Raises:
      UserError: the file is missing, damaged or holds something else.
    """
    return _read(str(path or shipped(WEIGHTS)))[0]


def expression_names(path: str | PathLike | None = None) -> tuple[str, ...]:
    """The names of the E expression modes; path and errors as in `load_head`."""
    return _read(str(path or shipped(WEIGHTS)))[1]


@functools.cache
def _read(path: str) -> tuple[HeadModel, tuple[str, ...]]:
    try:
        with safe_open(path, "np") as file:
            arrays = {name: file.get_tensor(name) for name in HeadModel._fields}
            about = {key: json.loads(file.metadata()[key]) for key in ("parts", "expressions")}
        # The file may name the parts in another order.
        order = np.array([PARTS.index(name) for name in about["parts"]], np.uint8)
        model = HeadModel(**{name: _widened(array) for name, array in arrays.items()})
        model = model._replace(part=order[model.part])
        _check(model, len(about["expressions"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"{path} is missing or damaged ({error}); download it again") from error
    for array in model:
        array.flags.writeable = False  # everyone gets the same arrays
    return model, tuple(about["expressions"])


def _widened(array: np.ndarray) -> np.ndarray:
    """Floats as float32, indices as int32; uint8 stays."""
    if array.dtype == np.uint8:
        return array.copy()
    return array.astype(np.float32 if array.dtype.kind == "f" else np.int32)


def _check(model: HeadModel, expressions: int) -> None:
    """Raises ValueError if the arrays of a file do not belong together."""
    count = len(model.mean)
    shapes = {
        "mean": (count, 3),
        "identity": (len(model.identity), count, 3),
        "expression": (expressions, count, 3),
        "triangles": (len(model.triangles), 3),
        "part": (count,),
        "mirror": (count,),
        "mesh_vertices": (468, 3),
        "mesh_weights": (468, 3),
        "mesh_trust": (468,),
        "landmarks": (68, 3),
        "landmark_weights": (68, 3),
    }
    for name, shape in shapes.items():
        array = getattr(model, name)
        if array.shape != shape:
            raise ValueError(f"{name} has the shape {array.shape}, not {shape}")
        if array.dtype == np.int32 and not ((array >= 0) & (array < count)).all():
            raise ValueError(f"{name} names vertices that do not exist")
        if array.dtype == np.float32 and not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite")


def shape(model: HeadModel, identity: jax.Array, expression: jax.Array) -> jax.Array:
    """Vertices [..., V, 3] in cm of heads with coefficients [..., K] and [..., E].

    There may be fewer coefficients than modes; the rest is zero. Differentiable in both.
    """
    identity, expression = jnp.asarray(identity), jnp.asarray(expression)
    moved = blend(identity, model.identity[: identity.shape[-1]])
    moved += blend(expression, model.expression[: expression.shape[-1]])
    return model.mean + moved


def blend(coefficients: jax.Array, modes: jax.Array) -> jax.Array:
    """Sums [..., N, 3] of modes [M, N, 3], each times its coefficient of [..., M]."""
    return jnp.einsum("...m,mni->...ni", coefficients, modes, precision="highest")


def on_surface(points: jax.Array, vertices: np.ndarray, weights: np.ndarray) -> jax.Array:
    """Points [..., N, 3] on the surface, from all vertices [..., V, 3] of a head.

    Args:
      points: [..., V, 3], NumPy or JAX; the result is of the same kind.
      vertices: indices [N, 3].
      weights: on these vertices, [N, 3]; their sum is 1.
    """
    return (points[..., vertices, :] * weights[..., None]).sum(axis=-2)


def mesh_points(model: HeadModel, points: jax.Array) -> jax.Array:
    """MediaPipe's 468 points [..., 468, 3] on a head with vertices [..., V, 3]."""
    return on_surface(points, model.mesh_vertices, model.mesh_weights)


def modes(model: HeadModel) -> np.ndarray:
    """Its mean and behind it the modes of identity and expression, [1 + K + E, V, 3] in cm."""
    return np.concatenate([model.mean[None], model.identity, model.expression])


def landmarks68(model: HeadModel, points: jax.Array) -> jax.Array:
    """The landmarks [..., 68, 3] of iBUG 300-W on a head with vertices [..., V, 3]."""
    return on_surface(points, model.landmarks, model.landmark_weights)


def normals(points: jax.Array, triangles: np.ndarray) -> jax.Array:
    """Unit normals [..., V, 3] of vertices [..., V, 3], outwards; 0 where no triangle is.

    Each is the mean over the triangles around the vertex, weighed by their areas.
    """
    points = jnp.asarray(points)
    a, b, c = (points[..., triangles[:, corner], :] for corner in range(3))
    across = jnp.cross(c - a, b - a)  # y points down, so this order points outwards
    total = jnp.zeros_like(points)
    for corner in range(3):
        total = total.at[..., triangles[:, corner], :].add(across)
    return total * jax.lax.rsqrt(jnp.square(total).sum(axis=-1, keepdims=True) + 1e-14)
