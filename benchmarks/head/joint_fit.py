"""Fits the head to several photos of one person at once: one identity, a pose and face for each.

`facealign.geometry.fit` fits photos one by one; this shares its constants and its weights, adds
what several photos say together, and says how sure the identity is.
"""

import dataclasses

import numpy as np
from scipy.spatial.transform import Rotation

from facealign.geometry import fit
from facealign.geometry.camera import DISTANCE
from facealign.geometry.generic_face import rotation
from head import people

POSE = 6  # rotation, logarithm of the scale, shift
# Of expression coefficients; larger than in a fit of one photo, as a smile must not become part of
# the mean. Small of people who were told to look neutral.
EXPRESSION_DEVIATION, NEUTRAL_DEVIATION = 1.0, 0.12
FIDUCIALS = 20  # a profile's fiducials count as so many independent ones


@dataclasses.dataclass(frozen=True)
class Points:
    """N points of the head: mean [N, 3], identity [K, N, 3], expression [E, N, 3] in cm.

    Also normals [N, 3], trust [N] and slides [N], as `facealign.geometry.head_points.Points`.
    """

    mean: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    normals: np.ndarray
    trust: np.ndarray
    slides: np.ndarray

    def take(self, index: np.ndarray) -> "Points":
        """The points `index`."""
        return Points(
            self.mean[index],
            self.identity[:, index],
            self.expression[:, index],
            self.normals[index],
            self.trust[index],
            self.slides[index],
        )


@dataclasses.dataclass
class View:
    """A photo with its pose and expression [E]; `points` are those that its places show."""

    photo: people.Photo
    points: Points
    turn: np.ndarray  # [3, 3]
    scale: float  # px a cm
    shift: np.ndarray  # [2] px
    expression: np.ndarray

    def turned(self, identity: np.ndarray) -> np.ndarray:
        """The points [N, 3] in cm after rotation."""
        shape = self.points.mean + np.tensordot(identity, self.points.identity, 1)
        shape = shape + np.tensordot(self.expression, self.points.expression, 1)
        return shape @ self.turn.T

    def residual(self, turned: np.ndarray) -> np.ndarray:
        """How far the photo's places are from the points, [N, 2] in cm."""
        near = 1 / (1 - turned[:, 2:] / DISTANCE)
        return (self.photo.places - self.shift) / self.scale - near * turned[:, :2]


def create_view(photo: people.Photo, mesh: Points, landmarks: Points) -> View:
    """A photo with a first pose; `mesh` are MediaPipe's 468 points, `landmarks` the 68."""
    if photo.profile:
        points = landmarks.take(people.fiducials_of(photo))
        points = dataclasses.replace(points, trust=people.FIDUCIAL_TRUST)
        turn = rotation(0.95 * photo.profile, 0, 0)
    else:
        points = mesh
        design = np.column_stack((points.mean, np.ones(len(points.mean)))) * points.trust[:, None]
        affine = np.linalg.lstsq(design, photo.places * points.trust[:, None], rcond=None)[0].T
        left, _, right = np.linalg.svd(affine[:, :3], full_matrices=False)
        first, second = left @ right
        turn = np.stack((first, second, np.cross(first, second)))
    flat = (points.mean @ turn.T)[:, :2]
    a, b = flat - flat.mean(axis=0), photo.places - photo.places.mean(axis=0)
    scale = np.sqrt((b**2).sum() / (a**2).sum())
    shift = photo.places.mean(axis=0) - scale * flat.mean(axis=0)
    return View(photo, points, turn, scale, shift, np.zeros(len(points.expression)))


