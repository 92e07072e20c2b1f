"""What a network sees of a portrait that it is to complete: colours, and where these come from."""

import numpy as np

from facealign.faces.turning.layout import Layout
from facealign.faces.turning.ramp import ramp
from facealign.faces.turning.turn import FACE, INNER

NEAR = (0.0, 2.5)  # cm beside the head over which nothing is the head any more


def draw_maps(layout: Layout) -> np.ndarray:
    """The maps of a portrait frame, float32 [GRID / 2, GRID / 2, MAPS], 0 to 1.

    They are those of `models.completion`, in its order.
    """
    view, reach, held, sources = layout
    face = view.surface & np.isin(view.part, (FACE, *INNER))
    own, other = np.moveaxis(sources.shares, -1, 0)
    head, facing = 1 - ramp(reach.beside, NEAR), view.own.facing * view.surface
    person = np.maximum(reach.person, sources.far)
    maps = [own, other, face, head, facing, person, held]
    return halve(np.stack(maps, axis=-1).clip(0, 1).astype(np.float32))


def halve(image: np.ndarray) -> np.ndarray:
    """The means [H / 2, W / 2, ...] of blocks of 2 x 2 px of an image [H, W, ...]."""
    height, width = image.shape[:2]
    blocks = image.reshape(height // 2, 2, width // 2, 2, *image.shape[2:])
    return blocks.mean(axis=(1, 3))
