"""Fits the 3D head to landmarks: pose, identity and expression, by Gauss-Newton.

Rows of the least-squares problem are in cm of the head, so the result does not depend on the size
of the photo. The constants were found on Labeled Faces in the Wild and on true profiles, with the
landmarks of MediaPipe's face mesh.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from facealign.geometry import camera as cameras
from facealign.geometry.camera import DISTANCE, Camera
from facealign.geometry.head import HeadModel
from facealign.geometry.head_points import Points, bend, create_points

STEPS, POSE_STEPS = 10, 2  # Gauss-Newton: all of them, and the first ones, which move only the pose
DEVIATION = 0.3  # cm of a landmark; larger than its noise, since errors of neighbours are alike
INDEPENDENT = 68  # landmarks count as at most so many independent ones
HUBER = 0.8  # in weighted deviations; beyond it, the cost of a landmark grows linearly
EXPRESSION_DEVIATION = 0.42  # of an expression coefficient; identity has a deviation of 1
LEAST, MOST = -0.05, 1.0  # range of expression coefficients
HIDDEN = 0.15  # weight of a landmark on the side that faces away from the camera
FAR = (25.0, 45.0)  # degrees of yaw over which landmarks of the far side lose their weight
LARGEST_STEP = 0.6  # radians of a rotation, and of the logarithm of the scale
CROP, CROP_WIDTH = 128, 18.0  # px, cm: errors are given in a tight crop of the face of this size
PRIOR_DEVIATION = 4.0  # degrees of a prior rotation


class Head(NamedTuple):
    """Heads fitted to B photos, float32."""

    identity: jax.Array  # [B, K] in standard deviations
    expression: jax.Array  # [B, E] from LEAST to MOST
    camera: Camera  # of B photos
    error: jax.Array  # [B]: rms distance of the visible landmarks, px of 128; inf if there is none


def fit(
    landmarks: jax.Array,
    weights: jax.Array,
    model: HeadModel,
    points: str | Points,
    *,
    start: Head | None = None,
    prior: jax.Array | None = None,
    prior_deviation: jax.Array | float = PRIOR_DEVIATION,
    steps: int = STEPS,
    guessed: bool = True,
) -> Head:
    """The heads that explain landmarks best, by Huber's cost and a ridge on the coefficients.

    Compiled once for each shape. Differentiable in landmarks, weights, start and prior. A landmark
    that is not finite has no influence, whatever its weight, nor has one of weight 0.

    Args:
      landmarks: [B, P, 2] in px.
      weights: [B, P] at least 0; how sure each landmark is, as 1 / its deviation; 1 as usual.
      model: the head; its numbers of modes are K and E.
      points: what the landmarks show; a name as in `create_points`, or its result, which saves
        20 ms a call.
      start: continues from these heads instead of finding the pose anew; a few steps are enough.
      prior: rotations [B, 3, 3] that are expected, with the standard deviations `prior_deviation`;
        nan if unknown.
      prior_deviation: in degrees, a number, or [B, 3] of pitch, yaw and roll about the head's axes.
      steps: of Gauss-Newton; without a start, the first two move only the pose.
      guessed: landmarks that the photo does not show are guesses, as those of MediaPipe and dlib:
        they lose weight, and so do sliding ones of turned heads. False: the weights say it all.
    """
    if isinstance(points, str):
        points = create_points(model, points)
    landmarks, weights = jnp.asarray(landmarks, jnp.float32), jnp.asarray(weights, jnp.float32)
    # No prior is one that is not known, so that both are one program.
    prior = jnp.nan if prior is None else jnp.asarray(prior, jnp.float32)
    prior = jnp.broadcast_to(prior, (len(landmarks), 3, 3))
    deviation = jnp.broadcast_to(jnp.radians(jnp.float32(prior_deviation)), (len(landmarks), 3))
    return _fit(landmarks, weights, points, start, (prior, deviation), guessed, steps=steps)


def pose_of(head: Head) -> jax.Array:
    """Yaw, pitch and roll [B, 3] in degrees of fitted heads, as `camera.angles_of`."""
    return cameras.angles_of(head.camera.rotation)


@functools.partial(jax.jit, static_argnames=("steps",))
def _fit(landmarks, weights, points, start, prior, guessed, *, steps: int) -> Head:
    def one(landmarks, weights, start, prior) -> Head:
        known = jnp.isfinite(landmarks).all(axis=-1) & (weights > 0) & (points.trust > 0)
        target = jnp.where(known[:, None], landmarks, 0)
        weights = jnp.where(known, weights, 0) * points.trust
        # Whatever the photo, the target gets a size of about one, so that float32 is enough.
        middle, size = _middle_and_size(target, weights)
        problem = (target - middle) / size, weights, points, prior, guessed
        if start is None:
            none = (jnp.zeros(len(modes)) for modes in (points.identity, points.expression))
            camera = cameras.from_points(points.mean, *problem[:2])
            head, frozen = Head(*none, camera, jnp.zeros(())), POSE_STEPS
        else:
            camera = start.camera
            camera = Camera(camera.rotation, camera.scale / size, (camera.shift - middle) / size)
            head, frozen = start._replace(camera=camera), 0
        free = jnp.float32([number >= frozen for number in range(steps)])
        head, _ = jax.lax.scan(lambda head, free: (_step(head, *problem, free), None), head, free)
        head = head._replace(error=_error(head, problem[0], known, points))
        camera = head.camera
        camera = Camera(camera.rotation, camera.scale * size, camera.shift * size + middle)
        return head._replace(camera=camera)

    return jax.vmap(one)(landmarks, weights, start, prior)


def _middle_and_size(target: jax.Array, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The weighted mean [2] of points [P, 2], and their rms distance from it."""
    share = weights / jnp.maximum(weights.sum(), 1e-6)
    middle = share @ target
    return middle, jnp.sqrt(share @ jnp.square(target - middle).sum(axis=-1) + 1e-6)


