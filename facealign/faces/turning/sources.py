"""Where the pixels of a portrait come from: their own place, or the other side of the head. NumPy.

The near rim of the head and its hair come from their own place, though that is smeared there, so
that head and scene meet without a seam; so does all of a head that is hardly turned. What is hidden
further inside comes from the other side, as far as that is shown; the far rim is mirrored as a
whole (`far_side`), if the matte finds the head.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from facealign.faces.turning.far_side import FarSide
from facealign.faces.turning.ramp import ramp
from facealign.faces.turning.scene import AWAY, Reach, nearest
from facealign.faces.turning.turn import FACE, NECK, SKULL, View
from facealign.geometry import frame

BORDER = 0.02  # share of the photo's shorter side over which its border fades
FEATHER, CORE = 0.19, 0.26  # cm: how weights are smoothed; how far inside the photo's head is sure
RIM = (0.9, 2.0)  # cm inside of the outline over which hidden pixels cease to be smeared
HARDLY = (14.0, 26.0)  # degrees of turning over which they cease to be smeared everywhere
FAR = (38.0, 52.0)  # degrees of turning over which the rim is no longer smeared, but the middle
HAIR = (-1.0, 1.0)  # cm above the eyes over which hair begins
EDGE = 1.0  # px: how soft the outline of the head is
SURE = (0.0, 0.5)  # of the photo's head: from where the head's own pixels may come
INSIDE = (0.3, 0.7)  # of the photo's head: where places of profiles stay
PERSON = (0.45, 0.65)  # of the matte: what may be smeared over the rim
JAW = (-8.0, -5.0)  # cm above the eyes: under the cheek, all may
GHOST = (0.3, 0.9)  # of the photo's head: what would repeat it beside the portrait's
TINY = 1e-3  # weight that counts as nothing
CHOICE, SOFT_CHOICE = (0.25, 0.75), 0.13  # shares of own pixels that choose a side; cm


class Sources(NamedTuple):
    """Where the pixels of a frame of S x S px come from; places in px of the photo."""

    own: np.ndarray  # float32 [S, S, 2]: the place itself
    other: np.ndarray  # float32 [S, S, 2]: the same on the other side of the head
    own_weight: np.ndarray  # float32 [S, S], 0 to 1
    other_weight: np.ndarray  # float32 [S, S]: of what the place itself does not show
    choice: np.ndarray  # float32 [S, S]: 1 where detail is of the place itself
    alike: np.ndarray  # float32 [S, S]: how much the other side may be mixed with the place itself
    far: np.ndarray  # float32 [S, S]: how much is of a far side that is mirrored as a whole

    @property
    def known(self) -> np.ndarray:
        """How much of each pixel is one of the photo, [S, S], 0 to 1; the rest is filled."""
        return np.minimum(1, 2 * (self.own_weight + self.other_weight)) ** 2

    @property
    def shares(self) -> np.ndarray:
        """How much of each pixel is its own, and how much the other side's, [S, S, 2], 0 to 1."""
        replaced = self.other_weight * (1 - self.choice)
        share = own_share(self.own_weight, self.other_weight)
        first = self.known * (1 - replaced)
        return np.stack([first * share, first * (1 - share) + replaced], axis=-1)


