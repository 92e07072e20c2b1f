"""Where each pixel of a portrait is in the photo: on the head, and how well the photo shows it.

A portrait is a square view of a fitted head. NumPy, but for projections and normals in JAX.
"""

import functools
from typing import NamedTuple

import jax
import numpy as np
from scipy import ndimage

from facealign.faces.turning.ramp import ramp
from facealign.geometry import camera as cameras
from facealign.geometry import frame, rasterize
from facealign.geometry import head as heads
from facealign.geometry.camera import Camera
from facealign.geometry.head import PARTS, HeadModel

MOUTH = tuple(PARTS.index(name) for name in ("mouth", "teeth"))
EYES = PARTS.index("eyes")
INNER = (*MOUTH, EYES)
FACE, SKULL, NECK = (PARTS.index(name) for name in ("face", "head", "neck"))
POUCH = 3.2  # cm from the middle of the mean head: beyond the corners of the mouth
CUT = 12.5  # cm: y of the mean head below which its neck is left to the scene, which stands still
# cm that a point may be behind the surface and still count as seen: of the face; of skull and ears,
# whose shape is less sure, and of what lies in openings.
BEHIND, FAR_BEHIND = 0.45, 1.2
# cm around what the nose hides that may show the nose, since the fitted head is never exact; least
# inclination of what counts as hidden by it; cm around what the other side does not show either.
EDGE, TOWARDS, UNSURE = 1.0, 0.1, 0.26
# cm over which places are smoothed: the head's creases, as around nostrils, are not where the
# photo's are, and would be drawn twice.
SMOOTH, FIRM = 0.3, (0.95, 1.0)  # and shares of head around a pixel over which that begins
AHEAD = 0.98  # cosine of the way a portrait looks: beyond, its own nose hides things, in steps
CREASE = 0.6  # cm: narrower steep parts, as the rims of lips, count like those around them
HALF_AHEAD = 0.64  # cosine of the yaw, 50 degrees, beyond which lips hide what is between them
INCLINED = 0.6  # inclination of what lies in openings, which are seen or not
STEEPEST = 0.12  # inclination in the portrait below which nothing finer is asked of the photo
# Ratio of the inclinations in photo and portrait, so of how finely they show a place, at which the
# photo's pixels begin to count, and count fully.
FINE = (0.38, 0.65)

_normals = jax.jit(heads.normals)


class Side(NamedTuple):
    """Where the pixels of a portrait of S x S px are in the photo, and how well it shows them."""

    place: np.ndarray  # float32 [S, S, 2]: in px of the photo; 0 beside the head
    facing: np.ndarray  # float32 [S, S]: inclination to the photo's camera, 1 towards it
    visible: np.ndarray  # bool [S, S]: no nearer part of the head hides this place in the photo
    clear: np.ndarray  # bool [S, S]: nor what is next to it
    weight: np.ndarray  # float32 [S, S], 0 to 1: how well the photo shows this place


class View(NamedTuple):
    """What the pixels of a portrait of S x S px show."""

    camera: Camera  # of the portrait
    eyes: float  # px: row of the eyes in the portrait
    surface: np.ndarray  # bool [S, S]: the head
    part: np.ndarray  # uint8 [S, S]: index into PARTS, of the head; says nothing beside it
    own: Side  # the place itself
    other: Side  # the place on the other side of the head, which looks alike


def portrait_camera(
    model: HeadModel, points: np.ndarray, size: int, angles: tuple[float, float] = (0.0, 0.0)
) -> Camera:
    """The camera of a portrait of `size` px of an upright head with vertices [V, 3].

    `angles` are the yaw and pitch of the head in it, in degrees.
    """
    ahead = Camera(np.eye(3, dtype=np.float32), np.float32(1), np.zeros(2, np.float32))
    landmarks = np.asarray(cameras.project(heads.landmarks68(model, points), ahead))[:, :2]
    five = frame.five_points(landmarks)
    wanted = frame.apply(frame.to_portrait(size), frame.FIVE_POINTS)
    middle, centre = five.mean(axis=0), wanted.mean(axis=0)
    scale = ((five - middle) * (wanted - centre)).sum() / np.square(five - middle).sum()
    shift = centre - scale * middle
    rotation = np.asarray(cameras.rotation_of(np.array([*angles, 0.0])))
    return Camera(rotation, np.float32(scale), shift.astype(np.float32))


