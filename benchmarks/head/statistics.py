"""Mean and modes of the head as measured on training people, by expectation maximization.

A person is a draw from a Gaussian over the modes, seen through photos. In turn, everybody is
fitted under the present Gaussian, and the Gaussian becomes that of the fits, with what each fit
leaves open (its covariance) added. The places of mesh points slide along the skin meanwhile.
"""

import dataclasses

import numpy as np

from facealign.geometry import generic_face
from head import correspondence, jaw, joint_fit, people
from head.correspondence import Surface
from head.mesh import Mesh
from head.modes import principal

FIRST_STEPS, POSE_STEPS, MORE_STEPS = 8, 2, 3
OTHER_TRUST = 0.4  # of mesh points that are neither features nor on the oval
MOST_SLIDE = 0.4  # cm a round
CANONICAL_DEVIATION = 2.0  # cm: how near to a point of the canonical face the first mean gets
# How far the mean follows the fits. All the way, it drifts into a face that frontal photos cannot
# tell from the right one: depths lean with the pitch.
MEAN_SHARE = 0.5
SLIDE_RIDGE = 20.0  # photos' worth of belief that a mesh point is where it was


@dataclasses.dataclass
class Head:
    """The head as measured so far: mean [V, 3], modes [K, V, 3] of unit deviation, in cm."""

    mesh: Mesh
    mean: np.ndarray
    modes: np.ndarray
    expression: np.ndarray  # [E, V, 3]
    points: Surface  # MediaPipe's 468
    landmarks: Surface  # the 68

    def on(self, surface: Surface, trust: np.ndarray, slides: np.ndarray) -> joint_fit.Points:
        """Points on a surface, as the fit wants them."""
        normals = jaw.vertex_normals(self.mean, correspondence.skin_of(self.mesh))
        across = surface.on(normals)
        across = across / np.linalg.norm(across, axis=1, keepdims=True)
        modes, expression = (np.float32(surface.on(a)) for a in (self.modes, self.expression))
        mean = surface.on(self.mean)
        return joint_fit.Points(mean, modes, expression, across, trust, slides)

    def mesh_points(self) -> joint_fit.Points:
        """MediaPipe's points; all of them say something about the shape."""
        trust = correspondence.trust()
        slides = trust < 1
        trust = np.where(trust > 0, trust, OTHER_TRUST)
        trust[list(correspondence.OVAL)] = 0.2
        return self.on(self.points, trust, slides)

    def landmark_points(self) -> joint_fit.Points:
        """The 68 landmarks."""
        return self.on(self.landmarks, np.ones(68), np.zeros(68, bool))


def start_from_canonical(head: Head) -> None:
    """Bends the mean by its modes towards MediaPipe's canonical face, as far as they allow.

    MakeHuman's neutral face is flat. The prior belongs around a face of the right depth, since
    frontal photos say little about it.
    """
    target, trust = generic_face.vertices(), head.mesh_points().trust
    modes = head.points.on(head.modes)
    for _ in range(3):
        points = head.points.on(head.mean)
        scale, turn, shift = correspondence.similarity(target, points, trust)
        missing = scale * target @ turn.T + shift - points
        rows = np.sqrt(trust)[:, None] / CANONICAL_DEVIATION
        design = (modes * rows).reshape(len(modes), -1)
        square = design @ design.T + np.eye(len(modes))
        move = np.linalg.solve(square, design @ (missing * rows).ravel())
        moved = head.mean + np.tensordot(move, head.modes, 1)
        head.mean = (moved + _mirrored(moved, head.mesh)) / 2
    rms = np.sqrt((trust @ np.square(missing).sum(axis=1)) / trust.sum())
    print(f"the canonical face is {rms:.2f} cm from the mean", flush=True)


