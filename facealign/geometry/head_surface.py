"""The surface of the mean head and its background in the canonical crop.

The surface is one sheet without holes, with one depth for each pixel: the head with a shell of hair
as the camera sees it from the front; around it the sides of the head, which fall back; around these
the background, which does not move when the head turns. Units are px of the canonical crop: x to
the right, y down, z towards an orthographic camera. The head is upright. Its middle is that of the
canonical landmarks, which is not exactly the middle of the crop, so rotate the head in a photo
first and flip the photo afterwards.
"""

import functools
from typing import NamedTuple

import jax
import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.spatial import ConvexHull, cKDTree

from facealign.geometry import camera, frame
from facealign.geometry import head as heads
from facealign.geometry.frame import MIDDLE, SIZE
from facealign.geometry.head import PARTS, HeadModel
from facealign.geometry.rasterize import draw_triangles

MARGIN = 80  # px of the sheet beyond the crop
COLUMNS = np.arange(-MARGIN, 2 * MIDDLE + MARGIN + 1)  # x in px of the points of the sheet
ROWS = np.arange(-MARGIN, SIZE + MARGIN)  # y in px of the points of the sheet
MIRROR = [1, 0, 2, 4, 3]  # of the five points
NOSE = 30.0  # px of depth from the line between eyes and mouth to the nose tip, as in profiles
PIVOT = np.array((MIDDLE, 85.0, 0.0))  # px: a head turns about the upper end of the neck
EYES_DEPTH = 42.0  # px: z of the eyes
CROWN, TEMPLES = 2.2, 0.8  # cm: thickness of the hair on top of the head, and at the height of eyes
HAIRLINE = 3.0  # cm from the face, over which the hair reaches its thickness
SEAM = 10.0  # px inside of the face, over which the depth becomes that of the mesh
SMOOTH, SMOOTH_AROUND = 1.5, 3.0  # px: standard deviations of the blur of the depth
RISE = 0.12  # px a px: least slope of the depth from the sides to the middle
AROUND, EDGE = 6.0, 16.0  # px from the head to where things stop turning with it, and over which
FALL = 32.0  # px that the sides of the head fall back behind its outline, over AROUND + EDGE
BACKGROUND_DEPTH = -85.0  # px: z of the background


class Surface(NamedTuple):
    """The sheet as T triangles between N points, one for each pixel of ROWS x COLUMNS by rows."""

    points: np.ndarray  # float [N, 3] in px
    corners: np.ndarray  # int [T, 3]: indices of the points of each triangle
    still: np.ndarray  # float [N]: 0 if a point turns with the head, 1 if it is background
    five: np.ndarray  # float [5, 3] in px: eyes, nose tip, mouth corners, as in FIVE_POINTS


@functools.cache
def place_head() -> tuple[np.ndarray, np.ndarray]:
    """The vertices [V, 3] of the mean head and its 68 landmarks [68, 3] in the crop, in px.

    Places are those that a camera at the usual distance sees, since that is what photos show; so
    what is nearer is larger. Width, height and depth are scaled so that the eyes, the height of the
    mouth and the nose in profile are where the canonical frame has them.
    """
    model = heads.load_head()
    with jax.ensure_compile_time_eval():  # the first call may be in a function that is traced
        seen = np.asarray(camera.project(model.mean, camera.Camera(np.eye(3), 1.0, np.zeros(2))))
    eye, nose, mouth = frame.five_points(heads.landmarks68(model, seen))[[0, 2, 3]]
    eye_place, nose_place, mouth_place = canonical_five()[[0, 2, 3]]
    # Depth of the line between eyes and mouth at the height of the nose tip.
    share = (nose_place - eye_place)[1] / (mouth_place - eye_place)[1]
    line = eye[2] + share * (mouth - eye)[2]
    factors = np.array(
        (
            (eye_place[0] - MIDDLE) / eye[0],
            (mouth_place - eye_place)[1] / (mouth - eye)[1],
            NOSE / (nose[2] - line),
        )
    )
    points = (np.float64(seen) - eye) * factors + (*eye_place, EYES_DEPTH)
    return points, heads.landmarks68(model, points)


def canonical_five() -> np.ndarray:
    """The canonical landmarks [5, 2], made symmetric about MIDDLE."""
    points = frame.FIVE_POINTS - (MIDDLE, 0)
    return (points + points[MIRROR] * (-1, 1)) / 2 + (MIDDLE, 0)


@functools.cache
def create_surface() -> Surface:
    """Makes the sheet from the mean head; takes about a second."""
    model, (vertices, landmarks) = heads.load_head(), place_head()
    depth = frame.five_points(landmarks)[:, 2]
    five = np.column_stack([canonical_five(), (depth + depth[MIRROR]) / 2])
    grid = np.stack(np.meshgrid(COLUMNS, ROWS), axis=-1).astype(np.float64)
    depth, still = _depth(model, vertices, grid.shape[:2])
    points = np.concatenate([grid, depth[..., None]], axis=-1).reshape(-1, 3)
    return Surface(points, _grid_triangles(*depth.shape), still.ravel(), five)


