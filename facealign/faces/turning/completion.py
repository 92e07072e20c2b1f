"""Mends a portrait by a network: what no pixel of the photo shows, and what turning got wrong.

The network sees a thumbnail of the whole frame. What it adds is enlarged; where that is much, the
portrait's own details are faults, and fade.
"""

import functools

import numpy as np
from scipy import ndimage

from facealign.faces.turning.completion_input import draw_maps
from facealign.faces.turning.layout import Layout
from facealign.faces.turning.ramp import ramp
from facealign.faces.turning.sources import FAR
from facealign.images import to_float
from facealign.models.apply import NetState, Network
from facealign.models.completion import Completion, apply_completion
from facealign.models.packed_weights import load_net

WEIGHTS = "completion.safetensors"
FADE = (8.0, 32.0)  # gray levels added over which details of the portrait fade
# cm beside the head over which the scene ceases to be mended, above the jaw and below it, where it
# would only fog collars; heights in cm above the eyes, of the jaw and of the chin.
BESIDE, BELOW, JAW, CHIN = (0.3, 1.5), (0.0, 0.4), (-9.0, -6.5), (-12.8, -11.0)
SOFT = 2.0  # px of the grid: how that is smoothed
BLUR = 1.25  # px of the grid: what is left of a portrait without its details, as in a thumbnail


@functools.cache
def load_completion(path: str) -> tuple[Network, NetState]:
    """The network in a file of packed weights.

    Raises:
      UserError: there are no such weights, or they are of other networks.
    """
    return Network(Completion(), None), load_net(path, "completion")


def mend(
    coarse: np.ndarray, layout: Layout, yaw: float, network: Network, net: NetState
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is added to a portrait on the coarse grid, and how much its details fade to what.

    Args:
      coarse: its colours [GRID, GRID, 3], 0 to 255.
      layout: where these come from.
      yaw: of the head in the photo, degrees.
      network, net: from `load_completion`.

    Returns:
      float32 [GRID, GRID, 3] in gray levels; [GRID, GRID] from 0 to 1; and [GRID, GRID, 3], the
      portrait without details.
    """
    seen = (array[None] for array in see(coarse, layout, yaw))
    added = np.asarray(apply_completion(network, net, *seen))[0] * 127.5
    added = added * (layout.reach.turned * _mended(layout))[..., None]
    much = ndimage.gaussian_filter(np.abs(added).mean(axis=-1), SOFT)
    plain = ndimage.gaussian_filter(coarse, (BLUR, BLUR, 0))
    return added, ramp(much, FADE).astype(np.float32), plain


def _mended(layout: Layout) -> np.ndarray:
    """How much a portrait is mended, [GRID, GRID], 0 to 1: the head, and what is close to it.

    Of profiles all is mended, since little of their scene can stay.
    """
    view, beside = layout.view, layout.reach.beside
    height = (view.eyes - np.arange(len(beside))[:, None]) / float(view.camera.scale)
    above, below = (1 - ramp(beside, limits) for limits in (BESIDE, BELOW))
    near = (below + (above - below) * ramp(height, JAW)) * ramp(height, CHIN)
    return near + (1 - near) * ramp(layout.reach.angle, FAR)


def see(coarse: np.ndarray, layout: Layout, yaw: float) -> tuple[np.ndarray, ...]:
    """What the network sees, as the arguments of `apply_completion`, without a batch axis."""
    image = np.asarray(to_float(np.rint(coarse.clip(0, 255)).astype(np.uint8)))
    return image, draw_maps(layout), np.float32(yaw)