def own_share(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The share of its own place in a pixel, by the weights of both places; 1 if there is none."""
    return (own + TINY) / (own + other + TINY)


def hold(place: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """How far places [S, S, 2] are inside of a photo of (width, height) px, 0 to 1."""
    x, y = place[..., 0], place[..., 1]
    width, height = size
    inside = np.minimum.reduce([x, y, width - 1 - x, height - 1 - y])
    border = max(2.0, BORDER * min(size))
    return ramp(inside, (-0.5 * border, 1.5 * border)).astype(np.float32)


def find_sources(
    view: View, reach: Reach, held: np.ndarray, photo_size: tuple[int, int]
) -> Sources:
    """Where the pixels of a view come from.

    Args:
      view: of the head.
      reach: where the view reads the photo.
      held: how far that is inside of the photo, from `hold`.
      photo_size: its width and height in px.
    """
    scale, surface = float(view.camera.scale), view.surface
    core, far = Core(reach, scale), ramp(reach.angle, FAR)
    own_place, other_place = reach.place, view.other.place
    own, other = view.own.weight, view.other.weight
    if far:  # the middle of a profile is seen from neither side, so what is next to it is smeared
        face = surface & (view.part == FACE)
        own_place, other_place = (
            np.where(face[..., None], core.move_inside(place), place)
            for place in (own_place, other_place)
        )
        missing = far * face * (1 - np.minimum(1, 2 * (own + other)))
        nearer = view.own.facing >= view.other.facing
        own, other = np.maximum(own, missing * nearer), np.maximum(other, missing * ~nearer)
    inside = core.at(own_place)
    own = _soften(own * held * ramp(inside, SURE), scale)
    own = np.maximum(own, _smeared(view, reach) * held)
    ghost = 0.95 * reach.turned * ramp(inside, GHOST) * ramp(reach.beside, AWAY)
    # Head and scene meet in a soft edge, so each is needed a little beyond it.
    on_head, off_head = tuple(reach.on_head), tuple(reach.off_head)
    edge = ndimage.gaussian_filter(surface.astype(np.float32), EDGE)
    scene = (held * (1 - ghost))[off_head]
    own = 1 - reach.turned * (1 - (scene + (own[on_head] - scene) * edge))
    other = other * hold(other_place, photo_size) * ramp(core.at(other_place), SURE)
    other = _soften(other, scale)[on_head] * edge * (1 - own)
    none = np.zeros_like(own)
    return _create(own_place, other_place[on_head], own, other, other, none, scale)


def replace_side(sources: Sources, side: FarSide, scale: float) -> Sources:
    """Sources with a far side; nothing else of the scene is mirrored. `scale`: px a cm."""
    share, rest = side.share, sources.other_weight * (1 - side.share)
    place = np.where((side.alike > rest)[..., None], side.place, sources.other)
    own, other = sources.own_weight * (1 - share), rest + share
    return _create(sources.own, place, own, other, np.maximum(other, side.alike), share, scale)


def _create(
    own_place: np.ndarray,
    other_place: np.ndarray,
    own: np.ndarray,
    other: np.ndarray,
    alike: np.ndarray,
    far: np.ndarray,
    scale: float,
) -> Sources:
    choice = ndimage.gaussian_filter(own / (own + other + TINY), SOFT_CHOICE * scale)
    maps = own_place, other_place, own, other, ramp(choice, CHOICE), alike, far
    return Sources(*(map_.astype(np.float32) for map_ in maps))


class Core:
    """Where a photo surely shows the head, by the outline of the fitted head.

    Args:
      reach: of a portrait.
      scale: px a cm of its frame.
    """

    def __init__(self, reach: Reach, scale: float):
        self._matrix, self._inverse = reach.upright, frame.invert(reach.upright)
        inset = CORE * scale
        core = _shrunk(reach.outline, inset)
        self._map = ndimage.gaussian_filter(core.astype(np.float32), inset / 2)

    def at(self, place: np.ndarray) -> np.ndarray:
        """How surely it does at places [S, S, 2] in px of the photo, 0 to 1."""
        return _look_up(self._map, self._upright(place))

    def move_inside(self, place: np.ndarray) -> np.ndarray:
        """Places [S, S, 2], those beside the head moved to the nearest in it."""
        places = nearest(self._map > 0.5)[0][::-1].astype(np.float32)
        places = ndimage.gaussian_filter(places, (0, 1, 1))  # they are whole numbers
        upright = self._upright(place)
        moved = np.stack([_look_up(axis, upright) for axis in places], axis=-1)
        moved = frame.apply(self._matrix, moved.reshape(-1, 2)).reshape(place.shape)
        stays = ramp(_look_up(self._map, upright), INSIDE)[..., None]
        return place * stays + moved * (1 - stays)

    def _upright(self, place: np.ndarray) -> np.ndarray:
        return frame.apply(self._inverse, place.reshape(-1, 2)).reshape(place.shape)


def _shrunk(mask: np.ndarray, radius: float) -> np.ndarray:
    """The pixels of a mask [S, S] that are more than so many px inside; fast for few px."""
    reach = int(radius)
    padded, size = np.pad(mask, reach), len(mask)
    steps = range(-reach, reach + 1)
    return np.logical_and.reduce([
        padded[reach + down : reach + down + size, reach + across : reach + across + size]
        for down in steps
        for across in steps
        if down**2 + across**2 <= radius**2
    ])  # fmt: skip


def _look_up(image: np.ndarray, place: np.ndarray) -> np.ndarray:
    """An image [H, W] at places [S, S, 2] in px, linear."""
    return ndimage.map_coordinates(image, [place[..., 1], place[..., 0]], order=1, mode="nearest")


def _smeared(view: View, reach: Reach) -> np.ndarray:
    """How much the place itself is taken, [S, S], 0 to 1, whatever the photo shows of it."""
    scale = float(view.camera.scale)
    height = (view.eyes - np.arange(len(view.surface))[:, None]) / scale
    hair = (view.part == SKULL) * ramp(height, HAIR)
    neck = view.surface & (view.part == NECK)  # it does not turn as the head does
    smeared = np.maximum.reduce([1 - ramp(reach.inside, RIM), hair, neck])
    smeared = smeared * (1 - ramp(reach.angle, FAR))
    smeared = np.maximum(smeared, 1 - ramp(reach.angle, HARDLY))
    behind = 1 - ramp(ndimage.gaussian_filter(reach.person, FEATHER * scale), PERSON)
    return smeared * (1 - behind * ramp(height, JAW))


def _soften(weight: np.ndarray, scale: float) -> np.ndarray:
    return np.minimum(weight, ndimage.gaussian_filter(weight, FEATHER * scale))
