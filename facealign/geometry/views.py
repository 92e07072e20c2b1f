"""Rotates faces in photos in 3D with the mean head, and rotates them back.

A map says for every pixel of an output image where to read in an input image: float [H, W, 2],
(x, y) in px of the canonical crop, whatever the size of the images. A view has two maps. `turn`
makes the turned image and reads in the frontal image; `unturn` makes the frontal image and reads in
the turned image. Both images are canonical crops: a turned face is cropped by its own landmarks, as
in facealign.geometry.frame. Angles are those of facealign.geometry.pose, in degrees.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.ndimage import median_filter

from facealign.geometry import frame
from facealign.geometry.frame import SIZE
from facealign.geometry.head_rotation import crop_of, mirror, resized, turned
from facealign.geometry.head_surface import COLUMNS, ROWS, create_surface, in_crop
from facealign.geometry.rasterize import draw_triangles
from facealign.geometry.resample import resample
from facealign.images import in_batches, to_float, to_uint8

STEEPEST = 6.0  # px of depth per px; a frontal photo hardly shows steeper surfaces
SAME = 8.0  # px; a pixel shows a point if its source is at most this far from the point
BLEND = 4  # px from the border of the visible side, over which both sides of a face blend
FILL = (2, 12)  # px: radii of the means that fill hidden pixels; the first removes specks
UNIT = 128  # fixed-point steps per px in the maps of a bank
TURN_GRID = np.array((5.0, 10.0, 1.0))  # `turn_back` rounds yaw, pitch, roll to these, in degrees
TURN_LIMITS = np.array((90.0, 20.0, 0.0))  # largest yaw, pitch, roll of `turn_back`, in degrees


class View(NamedTuple):
    """The maps of one pose, float [SIZE, SIZE, 2] in px, and three masks, bool [SIZE, SIZE].

    `turn_seen` marks pixels of the turned crop that the frontal crop shows too, except at a grazing
    angle. `unturn_seen` marks pixels of the frontal crop that the turned crop shows too.
    `turn_head` marks pixels of the turned crop that show the head with its sides and hair, and not
    the background, which does not move.
    """

    turn: np.ndarray
    unturn: np.ndarray
    turn_seen: np.ndarray
    unturn_seen: np.ndarray
    turn_head: np.ndarray


class ViewBank(NamedTuple):
    """K views. Maps are int16 [K, SIZE, SIZE, 2] in units of 1/128 px; see `pick`."""

    poses: np.ndarray  # float32 [K, 3]: yaw, pitch, roll
    turn: np.ndarray
    unturn: np.ndarray
    turn_seen: np.ndarray  # bool [K, SIZE, SIZE]
    unturn_seen: np.ndarray
    turn_head: np.ndarray


def create_poses(
    yaws: Sequence[float], pitches: Sequence[float] = (0,), rolls: Sequence[float] = (0,)
) -> np.ndarray:
    """All combinations of yaws, pitches and rolls, float32 [K, 3] in degrees."""
    return np.array(list(itertools.product(yaws, pitches, rolls)), np.float32)


def project(points: np.ndarray, pose: np.ndarray, still: np.ndarray | float = 0.0) -> np.ndarray:
    """Points [N, 3] of the frontal crop, moved to the crop of the turned head, [N, 3] in px.

    Args:
      points: x and y in px of the crop, z towards the camera.
      pose: yaw, pitch, roll in degrees.
      still: [N], 0 for points of the head, 1 for points of the background.
    """
    surface = create_surface()
    still = np.asarray(still)[..., None]
    moved = (1 - still) * turned(points, (pose[0], pose[1], 0.0)) + still * points
    matrix = crop_of(pose, surface)
    scale = np.sqrt(np.linalg.det(matrix[:, :2]))
    return np.column_stack([frame.apply(matrix, moved[:, :2]), scale * moved[:, 2]])


def make_view(pose: np.ndarray) -> View:
    """The view of a pose [3] (yaw, pitch, roll) in degrees; takes about 0.1 s."""
    surface = create_surface()
    shape = (len(ROWS), len(COLUMNS))
    slope = np.hypot(*np.gradient(surface.points[:, 2].reshape(shape))).ravel()
    moved = project(surface.points, pose, surface.still)
    values = np.column_stack([surface.points[:, :2], surface.still, slope])
    found = draw_triangles(moved, surface.corners, (SIZE, SIZE))
    drawn = (found.shares[..., None] * values[surface.corners[found.triangle]]).sum(axis=2)
    source = drawn[..., :2]
    turn_seen = (drawn[..., 3] < STEEPEST) & _within(source)
    place = in_crop(moved)[..., :2]
    unturn_seen = _within(place) & _shown(source, place)
    unturn_seen &= median_filter(unturn_seen, 5, mode="nearest")  # removes specks
    return View(source, place, turn_seen, unturn_seen, drawn[..., 2] < 0.5)


def _within(places: np.ndarray) -> np.ndarray:
    """Which places [..., 2] are in the crop, bool [...]."""
    return ((places > -0.5) & (places < SIZE - 0.5)).all(axis=-1)


def _shown(source: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Which frontal pixels the turned image shows, bool [SIZE, SIZE].

    A pixel counts if all four pixels that interpolation reads show it. Hidden pixels do not count,
    nor do outlines, where interpolation would mix foreground and background.

    Args:
      source: [SIZE, SIZE, 2], place in the frontal crop of each pixel of the turned image.
      place: [SIZE, SIZE, 2], place in the turned image of each frontal pixel.
    """
    own = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1)
    first = np.floor(place).astype(int)
    shown = np.ones(place.shape[:2], bool)
    for step in itertools.product((0, 1), (0, 1)):
        x, y = (first + step).clip(0, SIZE - 1).transpose(2, 0, 1)
        shown &= np.linalg.norm(source[y, x] - own, axis=-1) < SAME
    return shown