@functools.cache
def shown_triangles() -> np.ndarray:
    """The triangles [T, 3] of the head that a portrait shows.

    Without the lower neck, which does not turn with it, and the cheek pouches of the mouth, which
    come through thin cheeks.
    """
    model = heads.load_head()
    x, y, _ = model.mean[model.triangles].transpose(2, 0, 1)
    pouch = np.isin(model.part[model.triangles], MOUTH).all(axis=1) & (np.abs(x) > POUCH).any(
        axis=1
    )
    return model.triangles[(y < CUT).all(axis=1) & ~pouch]


def view_head(points: np.ndarray, photo: Camera, portrait: Camera, size: int) -> View:
    """The view of a head with vertices [V, 3].

    Args:
      points: vertices of the head that comes with facealign.
      photo: the camera of the photo.
      portrait: the camera of the portrait.
      size: S.
    """
    model, triangles = heads.load_head(), shown_triangles()
    seen, wanted = (np.asarray(cameras.project(points, camera)) for camera in (photo, portrait))
    drawn = rasterize.draw_triangles(wanted, triangles, (size, size))
    surface = drawn.triangle >= 0
    corners, shares = triangles[drawn.triangle[surface]].T, drawn.shares[surface].T[..., None]
    part = np.zeros(surface.shape, np.uint8)
    part[surface] = model.part[corners[0]]
    normals = np.asarray(_normals(points, triangles))
    facing, needed = (normals @ camera.rotation[2] for camera in (photo, portrait))
    buffer = rasterize.DepthBuffer(seen, triangles, size)

    mouth, inner = (np.isin(part[surface], parts) for parts in (MOUTH, INNER))
    half_ahead = photo.rotation[2, 2] > HALF_AHEAD
    scale = float(portrait.scale)
    crease = 2 * round(CREASE * scale / 2) + 1
    around_mouth = ndimage.maximum_filter(surface & np.isin(part, MOUTH), crease)
    openings = ndimage.maximum_filter(surface & np.isin(part, INNER), crease)

    def look(order: np.ndarray) -> Side:
        """A side; `order` [V] are the vertices of the head in place of its own."""
        values = np.column_stack([seen[order], facing[order], needed])
        # `take` needs a quarter of the time of an index in brackets.
        found = sum(values.take(c, axis=0) * s for c, s in zip(corners, shares, strict=True))
        inclined = np.where(inner, INCLINED, found[:, 3])
        skull = part[surface] == SKULL
        behind = np.where(inner | skull, FAR_BEHIND, BEHIND)
        visible = buffer.shows(found[:, :3], behind) | (mouth & half_ahead)
        ratio = np.where(inner, 1, inclined.clip(0, 1) / found[:, 4].clip(STEEPEST, 1))
        weight = ramp(ratio, FINE)
        place, inclined, visible, weight = (
            _spread(values, surface) for values in (found[:, :2], inclined, visible, weight)
        )
        hidden = surface & ~visible & (part != SKULL) & (inclined > TOWARDS)
        clear = visible & ~ndimage.binary_dilation(hidden, iterations=round(EDGE * scale))
        weight = np.where(openings, ndimage.grey_closing(weight, crease), weight) * visible
        weight = np.maximum(weight, around_mouth * half_ahead)
        if portrait.rotation[2, 2] > AHEAD:
            place = _smooth(place, surface, scale)
        return Side(place, inclined, visible, clear, weight)

    between = heads.landmarks68(model, points)[36:48].mean(axis=0, keepdims=True)
    eyes = float(np.asarray(cameras.project(between, portrait))[0, 1])
    own, other = look(np.arange(len(points))), look(model.mirror)
    # What may be something else is taken from the other side, if that is sure.
    width = 2 * round(UNSURE * scale) + 1
    sure = other.weight * ndimage.minimum_filter(other.clear, width)
    own = own._replace(weight=own.weight * (1 - sure * ~own.clear))
    return View(portrait, eyes, surface, part, own, other)


def _smooth(place: np.ndarray, surface: np.ndarray, scale: float) -> np.ndarray:
    """Places [S, S, 2] of a surface without its creases, at px a cm; its rim stays."""
    sigma = SMOOTH * scale
    within = ndimage.gaussian_filter(surface.astype(np.float32), sigma)
    around = ndimage.gaussian_filter(place, (sigma, sigma, 0)) / np.maximum(within, 0.5)[..., None]
    return place + (around - place) * (surface * ramp(within, FIRM))[..., None]


def _spread(values: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """Values [M, ...] of the pixels of a surface, as an image [S, S, ...] that is 0 beside it."""
    dtype = bool if values.dtype == bool else np.float32
    image = np.zeros((*surface.shape, *values.shape[1:]), dtype)
    image[surface] = values
    return image
