"""Portraits from the photo's own pixels: what it shows, what the other side shows, and the rest.

The head is turned in 3D, the scene stays. Hidden pixels are those of the other side of the head, in
the light of this side; what neither side shows is filled smoothly. Where pixels come from is found
on a coarse grid, once for all sizes. NumPy, but for what reads the photo.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from PIL import Image
from scipy import ndimage

from facealign.geometry import camera as cameras
from facealign.geometry import frame
from facealign.geometry import head as heads
from facealign.geometry.camera import Camera
from facealign.geometry.fit import Head
from facealign.geometry.frame import smooth_step
from facealign.portraits.light import compare_light, relight
from facealign.portraits.pixels import Pixels
from facealign.portraits.pyramids import fill, keep
from facealign.portraits.scene import Reach, map_scene
from facealign.portraits.style import Style
from facealign.portraits.turn import FACE, View, portrait_camera, view_head
from facealign.portraits.window import TIGHT, Window, choose_window, enlarge, enlarge_some

GRID = 256  # px of the frame in which places are found
BORDER = 0.02  # share of the photo's shorter side over which its border fades
FEATHER, CORE = 0.19, 0.26  # cm: how weights are smoothed; how far inside the photo's head is sure
EDGE = 1.0  # px of the frame: how soft the outline of the head is
SURE = (0.0, 0.5)  # of the photo's head: from where the head's own pixels may come
GHOST = (0.3, 0.9)  # of the photo's head: what would repeat it beside the portrait's
CHOICE, SOFT_CHOICE = (0.25, 0.75), 0.13  # shares of own pixels that choose a side; cm
SMALLEST, LARGEST = 128, 2048  # px of portraits that are as large as in the photo


class Composed(NamedTuple):
    """A portrait of S x S px."""

    image: np.ndarray  # uint8 [S, S, 3]
    # float32 [G, G, 2], 0 to 1, of the whole frame: how much is from its own place in the photo,
    # and how much from the other side; the rest is filled.
    shares: np.ndarray
    seen: float  # share of the face that the photo shows
    held: float  # px of the photo across the portrait
    to_crop: np.ndarray  # [2, 3], transformation of the portrait to its canonical crop
    window: Window  # of the frame


class Sources(NamedTuple):
    """Where the pixels of a whole frame of GRID x GRID px come from; places in px of the photo."""

    own: np.ndarray  # float32 [G, G, 2]: the place itself
    other: np.ndarray  # float32 [G, G, 2]: the same on the other side of the head
    own_weight: np.ndarray  # float32 [G, G], 0 to 1
    other_weight: np.ndarray  # float32 [G, G]: of what the place itself does not show
    choice: np.ndarray  # float32 [G, G]: 1 where detail is of the place itself


def compose_portrait(
    photo: Image.Image, head: Head, style: Style, window: Window | None = None
) -> Composed:
    """The portrait of a head.

    Args:
      photo: in colour.
      head: fitted to it, without a batch axis.
      style: of the portrait.
      window: of the frame; None chooses it.
    """
    head = jax.tree.map(np.asarray, head)
    points = np.asarray(_shape(head.identity, head.expression))
    camera = portrait_camera(heads.load_head(), points, GRID, (style.yaw, style.pitch))
    view = view_head(points, head.camera, camera, GRID)
    reach = map_scene(view, points, head.camera)
    held = _hold(reach.place, photo.size)
    window = window or (TIGHT if style.frame == "tight" else choose_window(held))
    sources = _weigh(view, reach, held, photo.size)
    inside = window.side * GRID * float(head.camera.scale / camera.scale)
    size = style.size or int(np.clip(round(inside), SMALLEST, LARGEST))
    scale = size / (window.side * GRID)
    pixels = Pixels(photo, scale * float(camera.scale / head.camera.scale))
    if reach.turned:
        smooth = _blend_coarsely(photo, sources, view, reach, head.camera)
        image = _paint(pixels, sources, smooth, window, size)
    else:
        image = pixels.at(enlarge(sources.own, window, size))
    face = view.surface & (view.part == FACE)
    return Composed(
        np.rint(image.clip(0, 255)).astype(np.uint8),
        np.stack(_shares(sources), axis=-1),
        float(sources.own_weight[face].mean()) if face.any() else 0.0,
        inside,
        frame.invert(frame.compose(window.matrix(GRID, size), frame.to_portrait(GRID))),
        window,
    )


@jax.jit
def _shape(identity: jax.Array, expression: jax.Array) -> jax.Array:
    return heads.shape(heads.load_head(), identity, expression)


def _hold(place: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """How far places [S, S, 2] are inside of a photo of (width, height) px, 0 to 1."""
    x, y = place[..., 0], place[..., 1]
    width, height = size
    inside = np.minimum.reduce([x, y, width - 1 - x, height - 1 - y])
    border = max(2.0, BORDER * min(size))
    return smooth_step((inside + 0.5 * border) / (2 * border)).astype(np.float32)


def _weigh(view: View, reach: Reach, held: np.ndarray, photo_size: tuple[int, int]) -> Sources:
    """How much each pixel is taken from its own place, and from the other side of the head."""
    scale, surface = float(view.camera.scale), view.surface

    def step(values: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
        return smooth_step((values - ends[0]) / (ends[1] - ends[0]))

    def soften(weight: np.ndarray) -> np.ndarray:
        return np.minimum(weight, ndimage.gaussian_filter(weight, FEATHER * scale))

    # Head and scene meet in a soft edge, so each is needed a little beyond it.
    on_head, beside = _nearest(surface), _nearest(~surface)
    edge = ndimage.gaussian_filter(surface.astype(np.float32), EDGE)
    is_core = _find_core(reach, scale)
    repeats = is_core(reach.place)
    own = soften(view.own.weight * held * step(repeats, SURE))[on_head]
    # Beside the head, what would repeat the photo's head is not wanted.
    scene = (held * (1 - 0.95 * reach.turned * step(repeats, GHOST)))[beside]
    own = 1 - reach.turned * (1 - (scene + (own - scene) * edge))
    other = _hold(view.other.place, photo_size) * step(is_core(view.other.place), SURE)
    other = soften(view.other.weight * other)[on_head]
    other = other * edge * (1 - own)  # nothing of the scene is mirrored
    choice = ndimage.gaussian_filter(own / (own + other + 1e-3), SOFT_CHOICE * scale)
    choice = step(choice, CHOICE)
    maps = (map_.astype(np.float32) for map_ in (own, other, choice))
    return Sources(reach.place, view.other.place[on_head], *maps)


def _nearest(known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows and columns [S, S] of the nearest known pixel of each pixel."""
    return tuple(
        ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    )


