"""Photos of heads turned in 3D: the photo's own pixels on its own fitted head; NumPy.

For training a network that reads heads: everything about such a picture is known exactly. It is no
portrait: what the photo hides is mirrored or smeared, and the background is another photo's.
"""

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage

from facealign.geometry import rasterize
from facealign.geometry.head import PARTS, HeadModel

EAR_HEIGHT = 0.0  # cm: y of the upper end of the ears; hair grows above and behind
GROWN = 4.0  # cm above it and behind it over which hair reaches its whole thickness
SMEAR = 3.0  # px of the photo: blur of what is smeared into hidden places
BLUR = 3.0  # px: of a background, in which nobody should be seen
FOREHEAD = 6.0  # cm: z beyond which no hair grows outwards


def with_hair(points: np.ndarray, model: HeadModel, thickness: float) -> np.ndarray:
    """Vertices [V, 3] in cm with the scalp moved outwards by up to `thickness` cm, as hair does."""
    x, y, z = points.T
    scalp = np.isin(model.part, [PARTS.index("head"), PARTS.index("face")])
    above = np.clip((EAR_HEIGHT - y) / GROWN, 0, 1) * np.clip((FOREHEAD + 2 - z) / 4, 0, 1)
    above = np.maximum(above, np.clip((-y - 7) / 3, 0, 1))  # the top of the head to its front
    middle = np.array((0.0, -1.0, 0.0))
    outward = points - middle
    outward = outward / np.linalg.norm(outward, axis=1, keepdims=True)
    ears = np.abs(x) > 7.6  # ears would become horns
    return points + (thickness * above * scalp * ~ears)[:, None] * outward


def turn(
    photo: np.ndarray,
    seen: np.ndarray,
    wanted: np.ndarray,
    model: HeadModel,
    background: np.ndarray,
) -> np.ndarray:
    """The head of a photo from another side, before a background: uint8 [S, S, C].

    Args:
      photo: uint8 [H, W, C].
      seen: the vertices [V, 3] of the head as the photo shows them, from `camera.project`.
      wanted: the same as the new picture shows them.
      model: for its triangles and mirror images.
      background: uint8 [S, S, C].
    """
    found = rasterize.places(
        wanted, seen, model.triangles, background.shape[:2], photo.shape[:2], tolerance=0.5
    )
    corners = model.triangles[np.maximum(found.triangle, 0)]
    shares = found.shares[..., None]
    across = seen[model.mirror][corners][..., :2]  # [S, S, 3, 2]: the mirror image of the triangle
    mirrored = (across * shares).sum(axis=2)
    first, second = across[:, :, 1] - across[:, :, 0], across[:, :, 2] - across[:, :, 0]
    # It faces the camera, and a photo of a near-frontal head shows what does.
    mirror_shown = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0] > 0
    # Hidden on both sides: the nearest pixel of the head that is known.
    place = np.where(found.seen[..., None], found.place, mirrored)
    known = found.mask & (found.seen | mirror_shown)
    if not known.any():
        return background
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    place = place[tuple(nearest)]
    smooth = np.stack([ndimage.gaussian_filter(c, SMEAR) for c in np.moveaxis(photo, -1, 0)], -1)
    colours = np.where(known[..., None], read(photo, place), read(smooth, place))
    edge = ndimage.gaussian_filter(found.mask.astype(np.float32), 0.7)[..., None]
    return np.rint(edge * colours + (1 - edge) * background).astype(np.uint8)


def read(photo: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Pixels of a photo [H, W, C] at places [h, w, 2] in px, bilinear, float [h, w, C]."""
    y, x = place[..., 1], place[..., 0]
    channels = [
        ndimage.map_coordinates(photo[..., c].astype(np.float32), [y, x], order=1, mode="nearest")
        for c in range(photo.shape[2])
    ]
    return np.stack(channels, axis=-1)


def beside(photo: Image.Image, head: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """What is beside a head in an upper corner of a photo, blurred: a background for another head.

    Args:
      photo: in colour.
      head: its vertices [V, 3] in px, or [V, 2].
      size: height and width of the background in px.
      rng: chooses the corner.

    Returns:
      uint8 [size, size, 3].
    """
    width, height = photo.size
    on_the_left = rng.random() < 0.5
    free = head[:, 0].min() if on_the_left else width - head[:, 0].max()
    side = int(np.clip(free, 8, 0.4 * min(width, height)))
    left = 0 if on_the_left else width - side
    large = photo.crop((left, 0, left + side, side)).resize((size, size))
    return np.asarray(large.filter(ImageFilter.GaussianBlur(BLUR)))
