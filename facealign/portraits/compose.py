"""Portraits from the photo's own pixels: what it shows, what the other side shows, and the rest.

The head is turned to the front in 3D, the scene stays. Hidden pixels are those of the mirrored
place, in the light of this side; what neither side shows is filled smoothly. NumPy, but for one
bicubic read of the photo in JAX.
"""

import functools
from typing import NamedTuple

import jax
import numpy as np
from PIL import Image
from scipy import ndimage

from facealign.geometry import camera as cameras
from facealign.geometry import head as heads
from facealign.geometry import rasterize
from facealign.geometry.camera import Camera
from facealign.geometry.fit import Head
from facealign.geometry.frame import smooth_step
from facealign.geometry.head import HeadModel
from facealign.geometry.resample import resample
from facealign.portraits.pyramids import blend, fill
from facealign.portraits.scene import Reach, map_scene
from facealign.portraits.turn import FACE, View, portrait_camera, triangles_of, view_head
from facealign.portraits.window import choose_window

SHARPER = 1.25  # a photo has at most so many times the pixels of its portrait when it is read
COARSE = 96  # px of the frame in which the photo's part is measured
BLOCK = 128  # px: photos are padded to multiples of it, so that few programs are compiled
BORDER = 0.02  # share of the photo's shorter side over which its border fades
FEATHER, CORE = 0.19, 0.26  # cm: how weights are smoothed; how far inside the photo's head is sure
GHOST = (0.3, 0.9)  # of the photo's head: what would repeat it beside the portrait's
LIGHT, LIGHT_SOFT = 1.3, 0.78  # cm over which the light of both sides is compared, and smoothed
LIGHT_REACH = (0.65, 3.9)  # cm beside the head from which it fades, and over which
LIGHT_RANGE, DARK = 1.2, 8.0  # largest log ratio of light; gray level added to it
LIT = (28.0, 48.0)  # degrees of yaw over which the two sides have less and less in common
CHOICE, SOFT_CHOICE = (0.25, 0.75), 0.13  # shares of own pixels that choose a side; cm


class Composed(NamedTuple):
    """A portrait of S x S px."""

    image: np.ndarray  # uint8 [S, S, 3]
    own: np.ndarray  # float32 [S, S], 0 to 1: how much is from its own place in the photo
    mirrored: np.ndarray  # float32 [S, S]: how much is from the mirrored place; the rest is filled
    seen: float  # share of the face that the photo shows
    held: np.ndarray  # float32 [S, S], 0 to 1: places within the photo
    camera: Camera  # of the portrait


def compose_portrait(photo: Image.Image, head: Head, size: int) -> Composed:
    """The portrait of a head, fitted to a colour photo; `head` without a batch axis."""
    model = heads.load_head()
    points = np.asarray(heads.shape(model, head.identity, head.expression))
    portrait = choose_frame(model, points, head.camera, photo.size, size)
    photo, camera = _shrink(photo, head.camera, float(portrait.scale))
    triangles = triangles_of(model)
    view = view_head(model, points, camera, portrait, size)
    reach = map_scene(view, points, triangles, camera)
    pixels = np.asarray(photo, np.float32)
    colours, held = _read(pixels, reach.place), _held(reach.place, photo.size)
    seen = np.asarray(cameras.project(points, camera))
    core = _core(rasterize.draw_triangles(seen, triangles, pixels.shape[:2]).triangle >= 0, camera)
    own = _weigh(view, reach, held, core)
    yaw = float(np.asarray(cameras.angles_of(camera.rotation))[0])
    image, mirrored = _complete(colours, own, view, reach, yaw)
    face = view.surface & (view.part == FACE)
    shown = float(own[face].mean()) if face.any() else 0.0
    return Composed(
        np.rint(image.clip(0, 255)).astype(np.uint8), own, mirrored, shown, held, portrait
    )


def choose_frame(
    model: HeadModel, points: np.ndarray, photo: Camera, photo_size: tuple[int, int], size: int
) -> Camera:
    """The camera of a portrait of `size` px, in a frame that the photo fills.

    Args:
      model: of the head.
      points: its vertices [V, 3].
      photo: the camera of the photo.
      photo_size: its width and height in px.
      size: of the portrait.
    """
    coarse = portrait_camera(model, points, COARSE)
    view = view_head(model, points, photo, coarse, COARSE)
    held = _held(map_scene(view, points, triangles_of(model), photo).place, photo_size)
    left, top, side = choose_window(held)
    scale = size / (side * COARSE)
    corner = np.array([left, top]) * COARSE
    matrix = np.column_stack([scale * np.eye(2), scale * (0.5 - corner) - 0.5])
    return Camera(*map(np.asarray, cameras.transformed(coarse, matrix)))


def _shrink(photo: Image.Image, camera: Camera, scale: float) -> tuple[Image.Image, Camera]:
    """A photo with not many more px a cm than `scale`, and the camera in it."""
    factor = SHARPER * scale / float(camera.scale)
    if factor >= 0.9:
        return photo, Camera(*map(np.asarray, camera))
    size = tuple(max(1, round(side * factor)) for side in photo.size)
    across, down = (new / old for new, old in zip(size, photo.size, strict=True))
    middle = np.array([across - 1, down - 1]) / 2
    matrix = np.column_stack([(across + down) / 2 * np.eye(2), middle])
    smaller = photo.resize(size, Image.Resampling.BOX if factor < 0.5 else Image.Resampling.HAMMING)
    return smaller, Camera(*map(np.asarray, cameras.transformed(camera, matrix)))