def _find_core(reach: Reach, scale: float) -> Callable[[np.ndarray], np.ndarray]:
    """A function from places [S, S, 2] to how surely the photo shows the head there, 0 to 1."""
    inset = CORE * scale
    core = ndimage.distance_transform_edt(np.pad(reach.outline, 1))[1:-1, 1:-1] > inset
    core = ndimage.gaussian_filter(core.astype(np.float32), inset / 2)
    upright = frame.invert(reach.upright)

    def is_core(place: np.ndarray) -> np.ndarray:
        x, y = frame.apply(upright, place.reshape(-1, 2)).T.reshape(2, *place.shape[:2])
        return ndimage.map_coordinates(core, [y, x], order=1, mode="nearest")

    return is_core


class Smooth(NamedTuple):
    """What is found once in the coarse frame, [G, G, ...], float32."""

    light: np.ndarray  # [G, G, 3], for `relight`
    filled: np.ndarray  # [G, G, 3]: colours where nothing is known
    known: np.ndarray  # [G, G], 0 to 1
    moved: np.ndarray  # [G, G, 3]: what blending does to the coarse colours


def _blend_coarsely(
    photo: Image.Image, sources: Sources, view: View, reach: Reach, camera: Camera
) -> Smooth:
    """The light of the other side, what neither side shows, and how both sides meet."""
    pixels = Pixels(photo, float(view.camera.scale / camera.scale))
    own, other = pixels.at(sources.own), pixels.at(sources.other)
    yaw = float(np.asarray(cameras.angles_of(camera.rotation))[0])
    both = np.minimum(sources.own_weight, view.other.weight)
    light = compare_light(own, other, both, view, reach, yaw)
    other = relight(other, light)
    known = _known(sources)
    mixed = _mix(own, other, sources.own_weight, sources.other_weight)
    filled = fill(mixed, known)
    differing = (filled - other) * sources.other_weight[..., None]
    moved = keep(differing, sources.choice) - differing * sources.choice[..., None]
    return Smooth(light, filled, known, moved)


def _paint(
    pixels: Pixels, sources: Sources, smooth: Smooth, window: Window, size: int
) -> np.ndarray:
    """The colours [S, S, 3] of a window of the frame: the coarse blend, and details."""
    image = pixels.at(enlarge(sources.own, window, size))
    others = np.maximum(sources.other_weight > 0, 1 - smooth.known)
    some = np.nonzero(enlarge(others, window, size) > 0)
    shares = np.stack([*sources[2:], smooth.known], axis=-1)
    maps = (shares, sources.other, smooth.light, smooth.filled, smooth.moved)
    ends = np.cumsum([map_.shape[-1] for map_ in maps])[:-1]
    enlarged = enlarge_some(np.concatenate(maps, axis=-1), window, size, some)
    shares, place, light, filled, moved = np.split(enlarged, ends, axis=-1)
    weight, rest, choice, known = shares.clip(0, 1).T
    other = relight(pixels.at(place), light)
    first = _mix(image[some], other, weight, rest)
    first = filled + (first - filled) * known[:, None]
    image[some] = first + moved - (first - other) * (rest * (1 - choice))[:, None]
    return image


def _known(sources: Sources) -> np.ndarray:
    """How much of each pixel is not filled, [G, G], 0 to 1."""
    return np.minimum(1, 2 * (sources.own_weight + sources.other_weight)) ** 2


def _shares(sources: Sources) -> tuple[np.ndarray, np.ndarray]:
    """How much of each pixel is its own, and of the other side, [G, G], 0 to 1."""
    own, rest, known = sources.own_weight, sources.other_weight, _known(sources)
    replaced = rest * (1 - sources.choice)
    first = known * (1 - replaced)
    share = (own + 1e-3) / (own + rest + 1e-3)
    return first * share, first * (1 - share) + replaced


def _mix(own: np.ndarray, other: np.ndarray, weight: np.ndarray, rest: np.ndarray) -> np.ndarray:
    share = (weight + 1e-3) / (weight + rest + 1e-3)
    return other + (own - other) * share[..., None]