def _slide(head: Head, persons: list[list[joint_fit.View]], identities: np.ndarray) -> None:
    """Moves mesh points along the skin to where photos show them, on average."""
    points = head.mesh_points()
    square = np.tile(SLIDE_RIDGE * np.eye(3), (468, 1, 1))
    right = np.zeros((468, 3))
    views = [
        (view, identity)
        for views, identity in zip(persons, identities, strict=True)
        for view in views
        if not view.photo.profile
    ]
    for view, identity in views:
        residual = view.residual(view.turned(identity))
        flat = view.turn[:2]
        facing = np.clip(points.normals @ view.turn[2], 0, 1)
        square += facing[:, None, None] * (flat.T @ flat)
        right += facing[:, None] * (residual @ flat)
    moved = np.linalg.solve(square, right[..., None])[..., 0]
    moved -= (moved * points.normals).sum(axis=1, keepdims=True) * points.normals
    size = np.linalg.norm(moved, axis=1, keepdims=True)
    moved *= np.minimum(1, MOST_SLIDE / np.maximum(size, 1e-9))
    moved[correspondence.matched_points()] = 0
    now = dataclasses.replace(head.mesh, mean=head.mean)
    head.points = correspondence.symmetric(points.mean + moved, now)
    index = generic_face.LANDMARKS[17:]
    head.landmarks = Surface(
        np.concatenate((head.landmarks.vertices[:17], head.points.vertices[index])),
        np.concatenate((head.landmarks.weights[:17], head.points.weights[index])),
    )


def _mirrored(array: np.ndarray, mesh: Mesh) -> np.ndarray:
    return array[..., mesh.mirror, :] * (-1, 1, 1)


def measure(head: Head, everybody: list[list[people.Photo]], rounds: int) -> None:
    """Changes the head in some rounds; everybody is a list of people, who are lists of photos."""
    mesh, landmarks = head.mesh_points(), head.landmark_points()
    persons = [
        [joint_fit.create_view(photo, mesh, landmarks) for photo in photos] for photos in everybody
    ]
    identities = np.zeros((len(persons), len(head.modes)))
    for number in range(rounds):
        mesh, landmarks = head.mesh_points(), head.landmark_points()
        steps = (MORE_STEPS, 0) if number else (FIRST_STEPS, POSE_STEPS)
        spread = np.zeros((len(head.modes), len(head.modes)))
        for row, views in enumerate(persons):
            for view in views:
                _renew(view, mesh, landmarks)
            identities[row], left_open = joint_fit.fit_person(views, identities[row], *steps)
            spread += left_open / len(persons)
        spread += np.cov(identities.T, bias=True)
        mean = MEAN_SHARE * identities.mean(axis=0)
        print(f"round {number + 1}: {_describe(persons, identities)}", flush=True)
        _slide(head, persons, identities)
        root = np.linalg.cholesky(spread)
        moved = head.mean + np.tensordot(mean, head.modes, 1)
        head.mean = (moved + _mirrored(moved, head.mesh)) / 2
        head.modes = np.tensordot(root.T, head.modes, 1)
        identities = np.linalg.solve(root, (identities - mean).T).T


def _describe(persons: list[list[joint_fit.View]], identities: np.ndarray) -> str:
    """How far the photos are from their fits."""
    away = {False: [], True: []}
    for views, identity in zip(persons, identities, strict=True):
        for view in views:
            square = np.square(view.residual(view.turned(identity))).sum(axis=1)
            away[bool(view.photo.profile)].append(np.sqrt(square.mean()))
    frontal, profile = (np.median(rms) if rms else np.nan for rms in away.values())
    return (
        f"{len(persons)} people, {len(away[False])} photos {frontal:.3f} cm, "
        f"{len(away[True])} profiles {profile:.3f} cm (median of rms)"
    )


def _renew(view: joint_fit.View, mesh: joint_fit.Points, landmarks: joint_fit.Points) -> None:
    """Gives a view the points of the present head."""
    if view.photo.profile:
        points = landmarks.take(people.fiducials_of(view.photo))
        view.points = dataclasses.replace(points, trust=people.FIDUCIAL_TRUST)
    else:
        view.points = mesh


def symmetric_modes(head: Head, weights: np.ndarray, count: int) -> np.ndarray:
    """The principal modes [count, V, 3] of a population that is its own mirror image."""
    both = np.concatenate((head.modes, _mirrored(head.modes, head.mesh))) / np.sqrt(2)
    return principal(both, weights, count)
