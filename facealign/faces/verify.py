"""Tells whether what the detector found is a face, in NumPy, without JAX."""

import math
from collections.abc import Mapping

import numpy as np
from PIL import Image
from scipy import ndimage

from facealign.faces.numpy_cnn import fold, run
from facealign.geometry import frame
from facealign.geometry.face_cells import Faces
from facealign.geometry.face_window import LAYERS, REACH, SIZE, even_out, to_window


class Verifier:
    """A trained verifier.

    Args:
      arrays: its packed weights, float32 by name.

    Raises:
      KeyError: they are no verifier's.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        strides = [stride for *_, stride in LAYERS]
        self._layers = [fold(arrays, "verifier", *each) for each in enumerate(strides)]
        self._kernel, self._bias = (
            arrays[f"verifier/params/head/{name}"] for name in ("kernel", "bias")
        )

    def __call__(self, photo: Image.Image, faces: Faces) -> np.ndarray:
        """How likely each is a face, [N], from 0 to 1."""
        logits = [self._say(window) for window in even_out(cut_windows(photo, faces))]
        return 1 / (1 + np.exp(-np.array(logits, np.float32).clip(-30, 30)))

    def _say(self, window: np.ndarray) -> float:
        x = window
        for layer in self._layers:
            x = np.maximum(run(x, layer), 0)
        return float((x.reshape(-1) @ self._kernel + self._bias)[0])


def cut_windows(photo: Image.Image, faces: Faces) -> np.ndarray:
    """The windows of faces of a gray photo, float32 [N, SIZE, SIZE, 1] in [-1, 1].

    As those of the training (`data.face_candidates.cut`): the photo is halved as often as brings it
    nearest to the size of the window, and read between its pixels; its border is repeated.
    """
    halves, pixels = [photo], [np.asarray(photo, np.float32)]
    windows = np.empty((len(faces.side), SIZE, SIZE, 1), np.float32)
    inside = np.moveaxis(np.indices((SIZE, SIZE), np.float32)[::-1], 0, -1).reshape(-1, 2)
    for window, centre, side, up in zip(windows, faces.centre, faces.side, faces.up, strict=True):
        level = max(0, math.floor(math.log2(REACH * side / SIZE) + 0.5))
        while len(halves) <= level:
            halves.append(halves[-1].reduce(2))
            pixels.append(np.asarray(halves[-1], np.float32))
        places = frame.apply(frame.invert(to_window(centre, side, up)), inside)
        x, y = ((places + 0.5) * 0.5**level - 0.5).T
        read = ndimage.map_coordinates(pixels[level], [y, x], order=1, mode="nearest")
        window[..., 0] = read.reshape(SIZE, SIZE)
    return windows / 127.5 - 1
