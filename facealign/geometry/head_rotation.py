"""Rotation of the mean head: its canonical crop, and its landmarks there.

Angles are those of facealign.geometry.pose, in degrees. Places are (x, y) in px of the
canonical crop.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from facealign.geometry import frame, head_surface
from facealign.geometry.frame import MIDDLE, SIZE
from facealign.geometry.head_surface import PIVOT, Surface, create_surface
from facealign.geometry.pose import rotation

YAWS, PITCHES = np.arange(-95, 96, 5), np.arange(-30, 31, 10)  # degrees, of tables; equal steps

# Poses [B, 2] (yaw, pitch) -> places [B, 68, 2].
PlaceLandmarks = Callable[[jax.Array], jax.Array]


def crop_of(pose: np.ndarray, surface: Surface) -> np.ndarray:
    """The transformation [2, 3] from the image of a turned head to its canonical crop.

    It is that of `frame.from_any_side`. Alignment removes the roll of a head; the roll of the pose
    is what remains, a rotation of the crop about the middle of the five points.
    """
    yaw, pitch, roll = pose
    points = turned(surface.five, (yaw, pitch, 0.0))[:, :2]
    target = surface.five[:, :2]
    matrix = frame.from_any_side(points, yaw, target)
    lean = rotation(0, 0, roll)[:2, :2]
    centre = target.mean(axis=0)
    return np.column_stack([lean @ matrix[:, :2], lean @ (matrix[:, 2] - centre) + centre])


def turned(points: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Points [N, 3] of the head in px, rotated to a pose (yaw, pitch, roll), before the crop."""
    return (points - PIVOT) @ rotation(*pose).T + PIVOT


@functools.cache
def make_landmarks() -> PlaceLandmarks:
    """Returns a function from poses to the 68 landmarks in the turned head's crop.

    Hidden landmarks are included.
    """
    points = np.float32(head_surface.place_head()[1] - PIVOT)

    def place(poses: jax.Array) -> jax.Array:
        rows = interpolate(jnp.asarray(_table()), poses)
        head = rows[:, :6].reshape(-1, 2, 3)
        return jnp.einsum("bij,nj->bni", head, points) + rows[:, None, 6:]

    return place


def resized(maps: jax.Array, height: int, width: int) -> jax.Array:
    """Maps [B, SIZE, SIZE, 2], resized to images of height x width px and in px of these."""
    if (height, width) == maps.shape[1:3]:
        return maps
    own, wanted = (
        jnp.stack(jnp.meshgrid(*((jnp.arange(n) + 0.5) * (SIZE / n) - 0.5 for n in shape)), axis=-1)
        for shape in (maps.shape[2:0:-1], (width, height))
    )
    shape = (maps.shape[0], height, width, 2)
    places = wanted + jax.image.resize(maps - own, shape, "linear", antialias=False)
    return (places + 0.5) * (jnp.array((width, height)) / SIZE) - 0.5


def mirror(picture: jax.Array) -> jax.Array:
    """Canonical crops [B, H, W, ...], flipped left to right about the middle of the face."""
    size = picture.shape[2]
    middle = (MIDDLE + 0.5) * size / SIZE - 0.5
    columns = jnp.rint(2 * middle - jnp.arange(size)).clip(0, size - 1).astype(jnp.int32)
    return picture[:, :, columns]


@functools.cache
def _table() -> np.ndarray:
    """`_coefficients` for all YAWS and PITCHES, float32 [yaws, pitches, N]."""
    return np.float32([[_coefficients(yaw, pitch) for pitch in PITCHES] for yaw in YAWS])


def _coefficients(yaw: float, pitch: float) -> np.ndarray:
    """What maps points of the head to places in the crop of a pose: matrix [2, 3], then shift [2].

    Flattened to [8].
    """
    matrix = crop_of(np.array((yaw, pitch, 0.0)), create_surface())
    shift = matrix[:, :2] @ PIVOT[:2] + matrix[:, 2]
    return np.concatenate([(matrix[:, :2] @ rotation(yaw, pitch, 0.0)[:2]).ravel(), shift])


def interpolate(table: jax.Array, poses: jax.Array) -> jax.Array:
    """Rows [B, N] of a table [yaws, pitches, N] at poses [B, 2], by bilinear interpolation.

    The table has a row for all YAWS and PITCHES; poses beyond them are clipped.
    """
    starts = jnp.float32((YAWS[0], PITCHES[0]))
    steps = jnp.float32((YAWS[1] - YAWS[0], PITCHES[1] - PITCHES[0]))
    last = jnp.float32(table.shape[:2]) - 1
    place = jnp.clip((poses - starts) / steps, 0, last)
    corner = jnp.minimum(jnp.floor(place), last - 1)
    share, (i, j) = place - corner, corner.astype(jnp.int32).T
    low, high = (1 - share[:, 1:]), share[:, 1:]
    near = low * table[i, j] + high * table[i, j + 1]
    far = low * table[i + 1, j] + high * table[i + 1, j + 1]
    return (1 - share[:, :1]) * near + share[:, :1] * far
