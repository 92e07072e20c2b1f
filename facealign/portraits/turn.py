"""Where each pixel of a portrait is in the photo: on the head, and how well the photo shows it.

A portrait is a square view of a fitted head that looks into the camera. NumPy.
"""

from typing import NamedTuple

import numpy as np

from facealign.geometry import camera as cameras
from facealign.geometry import frame, rasterize
from facealign.geometry import head as heads
from facealign.geometry.camera import Camera
from facealign.geometry.frame import smooth_step
from facealign.geometry.head import PARTS, HeadModel

INNER = tuple(PARTS.index(name) for name in ("mouth", "teeth", "eyes"))
FACE, SKULL = PARTS.index("face"), PARTS.index("head")
CUT = 12.5  # cm: y of the mean head below which its neck is left to the scene, which stands still
# cm that a point may be behind the surface and still count as seen: of the face; of skull and ears,
# whose shape is less sure, and of what lies in openings.
BEHIND, FAR_BEHIND = 0.45, 1.2
INCLINED = 0.6  # inclination of what lies in openings, which are seen or not
STEEPEST = 0.12  # inclination in the portrait below which nothing finer is asked of the photo
# Ratio of the inclinations in photo and portrait, so of how finely they show a place, at which the
# photo's pixels begin to count, and count fully.
COARSE, FINE = 0.38, 0.65


class View(NamedTuple):
    """What the pixels of a portrait of S x S px show."""

    camera: Camera  # of the portrait
    eyes: float  # px: row of the eyes in the portrait
    surface: np.ndarray  # bool [S, S]: the head
    part: np.ndarray  # uint8 [S, S]: index into PARTS, of the head; says nothing beside it
    place: np.ndarray  # float32 [S, S, 2]: in px of the photo; 0 beside the head
    visible: np.ndarray  # bool [S, S]: no nearer part of the head hides this place in the photo
    facing: np.ndarray  # float32 [S, S]: inclination to the photo's camera, 1 towards it
    weight: np.ndarray  # float32 [S, S], 0 to 1: how well the photo shows this place


def portrait_camera(model: HeadModel, points: np.ndarray, size: int) -> Camera:
    """The camera of a portrait of `size` px of an upright head with vertices [V, 3]."""
    camera = Camera(np.eye(3, dtype=np.float32), np.float32(1), np.zeros(2, np.float32))
    landmarks = np.asarray(cameras.project(heads.landmarks68(model, points), camera))[:, :2]
    five = frame.five_points(landmarks)
    wanted = frame.apply(frame.to_portrait(size), frame.FIVE_POINTS)
    middle, centre = five.mean(axis=0), wanted.mean(axis=0)
    scale = ((five - middle) * (wanted - centre)).sum() / np.square(five - middle).sum()
    shift = centre - scale * middle
    return camera._replace(scale=np.float32(scale), shift=shift.astype(np.float32))


def triangles_of(model: HeadModel) -> np.ndarray:
    """The triangles [T, 3] of the head without the lower neck, which does not turn with it."""
    return model.triangles[(model.mean[model.triangles, 1] < CUT).all(axis=1)]


def view_head(
    model: HeadModel, points: np.ndarray, photo: Camera, portrait: Camera, size: int
) -> View:
    """The view of a head with vertices [V, 3].

    Args:
      model: of the head.
      points: its vertices.
      photo: the camera of the photo.
      portrait: the camera of the portrait.
      size: S.
    """
    triangles = triangles_of(model)
    seen, wanted = (np.asarray(cameras.project(points, camera)) for camera in (photo, portrait))
    drawn = rasterize.draw_triangles(wanted, triangles, (size, size))
    surface = drawn.triangle >= 0
    corners = triangles[drawn.triangle.clip(0)]

    def across(values: np.ndarray) -> np.ndarray:
        return (values[corners] * drawn.shares[..., None]).sum(axis=2)

    normals = np.asarray(heads.normals(points, triangles))
    facing, needed = (_towards(across(normals @ c.rotation.T)) for c in (photo, portrait))
    part = np.where(surface, model.part[corners[..., 0]], 0)
    inner, place = np.isin(part, INNER), across(seen)
    facing = np.where(inner, INCLINED, facing)
    behind = np.where(inner | (part == SKULL), FAR_BEHIND, BEHIND)
    visible = np.zeros_like(surface)
    visible[surface] = rasterize.DepthBuffer(seen, triangles).shows(place[surface], behind[surface])
    ratio = np.where(inner, 1, facing.clip(0, 1) / needed.clip(STEEPEST, 1))
    weight = visible * smooth_step((ratio - COARSE) / (FINE - COARSE))
    between = heads.landmarks68(model, points)[36:48].mean(axis=0, keepdims=True)
    return View(
        portrait,
        float(np.asarray(cameras.project(between, portrait))[0, 1]),
        surface,
        part.astype(np.uint8),
        place[..., :2].astype(np.float32),
        visible,
        facing.astype(np.float32),
        weight.astype(np.float32),
    )


def _towards(vectors: np.ndarray) -> np.ndarray:
    """The z [...] of vectors [..., 3] that are made as long as 1."""
    return vectors[..., 2] / np.maximum(np.linalg.norm(vectors, axis=-1), 1e-6)