def in_crop(values: np.ndarray) -> np.ndarray:
    """Values [N, ...] of the sheet's points, cut to the pixels of the crop: [SIZE, SIZE, ...]."""
    sheet = values.reshape(len(ROWS), len(COLUMNS), *values.shape[1:])
    return sheet[MARGIN : MARGIN + SIZE, MARGIN : MARGIN + SIZE]


def _depth(
    model: HeadModel, vertices: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Depth in px and `still` of the sheet, [S, S] each.

    Inside of the face the depth is that of the mesh. Around it, it is that of the convex hull of
    the head with its hair, since ears would make the border of what turns wavy.
    """
    parts = model.part[model.triangles]
    place = np.array((COLUMNS[0], ROWS[0], 0.0))
    used = np.unique(model.triangles[(parts < PARTS.index("neck")).all(axis=1)])  # face and head
    hull = (vertices + _hair(model, vertices) - place)[used]
    around = draw_triangles(hull, _hull_triangles(hull), shape).depth
    # Outside, the depth of the nearest point of the outline, which falls back.
    away, nearest = distance_transform_edt(~np.isfinite(around), return_indices=True)
    outside = around[tuple(nearest)] - FALL * frame.smooth_step(away / (AROUND + EDGE))
    around = gaussian_filter(np.where(np.isfinite(around), around, outside), SMOOTH_AROUND)
    skin = model.triangles[(parts != PARTS.index("neck")).all(axis=1)]
    inner = skin[(model.part[skin] != PARTS.index("head")).all(axis=1)]
    face = draw_triangles(vertices - place, inner, shape).depth
    share = frame.smooth_step(distance_transform_edt(np.isfinite(face)) / SEAM)
    face = gaussian_filter(np.where(np.isfinite(face), face, around), SMOOTH)
    depth = around + share * (face - around)
    still = frame.smooth_step((away - AROUND) / EDGE)
    depth = _rising((depth + depth[:, ::-1]) / 2)
    depth += still * (BACKGROUND_DEPTH - depth)
    return (depth + depth[:, ::-1]) / 2, (still + still[:, ::-1]) / 2


def _rising(depth: np.ndarray) -> np.ndarray:
    """Depth [S, S] that rises by at least RISE px a px from both sides to the middle.

    So a profile hides nothing of its side of the face behind an eyeball or a cheek.
    """
    slope = RISE * np.abs(COLUMNS - MIDDLE)
    half = np.maximum.accumulate((depth + slope)[:, : depth.shape[1] // 2 + 1], axis=1)
    return np.concatenate([half, half[:, -2::-1]], axis=1) - slope


def _hull_triangles(points: np.ndarray) -> np.ndarray:
    """The triangles [T, 3] of the convex hull of points [N, 3], seen from outside as a head's."""
    hull = ConvexHull(points)
    a, b, c = points[hull.simplices].transpose(1, 0, 2)
    outside = (np.cross(b - a, c - a) * hull.equations[:, :3]).sum(axis=1) < 0
    return np.where(outside[:, None], hull.simplices, hull.simplices[:, ::-1])


def _hair(model: HeadModel, vertices: np.ndarray) -> np.ndarray:
    """How far the hair stands out from each vertex, [V, 3] in px; 0 beside the scalp."""
    face = model.part == PARTS.index("face")
    eyes = model.mean[model.part == PARTS.index("eyes"), 1].mean()
    height = np.clip((eyes - model.mean[:, 1]) / (eyes - model.mean[:, 1].min()), 0, 1)
    length = TEMPLES + (CROWN - TEMPLES) * height
    length *= frame.smooth_step(cKDTree(model.mean[face]).query(model.mean)[0] / HAIRLINE)
    length[model.part != PARTS.index("head")] = 0
    px = np.ptp(vertices, axis=0) / np.ptp(model.mean, axis=0)  # a cm
    with jax.ensure_compile_time_eval():
        outward = np.asarray(heads.normals(model.mean, model.triangles))
    return px * length[:, None] * outward


def _grid_triangles(height: int, width: int) -> np.ndarray:
    """Two triangles for each square of a grid, [T, 3]; the right half mirrors the left half."""
    index = np.arange(height * width).reshape(height, width)
    a, b, c, d = (
        corner.ravel()
        for corner in (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:])
    )
    falling = np.concatenate([np.stack([a, d, b], axis=1), np.stack([a, c, d], axis=1)])
    rising = np.concatenate([np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)])
    left = np.tile(a % width < width // 2, 2)
    return np.where(left[:, None], falling, rising)