def weigh(view: View, residual: np.ndarray) -> np.ndarray:
    """Factors [N] on the rows of each point, in 1 / cm."""
    points, weights = view.points, view.points.trust
    if view.photo.profile:
        weights = weights * np.sqrt(FIDUCIALS / len(weights)) / fit.DEVIATION
    else:
        facing = points.normals @ view.turn[2]
        weights = weights * np.where(facing > 0.1, 1, np.where(facing > -0.1, 0.5, fit.HIDDEN))
        yaw = np.degrees(np.arctan2(-view.turn[2, 0], view.turn[2, 2]))
        low, high = fit.FAR
        aside = np.clip((abs(yaw) - low) / (high - low), 0, 1)
        beyond = np.clip((points.mean[:, 0] * np.sign(yaw) - 0.4) / 0.8, 0, 1)
        weights = weights * (1 - 0.97 * aside * beyond)
        weights = weights * (1 + aside * np.where(points.slides, -0.93, 0.6))
        weights = weights * np.sqrt(fit.INDEPENDENT / len(weights)) / fit.DEVIATION
    size = np.linalg.norm(residual, axis=1) * weights
    return weights * np.sqrt(np.minimum(1, fit.HUBER / np.maximum(size, 1e-9)))


def _slopes(view: View, turned: np.ndarray) -> np.ndarray:
    """Derivatives [6 + E + K, N, 2] of the points' places in cm, by pose, expression, identity."""
    turned = np.float32(turned)
    x, y, z = turned.T
    none, near = np.zeros_like(x), 1 / (1 - z / DISTANCE)
    spin = np.array([(none, -z, y), (z, none, -x), (-y, x, none)]).transpose(0, 2, 1)
    modes = np.concatenate((view.points.expression, view.points.identity))
    modes = modes @ np.float32(view.turn.T)
    moves = np.concatenate((spin, modes))
    flat = near[:, None] * turned[:, :2]
    moved = near[:, None] * (moves[..., :2] + flat * moves[..., 2:] / DISTANCE)
    shift = np.broadcast_to(np.eye(2, dtype=np.float32)[:, None], (2, len(x), 2))
    return np.concatenate((moved[:3], flat[None], shift, moved[3:]))


def _normal(view: View, identity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The normal equations (square, right) of one photo, with the ridge on its expression."""
    turned = view.turned(identity)
    residual = view.residual(turned)
    weights = weigh(view, residual)
    slopes = _slopes(view, turned) * np.float32(weights)[:, None]
    slopes = slopes.reshape(-1, 2 * len(weights))
    square = (slopes @ slopes.T).astype(np.float64)
    right = slopes @ (residual * weights[:, None]).ravel()
    deviation = NEUTRAL_DEVIATION if view.photo.neutral else EXPRESSION_DEVIATION
    own = slice(POSE, POSE + len(view.expression))
    square[own, own] += np.eye(len(view.expression)) / deviation**2
    right[own] -= view.expression / deviation**2
    square[:POSE, :POSE] += 1e-6 * np.eye(POSE)
    return square, right


def _move(view: View, move: np.ndarray) -> None:
    """Changes pose and expression of a view."""
    view.turn = Rotation.from_rotvec(np.clip(move[:3], -0.6, 0.6)).as_matrix() @ view.turn
    view.shift = view.shift + view.scale * move[4:6]
    view.scale *= np.exp(np.clip(move[3], -0.6, 0.6))
    view.expression = np.clip(view.expression + move[POSE:], fit.LEAST, fit.MOST)


def fit_person(
    views: list[View], identity: np.ndarray, steps: int, pose_steps: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """(identity [K], its covariance [K, K]) of a person; the views are changed to fit, too.

    The prior of the identity is a unit Gaussian. The first `pose_steps` move only the pose.
    """
    identity, count = identity.copy(), len(identity)
    inverse = np.eye(count)
    for step in range(steps):
        total, pull, solved = np.eye(count), -identity, []
        for view in views:
            square, right = _normal(view, identity)
            if step < pose_steps:
                move = np.zeros(len(right) - count)
                move[:POSE] = np.linalg.solve(square[:POSE, :POSE], right[:POSE])
                _move(view, move)
                continue
            own = len(right) - count
            back = np.linalg.solve(
                square[:own, :own], np.column_stack((square[:own, own:], right[:own]))
            )
            total += square[own:, own:] - square[own:, :own] @ back[:, :-1]
            pull += right[own:] - square[own:, :own] @ back[:, -1]
            solved.append(back)
        if step < pose_steps:
            continue
        inverse = np.linalg.inv(total)
        change = inverse @ pull
        identity += change
        for view, back in zip(views, solved, strict=True):
            _move(view, back[:, -1] - back[:, :-1] @ change)
    return identity, inverse
