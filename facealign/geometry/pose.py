"""Head pose: the definition of yaw, pitch and roll, and the pose of a photo from its landmarks.

The pose of a photo is the rotation of a generic 3D face that fits the landmarks.

Axes: x to the right in the image, y down in the image, z towards the camera.

Angles, in degrees, zero for a face that looks into the camera:
  yaw: positive if the face looks to the right in the image, as in facealign.data.datasets.cfp.
  pitch: positive if it looks up.
  roll: positive if the head leans clockwise in the image.
"""

import functools

import numpy as np

from facealign.geometry.pose_face import LANDMARKS

# cm from the camera to the face. The true distance is unknown for a photo. If it is 75 or 300 cm,
# the yaw of a head turned by 30 degrees comes out 0.8 degrees too large or 0.4 too small.
DISTANCE = 150.0
# Weights of the landmarks. Brows and lips move with the expression, and the jaw moves along the
# outline as the head turns. But without the chin, the pitch is lost in noise.
WEIGHTS = {range(27, 48): 1.0, (48, 54): 1.0, range(4, 13): 0.5}  # nose, eyes; mouth corners; chin
FRONTAL = 8.0  # degrees of yaw: a head turned by less is frontal
STEPS, ENOUGH = 30, 1e-5  # Gauss-Newton: most steps, and smallest step to go on with, in radians
# Measured pitch in degrees of people who look straight into the camera: the median over the 344
# studio portraits of the mugshots dataset (1.6 over frontal photos of Labeled Faces in the Wild).
# Half of the portraits differ from it by more than 4.5 degrees, since real heads differ from the
# model. So pitch is better for comparing photos of one person than for comparing people.
PITCH_OFFSET = 2.6

_POINTS = np.array([point for points in WEIGHTS for point in points])
_WEIGHTS = np.array([weight for points, weight in WEIGHTS.items() for _ in points])


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """The matrix [3, 3] that rotates a frontal face: `turned = points @ rotation(...).T`.

    Angles are in degrees. Pitch is applied first, then yaw, then roll. So roll rotates the image,
    and a profile with positive pitch looks up in the image.
    """
    y, p, r = np.radians((yaw, pitch, roll))
    nod = np.array(((1, 0, 0), (0, np.cos(p), -np.sin(p)), (0, np.sin(p), np.cos(p))))
    turn = np.array(((np.cos(y), 0, np.sin(y)), (0, 1, 0), (-np.sin(y), 0, np.cos(y))))
    lean = np.array(((np.cos(r), -np.sin(r), 0), (np.sin(r), np.cos(r), 0), (0, 0, 1)))
    return lean @ turn @ nod


def estimate_pose(landmarks: np.ndarray) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees, with the signs of `rotation`.

    Solves the PnP problem for the generic face: weighted least squares over rotation, scale and
    shift, by Gauss-Newton from a frontal face. The camera looks at the middle of the face. The
    median error against orl_pose.csv, over the ORL photos, is 1.0 degrees of yaw (correlation 0.99)
    and 3.2 degrees of pitch. True profiles in which dlib finds a face get a yaw of about 40
    degrees, since dlib guesses the landmarks of the hidden side.

    Args:
      landmarks: [68, 2] in px, in the order of iBUG 300-W.

    Raises:
      ValueError: landmarks are not finite, or all at one place.
    """
    seen = np.asarray(landmarks, float)[_POINTS]
    size = np.sqrt(seen.var(axis=0).sum())
    if not 1e-6 < size < np.inf:
        raise ValueError("the landmarks are not finite, or all at one place")
    seen = (seen - seen.mean(axis=0)) / size
    face = centred_face()[_POINTS]
    matrix, scale, shift = np.eye(3), 1 / np.sqrt(face[:, :2].var(axis=0).sum()), np.zeros(2)
    for _ in range(STEPS):
        turned = face @ matrix.T
        flat = project(turned)
        residual = _WEIGHTS[:, None] * (seen - scale * flat - shift)
        slopes = _WEIGHTS[:, None, None] * _slopes(turned, flat, scale)
        step = np.linalg.lstsq(slopes.reshape(-1, 6), residual.ravel(), rcond=None)[0]
        matrix = _rotate(step[:3]) @ matrix
        scale, shift = scale * np.exp(np.clip(step[3], -0.5, 0.5)), shift + step[4:]
        if np.abs(step[:3]).max() < ENOUGH:
            break
    yaw, pitch, roll = angles_of(matrix)
    return yaw, pitch - PITCH_OFFSET, roll


def angles_of(matrix: np.ndarray) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees of a matrix [3, 3]; the inverse of `rotation`."""
    yaw = np.arctan2(-matrix[2, 0], np.hypot(matrix[2, 1], matrix[2, 2]))
    pitch = np.arctan2(matrix[2, 1], matrix[2, 2])
    roll = np.arctan2(matrix[1, 0], matrix[0, 0])
    return tuple(float(angle) for angle in np.degrees((yaw, pitch, roll)))


@functools.cache
def centred_face() -> np.ndarray:
    """Landmarks [68, 3] of the generic face in cm; the origin is the mean of those in WEIGHTS."""
    points = np.array(LANDMARKS)
    return points - points[_POINTS].mean(axis=0)


def project(points: np.ndarray, distance: float = DISTANCE) -> np.ndarray:
    """Perspective projection [N, 2] of points [N, 3] in cm, at the scale of the plane z = 0.

    The camera is on the z axis, `distance` cm from the origin.
    """
    return points[:, :2] * (distance / (distance - points[:, 2:]))


def _rotate(vector: np.ndarray) -> np.ndarray:
    """The rotation matrix [3, 3] about a vector [3] by its length in radians (Rodrigues)."""
    x, y, z = vector
    across = np.array([(0, -z, y), (z, 0, -x), (-y, x, 0)])
    angle = np.linalg.norm(vector)
    sine, cosine = np.sinc(angle / np.pi), np.sinc(angle / (2 * np.pi)) ** 2 / 2
    return np.eye(3) + sine * across + cosine * across @ across


def _slopes(turned: np.ndarray, flat: np.ndarray, scale: float) -> np.ndarray:
    """Derivatives [N, 2, 6] of the image points, by rotation about x, y, z, log scale and shift.

    Args:
      turned: points [N, 3] in cm.
      flat: projections [N, 2] of the points.
      scale: of the image.
    """
    (x, y, z), none = turned.T, np.zeros(len(turned))
    # A small rotation w moves a point by w x point: [3 rotations, 3 axes, N].
    moves = np.array([(none, -z, y), (z, none, -x), (-y, x, none)])
    nearness = DISTANCE / (DISTANCE - z)
    by_rotation = nearness * (moves[:, :2] + flat.T * moves[:, 2:] / DISTANCE)
    by_shift = np.array([(none + 1, none), (none, none + 1)])
    return np.concatenate([scale * by_rotation, scale * flat.T[None], by_shift]).transpose(2, 1, 0)
