"""Hair: a fitted head, which is bald, with its scalp as far out as the matte of its photo.

What lies in the hair then turns with the head and is seen from both sides, in place of following
the outline. A photo shows how thick hair is where its outline is: on the near side at the back of
the head, on the far side at the temple. Elsewhere hair is taken to be as thick as around there, on
both sides of the head, the thinner the surer, and hardly thicker than at the crown: what is
missing follows the outline, as the loose ends of hair do. NumPy.
"""

import functools

import numpy as np
from scipy import ndimage, spatial

from facealign.faces.turning.matte import Matte
from facealign.faces.turning.ramp import ramp
from facealign.faces.turning.scene import AGREES
from facealign.faces.turning.turn import FACE, SKULL
from facealign.geometry import camera as cameras
from facealign.geometry import head as heads
from facealign.geometry.camera import Camera

# All lengths are in cm of the mean head, whose axes are those of `geometry.head`.
CENTRE = np.array([0.0, -2.5, -0.5])  # of the scalp; hair grows away from it
HAIRLINE = (0.0, 3.0)  # to the face, over which hair begins
BEFORE, ABOVE = (-4.0, -1.5), (-7.0, -1.0)  # z and y over which ears begin, which have none
NAPE = (6.0, 2.0)  # y over which hair begins; below, it falls
FALLING = 0.25  # y of a direction from the centre below which the photo's hair falls
RAYS, STEP, THICKEST = 90, 0.1, 3.5  # directions in a photo; how they are walked, and how far
SURE = 0.7  # of the matte: what is hair
FEW = 10  # rays; with fewer there is none
WIDE = 5  # rays over which the median is taken
AROUND = 0.5  # radians over which hair is taken to be as thick
THIN = 0.8  # share of the thinner side in how thick hair is
CROWN, THICKER = -0.85, 0.8  # y of directions of the crown; how much thicker hair is elsewhere
LOOSE = 0.25  # of the thickness: ends of hair


def add_hair(points: np.ndarray, photo: Camera, matte: Matte) -> np.ndarray:
    """The vertices float32 [V, 3] of a head with hair; as they are if the matte does not find it.

    Args:
      points: the vertices [V, 3] of the head that comes with facealign.
      photo: the camera of the photo.
      matte: of the photo.
    """
    share = hairy()
    scalp = share > 0
    seen = np.asarray(cameras.project(points, photo))[:, :2]
    if matte.at(seen[scalp]).mean() < AGREES:
        return points
    mean = heads.load_head().mean
    centre = CENTRE + (points[scalp] - mean[scalp]).mean(axis=0)
    middle = np.asarray(cameras.project(centre[None], photo))[0, :2]
    ways, thick = _measure(seen - middle, middle, photo, matte)
    if len(ways) < FEW:
        return points
    outwards = points[scalp] - centre
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    sides = np.stack([_spread(outwards, ways * side, thick) for side in ((1, 1, 1), (-1, 1, 1))])
    depth = THIN * sides.min(axis=0) + (1 - THIN) * sides.max(axis=0)
    crown = ways[:, 1] < CROWN
    thickest = np.median(thick[crown]) + THICKER if crown.any() else THICKEST
    depth = (np.minimum(depth, thickest) - LOOSE).clip(0)
    grown = np.array(points, np.float32)
    grown[scalp] += outwards * (depth * share[scalp])[:, None]
    return grown


@functools.cache
def hairy() -> np.ndarray:
    """How much hair grows at each vertex, [V], 0 to 1: not at the face, ears and neck."""
    model = heads.load_head()
    away, _ = spatial.KDTree(model.mean[model.part == FACE]).query(model.mean)
    _, y, z = model.mean.T
    ears = ramp(z, BEFORE) * ramp(y, ABOVE)
    return (model.part == SKULL) * ramp(away, HAIRLINE) * (1 - ears) * ramp(y, NAPE)


def _measure(
    away: np.ndarray, middle: np.ndarray, photo: Camera, matte: Matte
) -> tuple[np.ndarray, np.ndarray]:
    """How thick hair is at the outline of a head in its photo.

    Args:
      away: where its vertices are, [V, 2], in px from `middle`.
      middle: of its scalp, [2], in px.
      photo, matte: as in `add_hair`.

    Returns:
      directions [N, 3] from the middle of the head, and [N].
    """
    ray = np.floor((np.arctan2(away[:, 1], away[:, 0]) / (2 * np.pi) % 1) * RAYS).astype(int)
    outline = np.zeros(RAYS)
    np.maximum.at(outline, ray % RAYS, np.hypot(*away.T))
    angles = (np.arange(RAYS) + 0.5) * 2 * np.pi / RAYS
    across = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    walked = outline[:, None] + np.arange(0, THICKEST, STEP) * float(photo.scale)
    hair = matte.at(middle + walked[..., None] * across[:, None]) > SURE
    thick = np.minimum.accumulate(hair, axis=1).sum(axis=1) * STEP
    thick = ndimage.median_filter(thick, WIDE, mode="wrap")
    ways = across @ np.asarray(photo.rotation)[:2]
    measured = (ways[:, 1] < FALLING) & (outline > 0)
    return ways[measured], thick[measured]


def _spread(outwards: np.ndarray, ways: np.ndarray, thick: np.ndarray) -> np.ndarray:
    """How thick hair is in directions [M, 3], by what is known in [N, 3] around them; [M]."""
    power = -((np.arccos((outwards @ ways.T).clip(-1, 1)) / AROUND) ** 2) / 2
    weights = np.exp(power - power.max(axis=1, keepdims=True))
    return weights @ thick / weights.sum(axis=1)
