"""Head pose of a photo: the rotation of a generic 3D face that explains its landmarks best."""

import functools

import numpy as np

from facealign.geometry import generic_face

# cm from the camera to the face, which nobody knows for a photo. Taken from 75 or 300 cm, a head
# turned by 30 degrees is measured 0.8 degrees too far or 0.4 too little.
DISTANCE = 150.0
# The landmarks that count, and how much. Brows and lips move with the expression, and the jaw
# slides along the outline as the head turns; but without the chin, pitch is lost in the noise.
WEIGHTS = {range(27, 48): 1.0, (48, 54): 1.0, range(4, 13): 0.5}  # nose, eyes; mouth corners; chin
FRONTAL = 8.0  # degrees of yaw: a head that is turned by less looks into the camera
STEPS, ENOUGH = 30, 1e-5  # Gauss-Newton: at most so many steps, until one is smaller (radians)
# Degrees by which people who look straight into the camera seem to look up: the median over the
# 344 studio portraits of the mugshots dataset. (Over frontal photos of Labeled Faces in the Wild it
# is 1.6.) Half of the portraits lie more than 4.5 degrees beside it, since faces differ in shape:
# pitch compares photos of one person better than people.
PITCH_OFFSET = 2.6

_POINTS = np.array([point for points in WEIGHTS for point in points])
_WEIGHTS = np.array([weight for points, weight in WEIGHTS.items() for _ in points])


def estimate_pose(landmarks: np.ndarray) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees, with the signs of `generic_face.rotation`.

    Weighted least squares over perspective pictures of the generic face (the PnP problem) with
    rotation, scale and shift free, by Gauss-Newton from a frontal face. The camera looks at the
    middle of the face. Half of the ORL photos come out within 1.0 degrees of the yaw in
    orl_pose.csv (correlation 0.99), half within 3.2 of the pitch. True profiles in which dlib finds
    a face come out at about 40 degrees, since dlib guesses landmarks of the hidden side.

    Args:
      landmarks: [68, 2] in px, in the order of iBUG 300-W.

    Raises:
      ValueError: landmarks that are not finite, or all at one place.
    """
    seen = np.asarray(landmarks, float)[_POINTS]
    size = np.sqrt(seen.var(axis=0).sum())
    if not 1e-6 < size < np.inf:
        raise ValueError("the landmarks are not finite, or all at one place")
    seen = (seen - seen.mean(axis=0)) / size
    face = centred_face()[_POINTS]
    rotation, scale, shift = np.eye(3), 1 / np.sqrt(face[:, :2].var(axis=0).sum()), np.zeros(2)
    for _ in range(STEPS):
        turned = face @ rotation.T
        flat = project(turned)
        residual = _WEIGHTS[:, None] * (seen - scale * flat - shift)
        slopes = _WEIGHTS[:, None, None] * _slopes(turned, flat, scale)
        step = np.linalg.lstsq(slopes.reshape(-1, 6), residual.ravel(), rcond=None)[0]
        rotation = _rotate(step[:3]) @ rotation
        scale, shift = scale * np.exp(np.clip(step[3], -0.5, 0.5)), shift + step[4:]
        if np.abs(step[:3]).max() < ENOUGH:
            break
    yaw, pitch, roll = angles_of(rotation)
    return yaw, pitch - PITCH_OFFSET, roll


def angles_of(rotation: np.ndarray) -> tuple[float, float, float]:
    """Yaw, pitch, roll in degrees of a rotation [3, 3]; the inverse of `generic_face.rotation`."""
    yaw = np.arctan2(-rotation[2, 0], np.hypot(rotation[2, 1], rotation[2, 2]))
    pitch = np.arctan2(rotation[2, 1], rotation[2, 2])
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    return tuple(float(angle) for angle in np.degrees((yaw, pitch, roll)))


@functools.cache
def centred_face() -> np.ndarray:
    """Landmarks [68, 3] of the generic face in cm, the middle of those that count at the origin."""
    points = generic_face.landmarks()
    return points - points[_POINTS].mean(axis=0)


def project(points: np.ndarray, distance: float = DISTANCE) -> np.ndarray:
    """Points [N, 3] as a camera on the z axis sees them [N, 2], in the scale of the plane z = 0."""
    return points[:, :2] * (distance / (distance - points[:, 2:]))


def _rotate(vector: np.ndarray) -> np.ndarray:
    """The rotation [3, 3] about a vector [3] by its length in radians (Rodrigues)."""
    x, y, z = vector
    across = np.array([(0, -z, y), (z, 0, -x), (-y, x, 0)])
    angle = np.linalg.norm(vector)
    sine, cosine = np.sinc(angle / np.pi), np.sinc(angle / (2 * np.pi)) ** 2 / 2
    return np.eye(3) + sine * across + cosine * across @ across


def _slopes(turned: np.ndarray, flat: np.ndarray, scale: float) -> np.ndarray:
    """How the picture moves, [N, 2, 6]: by a rotation about x, y, z, by log scale, by shift.

    Args:
      turned: points [N, 3], cm.
      flat: their projection [N, 2].
      scale: of the picture.
    """
    (x, y, z), none = turned.T, np.zeros(len(turned))
    # A small rotation w moves a point by w x point: [3 rotations, 3 axes, N].
    moves = np.array([(none, -z, y), (z, none, -x), (-y, x, none)])
    nearness = DISTANCE / (DISTANCE - z)
    by_rotation = nearness * (moves[:, :2] + flat.T * moves[:, 2:] / DISTANCE)
    by_shift = np.array([(none + 1, none), (none, none + 1)])
    return np.concatenate([scale * by_rotation, scale * flat.T[None], by_shift]).transpose(2, 1, 0)