def make_bank(poses: np.ndarray) -> ViewBank:
    """The views of poses [K, 3] (yaw, pitch, roll) in degrees."""
    poses = np.asarray(poses, np.float32)
    views = [make_view(pose) for pose in poses]
    limit = np.iinfo(np.int16).max
    turn, unturn = (
        np.stack([np.rint(view[i] * UNIT).clip(-limit, limit).astype(np.int16) for view in views])
        for i in (0, 1)
    )
    return ViewBank(poses, turn, unturn, *(np.stack([v[i] for v in views]) for i in (2, 3, 4)))


def pick(maps: jax.Array, index: jax.Array) -> jax.Array:
    """Maps [B, SIZE, SIZE, 2], float32 in px, from a field of a bank by their indices [B]."""
    return jnp.asarray(maps)[index].astype(jnp.float32) / UNIT


def nearest_views(bank: ViewBank, poses: jax.Array) -> jax.Array:
    """Indices [B] of the views nearest to poses [B, 3] in degrees."""
    return jnp.square(jnp.asarray(poses)[:, None] - bank.poses).sum(axis=-1).argmin(axis=1)


def turn(images: jax.Array, maps: jax.Array) -> jax.Array:
    """Resamples images [B, H, W, C] at the places of maps [B, SIZE, SIZE, 2], bilinearly.

    Works for maps of both directions. Beyond an image, its border is repeated. H and W can differ
    from SIZE; maps are in px of the canonical crop in any case. Differentiable in images and maps.
    """
    return resample(images, resized(maps, *images.shape[1:3]))


def frontalize(images: jax.Array, poses: jax.Array, bank: ViewBank) -> jax.Array:
    """Photos [B, H, W, C], rotated to frontal with the mean head: the baseline without learning.

    Uses the view of the bank nearest to each pose [B, 3] in degrees. Hidden pixels are taken from
    the other side of the face where that is visible, and from their surroundings elsewhere.
    """
    index = nearest_views(bank, poses)
    maps, seen = pick(bank.unturn, index), jnp.asarray(bank.unturn_seen)[index]
    other_seen = mirror(seen)
    # Share of the own side: 0 at the border of its visible part, 1 a few px inside.
    outside = mean_around((~seen[..., None]).astype(jnp.float32), BLEND)[..., 0]
    share = jnp.where(seen, jnp.clip(1 - 2 * outside, 0, 1), 0)
    share = jnp.where(other_seen, share, 1)
    known = (seen | other_seen).astype(jnp.float32)
    shape = (*images.shape[:3], 1)
    share, known = (
        jax.image.resize(m[..., None], shape, "linear", antialias=False) for m in (share, known)
    )
    picture = share * turn(images, maps) + (1 - share) * turn(images, mirror(maps))
    for radius in FILL:  # pixels hidden on both sides become the mean of the pixels around them
        weight = mean_around(known, radius)
        around = mean_around(known * picture, radius) / jnp.maximum(weight, 1e-6)
        reached = weight > 0
        picture = jnp.where(reached, known * picture + (1 - known) * around, picture)
        known = jnp.where(reached, 1.0, known)
    return picture


def mean_around(values: jax.Array, radius: int) -> jax.Array:
    """Means of [B, H, W, C] over squares around each pixel; pixels beyond the border count as 0."""
    side = 2 * radius + 1
    for window in ((1, side, 1, 1), (1, 1, side, 1)):
        values = jax.lax.reduce_window(values, 0.0, jax.lax.add, window, (1,) * 4, "SAME") / side
    return values


def turn_back(crops: np.ndarray, yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Canonical crops uint8 [N, H, H, 1], rotated to frontal by `frontalize`.

    yaw and pitch are [N] in degrees. A crop with yaw nan is returned unchanged; pitch nan means 0.
    """
    turned, known = crops.copy(), np.flatnonzero(~np.isnan(yaw))
    if not len(known):
        return turned
    pitch = np.where(np.isnan(pitch), 0, pitch)
    poses = np.stack([yaw, pitch, 0 * pitch], axis=1)[known]
    poses = (
        np.rint(poses / TURN_GRID).clip(-TURN_LIMITS / TURN_GRID, TURN_LIMITS / TURN_GRID)
        * TURN_GRID
    )
    bank = _bank(tuple(map(tuple, np.unique(poses, axis=0))))
    turn = jax.jit(lambda batch, pose: frontalize(to_float(batch), pose, bank))
    turned[known] = to_uint8(in_batches(turn, crops[known], poses.astype(np.float32)))
    return turned


@functools.lru_cache(maxsize=4)
def _bank(poses: tuple[tuple[float, ...], ...]) -> ViewBank:
    return make_bank(np.array(poses))
