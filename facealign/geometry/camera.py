"""A perspective camera in front of a head, and head pose as a rotation matrix.

Points of the head are in cm: x to the right in the image, y down, z towards the camera. Angles are
those of facealign.geometry.pose, in degrees. All functions take leading axes, and work
under jit, vmap and grad. They are compiled, since their many small steps would each be otherwise.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

# cm from the camera to the origin of the head. The true distance is unknown for a photo.
DISTANCE = 120.0


class Camera(NamedTuple):
    """How a head stands in an image."""

    rotation: jax.Array  # [..., 3, 3]: turned = points @ rotation.T
    scale: jax.Array  # [...]: px a cm at the depth of the origin
    shift: jax.Array  # [..., 2]: px, where the origin is in the image


@jax.jit
def project(points: jax.Array, camera: Camera) -> jax.Array:
    """Points [..., N, 3] in cm of the head, in the image: x and y in px, z in cm after rotation."""
    turned = _turn(points, camera.rotation)
    near = jnp.asarray(camera.scale)[..., None] / (1 - turned[..., 2] / DISTANCE)
    flat = near[..., None] * turned[..., :2] + jnp.asarray(camera.shift)[..., None, :]
    return jnp.concatenate([flat, turned[..., 2:]], axis=-1)


@jax.jit
def unproject(places: jax.Array, camera: Camera) -> jax.Array:
    """Points [..., N, 3] in cm of the head from places as `project` returns them; its inverse."""
    places = jnp.asarray(places)
    far = (1 - places[..., 2] / DISTANCE) / jnp.asarray(camera.scale)[..., None]
    flat = (places[..., :2] - jnp.asarray(camera.shift)[..., None, :]) * far[..., None]
    turned = jnp.concatenate([flat, places[..., 2:]], axis=-1)
    return _turn(turned, jnp.swapaxes(camera.rotation, -1, -2))


def _turn(points: jax.Array, rotation: jax.Array) -> jax.Array:
    return jnp.einsum("...ij,...nj->...ni", rotation, points, precision="highest")


@jax.jit
def rotation_of(angles: jax.Array) -> jax.Array:
    """The matrices [..., 3, 3] of `pose.rotation`, of angles [..., 3]: yaw, pitch, roll."""
    yaw, pitch, roll = jnp.moveaxis(jnp.radians(jnp.asarray(angles, float)), -1, 0)
    none = jnp.zeros_like(yaw)
    nod, turn, lean = (
        rotate(jnp.stack(axis, axis=-1))
        for axis in ((pitch, none, none), (none, yaw, none), (none, none, roll))
    )
    return _product(_product(lean, turn), nod)


@jax.jit
def angles_of(rotation: jax.Array) -> jax.Array:
    """Yaw, pitch and roll [..., 3] in degrees of matrices [..., 3, 3].

    The inverse of `rotation_of` for pitches between -90 and 90. As `pose.angles_of`, but yaw runs
    from -180 to 180, so that a head seen a little from behind keeps its pitch. Near a yaw of 90,
    only the sum of pitch and roll is well-defined.
    """
    rotation = jnp.asarray(rotation)
    down, toward = rotation[..., 2, 1], rotation[..., 2, 2]
    side = jnp.where(toward < 0, -1.0, 1.0)
    length = jnp.sqrt(down**2 + toward**2 + 1e-14)  # a gradient at a yaw of 90 is finite
    yaw = jnp.arctan2(-rotation[..., 2, 0], side * length)
    pitch = jnp.arctan2(side * down, side * toward + 1e-7)
    roll = jnp.arctan2(side * rotation[..., 1, 0], side * rotation[..., 0, 0] + 1e-7)
    return jnp.degrees(jnp.stack([yaw, pitch, roll], axis=-1))


@jax.jit
def rotate(vector: jax.Array) -> jax.Array:
    """Rotation matrices [..., 3, 3] about vectors [..., 3] by their lengths in radians.

    Rodrigues' formula. Differentiable everywhere, also at 0.
    """
    x, y, z = jnp.moveaxis(jnp.asarray(vector), -1, 0)
    none = jnp.zeros_like(x)
    rows = ((none, -z, y), (z, none, -x), (-y, x, none))
    across = jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)
    square = x**2 + y**2 + z**2
    # sin(a) / a and (1 - cos(a)) / a^2, by their series near 0, where a square root has no slope.
    small = square < 1e-4
    angle = jnp.sqrt(jnp.where(small, 1.0, square))
    sine = jnp.where(small, 1 - square / 6, jnp.sin(angle) / angle)
    cosine = jnp.where(small, 0.5 - square / 24, 2 * (jnp.sin(angle / 2) / angle) ** 2)
    sine, cosine = sine[..., None, None], cosine[..., None, None]
    return jnp.eye(3) + sine * across + cosine * _product(across, across)


@jax.jit
def vector_of(rotation: jax.Array) -> jax.Array:
    """The vectors [..., 3] of rotation matrices by less than half a turn; inverse of `rotate`."""
    r = rotation
    across = jnp.stack(
        [r[..., 2, 1] - r[..., 1, 2], r[..., 0, 2] - r[..., 2, 0], r[..., 1, 0] - r[..., 0, 1]],
        axis=-1,
    )
    sine = jnp.sqrt(jnp.square(across).sum(axis=-1, keepdims=True) + 1e-14) / 2
    cosine = (jnp.trace(r, axis1=-2, axis2=-1)[..., None] - 1) / 2
    return across / 2 * (jnp.arctan2(sine, cosine) / sine)


def _product(first: jax.Array, second: jax.Array) -> jax.Array:
    return jnp.matmul(first, second, precision="highest")


@jax.jit
def from_points(points: jax.Array, places: jax.Array, weights: jax.Array) -> Camera:
    """The camera of points [P, 3] in cm that are seen at places [P, 2] in px; without perspective.

    Linear: the best affine camera with weights [P], and the rotation nearest to it. Its gradients
    are finite. Of points without any weight, a head that looks into the camera.
    """
    design = jnp.column_stack([points, jnp.ones(len(points))])
    square = jnp.square(weights)
    weighted = (design * square[:, None]).T
    normal = jnp.matmul(weighted, design, precision="highest")
    normal += jnp.eye(4) * (1e-3 * square.sum() + 1e-6)
    right = jnp.matmul(weighted, places, precision="highest")
    affine = jax.scipy.linalg.solve(normal, right, assume_a="pos").T
    # The nearest two orthogonal rows of equal length are the affine rows times the inverse root of
    # their Gram matrix. In closed form, since the slopes of a singular value decomposition are
    # infinite if its values are equal.
    rows = affine[:, :3] + 1e-6 * jnp.eye(2, 3)
    gram = jnp.matmul(rows, rows.T, precision="highest")
    trace = gram[0, 0] + gram[1, 1]
    area = gram[0, 0] * gram[1, 1] - gram[0, 1] * gram[1, 0]
    root = jnp.sqrt(jnp.maximum(area, 1e-6 * trace**2))
    double = jnp.sqrt(trace + 2 * root)
    inverse = (double * jnp.eye(2) - (gram + root * jnp.eye(2)) / double) / root
    first, second = jnp.matmul(inverse, rows, precision="highest")
    rotation = jnp.stack([first, second, jnp.cross(first, second)])
    return Camera(rotation, double / 2, affine[:, 3])


@jax.jit
def transformed(camera: Camera, matrix: np.ndarray) -> Camera:
    """The camera of a photo, in a crop of the photo.

    Args:
      camera: of the photo.
      matrix: rotation, scale and shift [..., 2, 3] from photo to crop, as in
        facealign.geometry.frame.
    """
    matrix = jnp.asarray(matrix)
    cosine, sine = matrix[..., 0, 0], matrix[..., 1, 0]
    roll = jnp.arctan2(sine, cosine)
    none = jnp.zeros_like(roll)
    lean = rotate(jnp.stack([none, none, roll], axis=-1))
    shift = jnp.einsum("...ij,...j->...i", matrix[..., :2], camera.shift, precision="highest")
    return Camera(
        _product(lean, camera.rotation),
        camera.scale * jnp.sqrt(cosine**2 + sine**2),
        shift + matrix[..., 2],
    )


@jax.jit
def mirrored(rotation: jax.Array) -> jax.Array:
    """The rotation [..., 3, 3] of the mirrored head in the mirror image of a photo."""
    flip = jnp.array([-1.0, 1.0, 1.0])
    return rotation * flip * flip[:, None]
