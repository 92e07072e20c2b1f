"""The canonical frame: positions of eyes, nose and mouth in every canonical crop, and cropping.

The portrait frame is a wider square around it, with hair, neck and shoulders.

Points are (x, y) in px; the centres of pixels have whole numbers. A transformation is a matrix
[2, 3] from points of a photo to points of its crop: `crop_point = matrix @ (x, y, 1)`.
"""

import math

import numpy as np
from PIL import Image

SIZE = 128  # px: width and height of the canonical crop
# Mean landmarks of 2,366 near-frontal photos of Labeled Faces in the Wild, box (61, 61, 189, 189).
EYES = ((42.8, 53.5), (86.1, 52.8))  # eye centres; the eye on the left of the image first
NOSE = (64.8, 77.1)  # nose tip
MOUTH = ((45.9, 99.7), (84.8, 99.1))  # mouth corners
FIVE_POINTS = np.array((*EYES, NOSE, *MOUTH))
# x in px of the middle of the face, rounded so that the mirror image of a pixel is a pixel.
MIDDLE = round(FIVE_POINTS[:, 0].mean())
# A profile has its eye and its mouth at the same heights. In 1,000 profile photos of Celebrities in
# Frontal-Profile the line from the eye to the mouth corner is vertical (median 0.5 degrees), and
# the nose tip is 30 px in front of it. With the nose at 87 px, the crop shows both nose and ear.
PROFILE_EYE_HEIGHT = 53.15
PROFILE_MOUTH_HEIGHT = 99.4
PROFILE_NOSE = 87.0  # x of a face that looks to the right; mirrored for one that looks left
HALF_TO_PROFILE = (45.0, 75.0)  # degrees of yaw: five points below, rule for profiles above
WIDTH = 18.0  # cm: about what the canonical crop shows of a frontal face
PORTRAIT = 33.0  # cm: width of the portrait frame
ABOVE = 6.5625  # cm of the portrait frame above the canonical crop; as much left as right of it
PORTRAIT_SIZE = 256  # px of a stored portrait frame; small news photos show no more
LARGEST = 16384  # px: largest side of the area of a photo that a crop may cover


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The least-squares rotation, scale and shift [2, 3] from points [N, 2] to points [N, 2].

    Never mirrors. Umeyama, "Least-squares estimation of transformation parameters between two point
    patterns", 1991, in complex numbers.

    Raises:
      ValueError: fewer than two points, a point that is not finite, or all points at one place.
    """
    source, target = np.asarray(source, float), np.asarray(target, float)
    if source.shape != target.shape or source.shape[1:] != (2,) or len(source) < 2:
        raise ValueError(f"needs two equal sets of at least two points, not {source.shape}")
    if not (np.isfinite(source).all() and np.isfinite(target).all()):
        raise ValueError("a landmark is not a number")
    s, t = source @ (1, 1j), target @ (1, 1j)
    centred = s - s.mean()
    spread = np.vdot(centred, centred).real
    if spread < 1e-6:
        raise ValueError("all landmarks lie at one place")
    factor = np.vdot(centred, t - t.mean()) / spread
    shift = t.mean() - factor * s.mean()
    return np.array(
        [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
    )


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """Eye centres, nose tip and mouth corners [5, D], in the order of `FIVE_POINTS`.

    Args:
      landmarks: [68, D] in the order of iBUG 300-W; D is 2 or 3.
    """
    eyes = landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)
    return np.array([*eyes, landmarks[30], landmarks[48], landmarks[54]])


def scaled(points: np.ndarray, size: int) -> np.ndarray:
    """Points [N, 2] of the canonical frame (128 px), in a crop of `size` px."""
    return (np.asarray(points, float) + 0.5) * (size / SIZE) - 0.5


def to_portrait(size: int) -> np.ndarray:
    """The transformation [2, 3] from the canonical crop to a portrait frame of `size` px."""
    scale = size * WIDTH / (PORTRAIT * SIZE)
    corner = np.array([(PORTRAIT - WIDTH) / 2, ABOVE]) * (size / PORTRAIT)
    return np.column_stack([scale * np.eye(2), corner + 0.5 * scale - 0.5])


def from_pupils(pupils: np.ndarray, size: int = SIZE) -> np.ndarray:
    """The transformation [2, 3] of a frontal photo from its pupils [2, 2], in any order."""
    pupils = np.asarray(pupils, float)
    return similarity(pupils[np.argsort(pupils[:, 0])], scaled(EYES, size))


def from_five_points(points: np.ndarray, size: int = SIZE) -> np.ndarray:
    """The transformation [2, 3] of a photo from points [5, 2]: eyes, nose tip, mouth corners.

    The eye and the mouth corner on the left of the image come first.
    """
    return similarity(points, scaled(FIVE_POINTS, size))


def from_half_face(
    eye: np.ndarray, nose: np.ndarray, mouth: np.ndarray, midline: np.ndarray, size: int = SIZE
) -> np.ndarray:
    """The transformation [2, 3] of a frontal photo with landmarks on one side of the face only.

    The landmarks of the other side are taken to be mirror images at the midline.

    Args:
      eye, nose, mouth: centre of the eye, nose tip, mouth corner, [2] each.
      midline: at least two points [N, 2] along the middle of the face.
      size: of the crop in px.
    """
    middle = np.mean(midline, axis=0)
    along = np.linalg.svd(midline - middle)[2][0]

    def mirror(point: np.ndarray) -> np.ndarray:
        return middle + 2 * np.dot(point - middle, along) * along - (point - middle)

    points = np.array([eye, mirror(eye), nose, mouth, mirror(mouth)])
    if points[0, 0] > points[1, 0]:
        points = points[[1, 0, 2, 4, 3]]
    return from_five_points(points, size)


def from_profile(
    eye: np.ndarray, nose: np.ndarray, mouth: np.ndarray, size: int = SIZE
) -> np.ndarray:
    """The transformation [2, 3] of a profile from its eye, nose tip and mouth corner, [2] each.

    Eye and mouth give scale, rotation and height; the nose gives the horizontal position.
    """
    heights = np.array([(0.0, PROFILE_EYE_HEIGHT), (0.0, PROFILE_MOUTH_HEIGHT)])
    matrix = similarity(np.array([eye, mouth]), scaled(heights, size))
    places = apply(matrix, np.array([eye, nose]))
    looks_right = places[1, 0] > places[0, 0]
    target = PROFILE_NOSE if looks_right else SIZE - 1 - PROFILE_NOSE
    matrix[0, 2] += scaled([(target, 0.0)], size)[0, 0] - places[1, 0]
    return matrix


def from_any_side(points: np.ndarray, yaw: float, target: np.ndarray = FIVE_POINTS) -> np.ndarray:
    """The transformation [2, 3] of a photo from points [5, 2] of a face that looks anywhere.

    By the five points of a face that looks to the front, by the rule for profiles of one from the
    side, and between them by a blend of both matrices, so it is continuous in yaw.

    Args:
      points: as in `from_five_points`; hidden ones are not used in a profile.
      yaw: in degrees, as in facealign.geometry.pose.
      target: places [5, 2] of the points in the canonical crop, px.
    """
    matrix = similarity(points, target)
    start, stop = HALF_TO_PROFILE
    share = smooth_step((abs(yaw) - start) / (stop - start))
    if share > 0:
        near = [0, 2, 3] if yaw > 0 else [1, 2, 4]  # the side that is seen
        matrix = (1 - share) * matrix + share * from_profile(*points[near])
    return matrix


def smooth_step(t: np.ndarray | float) -> np.ndarray:
    """A smooth step from 0 at t <= 0 to 1 at t >= 1 (3 t^2 - 2 t^3)."""
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3 - 2 * t)


def side_in_photo(matrix: np.ndarray) -> float:
    """Side in px of the photo of the square that the crop of a transformation [2, 3] covers."""
    return SIZE / math.sqrt(np.linalg.det(matrix[:, :2]))


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [N, 2], transformed by a matrix [2, 3]."""
    return np.asarray(points, float) @ matrix[:, :2].T + matrix[:, 2]