def _project(head: Head, points: Points) -> tuple[jax.Array, jax.Array]:
    """The points, turned [P, 3] in cm, and how much nearness enlarges each, [P]."""
    bent = bend(points, head.identity, head.expression)
    turned = jnp.matmul(bent, head.camera.rotation.T, precision="highest")
    return turned, 1 / (1 - turned[:, 2] / DISTANCE)


def _residual(head: Head, target: jax.Array, turned: jax.Array, near: jax.Array) -> jax.Array:
    """How far the landmarks are from the points, [P, 2] in cm."""
    return (target - head.camera.shift) / head.camera.scale - near[:, None] * turned[:, :2]


def _step(
    head: Head,
    target: jax.Array,
    weights: jax.Array,
    points: Points,
    prior: tuple[jax.Array, jax.Array],
    guessed: bool | jax.Array,
    free: jax.Array,
) -> Head:
    """One step of Gauss-Newton: over everything if `free` is 1, over the pose only if it is 0."""
    rotation = head.camera.rotation
    turned, near = _project(head, points)
    residual = _residual(head, target, turned, near)
    weights = weights * jnp.where(guessed, _trust(rotation, points), 1)
    weights = _robust(weights, residual)
    slopes = weights[:, None] * _slopes(turned, near, rotation, points, free)
    slopes = slopes.reshape(len(slopes), -1)
    # The square system, with the ridge: a coefficient c of deviation d adds (c / d)^2 to the cost.
    square = jnp.matmul(slopes, slopes.T, precision="highest")
    right = jnp.matmul(slopes, (weights[:, None] * residual).ravel(), precision="highest")
    count = len(points.identity)
    ridge = jnp.ones(len(slopes) - 6).at[count:].set(EXPRESSION_DEVIATION**-2)
    right -= jnp.pad(ridge * jnp.concatenate([head.identity, head.expression]), (6, 0))
    square += jnp.diag(jnp.pad(ridge, (6, 0)))
    rows, missing = _prior(rotation, *prior)
    square = square.at[:3, :3].add(jnp.matmul(rows.T, rows, precision="highest"))
    right = right.at[:3].add(jnp.matmul(rows.T, missing, precision="highest"))
    # A pose that nothing says anything about stays.
    square += 1e-5 * jnp.eye(len(slopes))
    move = jax.scipy.linalg.solve(square, right, assume_a="pos")
    turn, growth = (jnp.clip(part, -LARGEST_STEP, LARGEST_STEP) for part in (move[:3], move[3]))
    scale = head.camera.scale
    camera = Camera(
        jnp.matmul(cameras.rotate(turn), rotation, precision="highest"),
        scale * jnp.exp(growth),
        head.camera.shift + scale * move[4:6],
    )
    expression = jnp.clip(head.expression + move[6 + count :], LEAST, MOST)
    return Head(head.identity + move[6 : 6 + count], expression, camera, head.error)


