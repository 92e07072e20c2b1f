"""Where each pixel of a portrait reads the photo: the head by its surface, the rest by its outline.

Beside the head, what is d cm beyond the outline in the portrait comes from d cm beyond the outline
in the photo, row by row; further away the scene stands still. Everything is a shift of the
similarity that brings the upright photo to the portrait, so a head that looks as in the portrait
keeps its photo. Lengths are in cm of the head, heights in cm above the eyes. NumPy.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from facealign.faces.turning.matte import Matte
from facealign.faces.turning.pyramids import fill
from facealign.faces.turning.ramp import ramp
from facealign.faces.turning.turn import EYES, FACE, MOUTH, NECK, View, shown_triangles
from facealign.geometry import camera as cameras
from facealign.geometry import frame, rasterize
from facealign.geometry.camera import Camera

TURNED = (4.0, 12.0)  # degrees to turn: below the photo stays, above the head turns
ANCHOR = np.array([[0.0, 2.5, 2.0]])  # cm: a point inside of the head that stays in its place
COLLAR = (-11.5, -17.0)  # heights over which the outline of the neck stops moving the scene
CHEEKS = (-7.0, 0.0)  # heights over which the rows of the outline begin to follow that rise
CROWN = (-1.5, 5.5)  # heights over which the scene follows the top of the head up or down
LARGEST_RISE = 3.9  # cm that the top of the head may move
REACH, NEAR = 3.5, 0.6  # cm over which the shift of the scene fades to 1 / e, and where that begins
ROWS, SOFT = 0.32, 0.26  # cm: smoothing along the outline, and of the shift
SIDES = (-1.5, 1.5)  # cm right of the middle over which one side's shift passes to the other's
THROAT = (-9.5, -12.0)  # heights over which the neck passes from the head to the scene
CHEST = (-15.0, -13.0)  # heights below which the rim of the head is not bridged
TINY = 1e-6
SEAM = (0.0, 1.2)  # cm on both sides of the outline over which shifts are smoothed
AGREES = 0.85  # share of the head that a matte has to find, else it is not trusted
OFF = 1.5  # cm that the outline of a far cheek may be off
# Heights of a far cheek's upper and lower end, of a profile's, and sines of yaw from which a face
# has the one and the other.
CHEEK, PROFILE = ((3.0, 1.0), (-9.5, -8.0)), ((6.5, 5.0), (-12.5, -11.5))
ASIDE, BESIDE = (0.14, 0.25), (0.65, 0.85)
SURE, AWAY = (0.2, 0.5), (0.5, 2.5)  # inclinations, and cm beside the head, that bridge it


class Reach(NamedTuple):
    """Where the pixels of a portrait of S x S px read the photo, and how they lie to the head."""

    place: np.ndarray  # float32 [S, S, 2], in px of the photo
    angle: float  # degrees between the ways that the head looks in portrait and photo
    turned: float  # 0: a similarity of the photo, 1: the head is turned
    beside: np.ndarray  # float32 [S, S]: cm to the head, 0 on it
    inside: np.ndarray  # float32 [S, S]: cm to what is beside the head, 0 there
    on_head: np.ndarray  # int [2, S, S]: row and column of the nearest pixel of the head
    off_head: np.ndarray  # int [2, S, S]: the same of what is beside the head
    outline: np.ndarray  # bool [S, S]: the head of the photo, upright, where it stood still
    upright: np.ndarray  # [2, 3]: from the pixels of `outline` to those of the photo
    way: float  # right of the upright photo, as a share, that the face looks
    agrees: bool  # whether the matte finds the head
    person: np.ndarray  # float32 [S, S], 0 to 1: whether the photo shows the person there


def map_scene(view: View, points: np.ndarray, photo: Camera, matte: Matte) -> Reach:
    """Where the pixels of a portrait read its photo.

    Args:
      view: of the head.
      points: vertices [V, 3] of the head.
      photo: the camera of the photo.
      matte: of the photo.
    """
    size, scale = len(view.surface), float(view.camera.scale)
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    height = (view.eyes - rows) / scale  # cm above the eyes
    upright = find_upright(view.camera, photo)
    grid = np.stack([columns, rows], axis=-1).reshape(-1, 2)
    still = frame.apply(upright, grid).reshape(size, size, 2)
    angle = _between(view.camera, photo)
    turned = float(ramp(angle, TURNED))
    shown = view.surface & (view.part == FACE) & (view.own.weight > 0.5)
    if shown.any():
        still += (1 - turned) * np.median((view.own.place - still)[shown], axis=0)
    on_head, beside = nearest(view.surface)
    off_head, inside = _nearest_beside(view.surface)
    beside, inside = beside / scale, inside / scale
    seen = np.array(cameras.project(points, photo))
    seen[:, :2] = frame.apply(frame.invert(upright), seen[:, :2])
    outline = rasterize.cover(seen, shown_triangles(), (size, size))
    found = matte.at(frame.apply(upright, grid).reshape(size, size, 2))
    agrees = bool(found[outline].mean() > AGREES)
    ahead = frame.invert(upright)[:, :2] @ photo.rotation[:2, 2]  # a head may lean in its photo
    way = float(ahead[0] * photo.scale / view.camera.scale)
    if agrees:
        outline = _meet_matte(outline, found, height[:, 0], scale, way)
    moved = _follow_outline(view.surface, outline, height, scale)
    moved *= np.exp(-np.maximum(0, beside - NEAR) / REACH)[..., None]
    moved = ndimage.gaussian_filter(moved, (SOFT * scale, SOFT * scale, 0)) @ upright[:, :2].T
    shift = np.where(view.surface[..., None], view.own.place - still, moved).astype(np.float32)
    shift = _bridge(shift, view, beside, inside, height, scale)
    place = (still + turned * shift).astype(np.float32)
    person = matte.at(place) if agrees else np.ones((size, size), np.float32)
    return Reach(
        place,
        angle,
        turned,
        beside,
        inside,
        on_head,
        off_head,
        outline,
        upright,
        way,
        agrees,
        person,
    )


def nearest(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The row and column of the nearest pixel of a mask, int [2, H, W], and px to it, [H, W]."""
    places = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    rows, columns = (np.arange(count, dtype=np.int32) for count in mask.shape)
    square = (places[0] - rows[:, None]) ** 2 + (places[1] - columns) ** 2
    return places, np.sqrt(square.astype(np.float32))


