"""Tells whether what the detector found is a face, in NumPy, without JAX."""

from collections.abc import Mapping

import numpy as np
from PIL import Image

from facealign.faces.numpy_cnn import fold, run
from facealign.geometry import frame
from facealign.geometry.face_cells import Faces
from facealign.geometry.face_window import LAYERS, SIZE, even_out, to_window


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
    """The windows of faces of a gray photo, float32 [N, SIZE, SIZE, 1] in [-1, 1]."""
    windows = [
        frame.crop(photo, to_window(centre, side, up), SIZE)
        for centre, side, up in zip(faces.centre, faces.side, faces.up, strict=True)
    ]
    return np.array(windows, np.float32).reshape(-1, SIZE, SIZE, 1) / 127.5 - 1