def _slopes(
    turned: jax.Array, near: jax.Array, rotation: jax.Array, points: Points, free: jax.Array
) -> jax.Array:
    """Derivatives [6 + K + E, P, 2] of the places of the points, in cm.

    By rotation about x, y and z, logarithm of the scale, shift in cm, and coefficients; by these
    0 if `free` is.
    """
    (x, y, z), none = turned.T, jnp.zeros(len(turned))
    # A small rotation w moves a point by w x point.
    moves = jnp.array([(none, -z, y), (z, none, -x), (-y, x, none)]).transpose(0, 2, 1)
    modes = jnp.concatenate([points.identity, points.expression])
    modes = jnp.einsum("mpi,ji->mpj", modes, free * rotation, precision="highest")
    moves = jnp.concatenate([moves, modes])
    flat = near[:, None] * turned[:, :2]
    bent = near[:, None] * (moves[..., :2] + flat * moves[..., 2:] / DISTANCE)
    shifts = jnp.broadcast_to(jnp.eye(2)[:, None], (2, len(turned), 2))
    return jnp.concatenate([bent[:3], flat[None], shifts, bent[3:]])


def _trust(rotation: jax.Array, points: Points) -> jax.Array:
    """Factors [P] on the weights of landmarks that are guessed where the photo hides them."""
    facing = jnp.matmul(points.normals, rotation[2], precision="highest")
    factors = jnp.where(facing > 0.1, 1, jnp.where(facing > -0.1, 0.5, HIDDEN))
    # Landmarks of the far side of a turned face are guesses, and those of cheeks and outline slide
    # towards the front, even on the near side.
    yaw = jnp.degrees(jnp.arctan2(-rotation[2, 0], rotation[2, 2]))
    turned = jnp.clip((jnp.abs(yaw) - FAR[0]) / (FAR[1] - FAR[0]), 0, 1)
    beyond = jnp.clip((points.mean[:, 0] * jnp.sign(yaw) - 0.4) / 0.8, 0, 1)
    return (
        factors * (1 - 0.97 * turned * beyond) * (1 + turned * jnp.where(points.slides, -0.93, 0.6))
    )


def _robust(weights: jax.Array, residual: jax.Array) -> jax.Array:
    """Factors [P] in 1 / cm on the rows of landmarks with weights [P] and residuals [P, 2] in cm.

    Their squares are the weights of Huber's cost.
    """
    factors = weights * (min(1, INDEPENDENT / len(weights)) ** 0.5 / DEVIATION)
    size = jnp.sqrt(jnp.square(factors[:, None] * residual).sum(axis=-1) + 1e-12)
    return factors * jnp.sqrt(jnp.minimum(1, HUBER / size))


def _prior(rotation: jax.Array, prior: jax.Array, deviation: jax.Array) -> tuple[jax.Array, ...]:
    """Rows [3, 3] of a prior rotation, and what is missing to it in deviations [3]; 0 if nan.

    About the head's own axes, of which a rotation of the photo turns a part.
    """
    known = jnp.isfinite(prior).all()
    way = jnp.matmul(rotation.T, jnp.where(known, prior, rotation), precision="highest")
    factors = jnp.where(known, 1 / deviation, 0)
    return factors[:, None] * rotation.T, factors * cameras.vector_of(way)


def _error(head: Head, target: jax.Array, known: jax.Array, points: Points) -> jax.Array:
    """Rms distance in px of a crop, over the known landmarks that face the camera."""
    square = jnp.square(_residual(head, target, *_project(head, points))).sum(axis=-1)
    seen = known & (jnp.matmul(points.normals, head.camera.rotation[2]) > 0)
    mean = jnp.where(seen, square, 0).sum() / jnp.maximum(seen.sum(), 1)
    return jnp.where(seen.any(), jnp.sqrt(mean + 1e-12) * (CROP / CROP_WIDTH), jnp.inf)