def _nearest_beside(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `nearest`, of what is beside a mask; so is all that is beyond the image."""
    places, away = (array[..., 1:-1, 1:-1] for array in nearest(~np.pad(mask, 1)))
    return (places - 1).clip(0, len(mask) - 1), away


def _between(portrait: Camera, photo: Camera) -> float:
    """Degrees between the ways that the head looks in portrait and photo, whatever the roll."""
    return float(np.degrees(np.arccos(np.clip(portrait.rotation[2] @ photo.rotation[2], -1, 1))))


def find_upright(portrait: Camera, photo: Camera) -> np.ndarray:
    """The similarity [2, 3] from the pixels of a portrait to those of a photo with upright head."""
    # Ways up as complex numbers, of which the ratio is the roll between them.
    up, wanted = (complex(*camera.rotation[:2, 1]) for camera in (photo, portrait))
    ratio = up / wanted if min(abs(up), abs(wanted)) > TINY else 1.0
    ratio *= float(photo.scale / portrait.scale) / abs(ratio)
    turn = np.array([(ratio.real, -ratio.imag), (ratio.imag, ratio.real)])
    here, there = (np.asarray(cameras.project(ANCHOR, c))[0, :2] for c in (portrait, photo))
    return np.column_stack([turn, there - turn @ here])


def _meet_matte(
    outline: np.ndarray, alpha: np.ndarray, heights: np.ndarray, scale: float, way: float
) -> np.ndarray:
    """An outline whose far cheek ends where the matte does, if that is near. bool [S, S].

    There no hair is between the face and what is behind it, and the fitted head may be off.

    Args:
      outline: bool [S, S], of the fitted head in the upright photo.
      alpha: its matte, [S, S].
      heights: cm above the eyes, [S].
      scale: px a cm.
      way: right of the upright photo, as a share, that the face looks; the far cheek is there.
    """
    left, right, _ = _sides(outline)
    edge, outwards = (right, 1) if way > 0 else (left, -1)
    reach = round(OFF * scale)
    away = np.arange(-reach, reach + 1)
    columns = np.rint(edge[:, None] + outwards * away).astype(int).clip(0, len(outline) - 1)
    profile = np.take_along_axis(alpha, columns, axis=1)
    ends = (profile[:, :2].min(axis=1) > 0.5) & (profile[:, -2:].max(axis=1) < 0.5)
    cheek, front = (ramp(heights, top) * ramp(heights, end) for top, end in (CHEEK, PROFILE))
    share = ramp(abs(way), BESIDE)
    sure = ends * (cheek * (1 - share) + front * share) * ramp(abs(way), ASIDE)
    off = (profile.sum(axis=1) - reach - 1) * sure
    off, known = (ndimage.gaussian_filter1d(each, ROWS * scale) for each in (off, sure))
    edge = edge + outwards * off / np.maximum(known, 0.5)
    across = np.arange(len(outline))
    limit = outwards * (edge[:, None] - across) > -0.5
    near = np.abs(across - edge[:, None]) <= reach + 1
    return np.where(near & outline.any(axis=1)[:, None], limit, outline)


def _follow_outline(
    wanted: np.ndarray, found: np.ndarray, height: np.ndarray, scale: float
) -> np.ndarray:
    """How far the scene moves with the outline of the head, [S, S, 2] in px of the portrait.

    Args:
      wanted: bool [S, S], where the head is in the portrait.
      found: the same of the photo, upright and as large.
      height: cm above the eyes, [S, S].
      scale: px a cm.
    """
    left, to, top = _sides(wanted)
    other_left, other_to, other_top = _sides(found)
    limit = LARGEST_RISE * scale
    rise = np.clip(other_top - top, -limit, limit)
    heights, count = height[:, 0], len(height)
    follow = ramp(heights, CHEEKS)
    row = np.rint(np.arange(count) + rise * follow).clip(0, count - 1).astype(int)
    fade = 1 - ramp(heights, COLLAR)
    leftwards, rightwards = (
        ndimage.gaussian_filter1d((other[row] - own) * fade, ROWS * scale)
        for other, own in ((other_left, left), (other_to, to))
    )
    beyond = np.arange(count)[None] - (left + to)[:, None] / 2  # px right of the head's middle
    share = ramp(beyond / scale, SIDES)
    across = leftwards[:, None] * (1 - share) + rightwards[:, None] * share
    down = rise * ramp(height, CROWN)
    return np.stack([across, down], axis=-1)


def _sides(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """First and last column [S] of a mask in each row, and its first row."""
    filled, rows = mask.any(axis=1), np.arange(len(mask))
    first, last = mask.argmax(axis=1), mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    sides = (np.interp(rows, rows[filled], side[filled]) for side in (first, last))
    return *sides, int(filled.argmax())


def _bridge(
    shift: np.ndarray,
    view: View,
    beside: np.ndarray,
    inside: np.ndarray,
    height: np.ndarray,
    scale: float,
) -> np.ndarray:
    """Shifts [S, S, 2] with those about the rim of the head made of what is sure around it.

    There neither the inclined surface nor the rule of the outline is exact. Nor is the depth of
    what an open mouth shows, so that follows the lips.
    """
    mouth = view.surface & np.isin(view.part, MOUTH)
    on = ramp(view.own.facing, SURE) * (view.own.clear & ~mouth)
    loose = ramp(height, THROAT)  # of the turned neck
    on = on * (1 - loose * (view.part == NECK))
    off = ramp(beside, AWAY)
    bridged = fill(shift, np.where(view.surface, on, off).astype(np.float32))
    share = np.maximum(ramp(height, CHEST), loose)
    share = share * ~(view.surface & (view.part == EYES))
    share = ndimage.gaussian_filter(share.astype(np.float32), SOFT * scale * 0.75)[..., None]
    bridged = shift * (1 - share) + bridged * share
    near = (1 - ramp(beside + inside, SEAM))[..., None]
    smooth = ndimage.gaussian_filter(bridged, (SOFT * scale, SOFT * scale, 0))
    return bridged * (1 - near) + smooth * near