def invert(matrix: np.ndarray) -> np.ndarray:
    """The inverse [2, 3] of a transformation: from the crop back to the photo."""
    back = np.linalg.inv(matrix[:, :2])
    return np.column_stack([back, -back @ matrix[:, 2]])


def compose(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The transformation [2, 3] that applies `first` and then `second`."""
    return np.column_stack([second[:, :2] @ first[:, :2], apply(second, first[None, :, 2])[0]])


def crop(image: Image.Image, matrix: np.ndarray, size: int = SIZE, channels: int = 1) -> np.ndarray:
    """The gray or colour crop uint8 [size, size, channels] of a photo of any mode.

    Pixels are averaged where the photo is larger than the crop. Beyond the photo, its border is
    repeated.

    Raises:
      ValueError: the crop would cover more than 16,384 px of the photo, so landmarks are wrong.
    """
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    corners = np.array([(-1, -1), (size, -1), (-1, size), (size, size)])
    needed = apply(invert(matrix), corners)
    if np.ptp(needed, axis=0).max() > LARGEST:
        raise ValueError(f"the crop would cover more than {LARGEST} px of the photo")
    margin = 2 * _shrinkage(matrix)  # for the interpolation at the border of the crop
    start = np.floor(needed.min(axis=0) - margin).astype(int)
    stop = np.ceil(needed.max(axis=0) + margin).astype(int) + 1
    columns = np.arange(start[0], stop[0]).clip(0, pixels.shape[1] - 1)
    rows = np.arange(start[1], stop[1]).clip(0, pixels.shape[0] - 1)
    window = Image.fromarray(pixels[rows[:, None], columns])
    shifted = matrix.copy()
    shifted[:, 2] = apply(matrix, start[None])[0]
    return np.asarray(_warp(window, shifted, (size, size))).reshape(size, size, channels)


def zoom(factor: float) -> np.ndarray:
    """The transformation [2, 3] of an image to one so many times as large."""
    return np.column_stack([factor * np.eye(2), np.full(2, (factor - 1) / 2)])


def crop_large(photo: Image.Image, matrix: np.ndarray, size: int, channels: int) -> np.ndarray:
    """As `crop`, of a photo that may be much larger: its pixels are averaged in blocks first.

    That takes less time and memory, and there is no limit to what the crop covers.
    """
    shrink = max(1, int(1 / math.sqrt(abs(np.linalg.det(matrix[:, :2])))))
    if shrink > 1:
        photo = photo.reduce(shrink)
        matrix = compose(matrix, zoom(shrink))
    return crop(photo, matrix, size, channels)


def _shrinkage(matrix: np.ndarray) -> int:
    """Source pixels per target pixel along a side, rounded up; at least 1."""
    return max(1, math.ceil(1 / math.sqrt(abs(np.linalg.det(matrix[:, :2]))) - 1e-6))


def _warp(image: Image.Image, matrix: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """An image, transformed to (width, height) px; black beyond the border of the image."""
    factor = _shrinkage(matrix)  # the image is drawn larger by this factor, then averaged
    (a, b, c), (d, e, f) = invert(matrix)
    # Pillow has the centre of pixel i at i + 0.5, in the source and in the larger target.
    c, f = c - (a + b) / 2 + 0.5, f - (d + e) / 2 + 0.5
    large = image.transform(
        (size[0] * factor, size[1] * factor),
        Image.Transform.AFFINE,
        (a / factor, b / factor, c, d / factor, e / factor, f),
        Image.Resampling.BICUBIC,
    )
    return large.reduce(factor)