def _read(pixels: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Pixels [H, W, 3] at places [S, S, 2], bicubic; beyond the photo its border is repeated."""
    height, width = pixels.shape[:2]
    more = [(0, -side % BLOCK) for side in (height, width)]
    padded = np.pad(pixels, (*more, (0, 0)), mode="edge")
    inside = place.clip(0, (width - 1, height - 1))
    return np.array(_resample(padded[None], inside[None].astype(np.float32))[0])


_resample = jax.jit(functools.partial(resample, kernel="cubic"))


def _held(place: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """How far places [S, S, 2] are inside of a photo of (width, height) px, 0 to 1."""
    x, y = place[..., 0], place[..., 1]
    width, height = size
    inside = np.minimum.reduce([x, y, width - 1 - x, height - 1 - y])
    border = max(2.0, BORDER * min(size))
    return smooth_step((inside + 0.5 * border) / (2 * border)).astype(np.float32)


def _core(mask: np.ndarray, camera: Camera) -> np.ndarray:
    """Where the photo surely shows the head, float32 [H, W], of the mask of the fitted head."""
    inset = max(1, round(CORE * float(camera.scale)))
    inner = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] > inset
    return ndimage.gaussian_filter(inner.astype(np.float32), inset / 2)


def _weigh(view: View, reach: Reach, held: np.ndarray, core: np.ndarray) -> np.ndarray:
    """How much each pixel is taken from its own place, float32 [S, S]."""
    scale = float(view.camera.scale)
    weight = np.where(view.surface, view.weight, 1) * held
    smooth = ndimage.gaussian_filter(weight, FEATHER * scale)
    weight = 1 - reach.turned * (1 - np.minimum(weight, smooth))
    x, y = reach.place[..., 0], reach.place[..., 1]
    repeated = ndimage.map_coordinates(core, [y, x], order=1, mode="nearest")
    low, high = GHOST
    ghost = 0.95 * reach.turned * smooth_step((repeated - low) / (high - low))
    return np.where(view.surface, weight, weight * (1 - ghost)).astype(np.float32)


def _complete(
    colours: np.ndarray, own: np.ndarray, view: View, reach: Reach, yaw: float
) -> tuple[np.ndarray, np.ndarray]:
    """Colours [S, S, 3] with hidden pixels mirrored or filled, and how much is mirrored [S, S]."""
    scale, middle = float(view.camera.scale), float(view.camera.shift[0])
    other, weight = mirror(colours, middle), mirror(own, middle)
    weight = np.where(view.surface, weight, 0)  # nothing of the scene is mirrored
    other = _in_this_light(colours, other, np.minimum(own, weight), view, reach, yaw)
    weight = weight * (1 - own)  # what is not shown itself is taken from the other side
    share = own / (own + weight + 1e-3)
    first = colours * share[..., None] + other * (1 - share[..., None])
    known = np.minimum(1, 2 * (own + weight))
    first = fill(first, known**2)
    share = ndimage.gaussian_filter(share, SOFT_CHOICE * scale)
    share = smooth_step((share - CHOICE[0]) / (CHOICE[1] - CHOICE[0])).astype(np.float32)
    second = other * weight[..., None] + first * (1 - weight[..., None])
    return blend(first, second, share), ((1 - share) * weight).astype(np.float32)


def mirror(image: np.ndarray, middle: float) -> np.ndarray:
    """The mirror image [S, S, ...] about a column, which may lie between two; linear, float32."""
    columns = 2 * middle - np.arange(image.shape[1])
    first = np.floor(columns).clip(0, image.shape[1] - 2).astype(int)
    share = (columns - first).clip(0, 1).astype(np.float32)
    share = share.reshape(1, -1, *[1] * (image.ndim - 2))
    return (image[:, first] * (1 - share) + image[:, first + 1] * share).astype(np.float32)


def _in_this_light(
    colours: np.ndarray,
    other: np.ndarray,
    both: np.ndarray,
    view: View,
    reach: Reach,
    yaw: float,
) -> np.ndarray:
    """The mirrored colours in the light of their new side, by what both sides show.

    `both` [S, S] says how well a pixel and its mirror image are shown.
    """
    scale = float(view.camera.scale)
    both = (both * (both > 0.3) * (view.surface & (view.part == FACE))).astype(np.float32)
    ratio = np.log(colours.clip(0) + DARK) - np.log(other.clip(0) + DARK)
    ratio = ratio.clip(-LIGHT_RANGE, LIGHT_RANGE)
    wide, soft = (sigma * scale for sigma in (LIGHT, LIGHT_SOFT))
    known = ndimage.gaussian_filter(both, wide)
    light = ndimage.gaussian_filter(ratio * both[..., None], (wide, wide, 0))
    light = fill(light / (known[..., None] + 0.03), np.minimum(1, 4 * known))
    light = ndimage.gaussian_filter(light, (soft, soft, 0))
    start, width = LIGHT_REACH
    light *= np.exp(-((np.maximum(0, reach.beside - start) / width) ** 2))[..., None]
    light *= 1 - smooth_step((abs(yaw) - LIT[0]) / (LIT[1] - LIT[0]))
    return ((other + DARK) * np.exp(light) - DARK).clip(0, 255)
