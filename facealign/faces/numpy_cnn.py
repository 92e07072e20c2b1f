"""Small convolutional networks in NumPy, for processes without JAX and images of any size."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class Layer(NamedTuple):
    """A convolution with bias."""

    kernel: np.ndarray  # float32 [k, k, channels in, channels out]
    bias: np.ndarray  # float32 [channels out]
    stride: int = 1
    padding: int = 0  # zeros on every side


def run_layers(layers: Sequence[Layer], image: np.ndarray) -> np.ndarray:
    """Applies layers with ReLU between them: float32 [H, W, C] -> [h, w, channels of the last].

    Raises:
      ValueError: the input of a layer is smaller than its kernel.
    """
    x = image
    for number, layer in enumerate(layers):
        x = _convolve(x if number == 0 else np.maximum(x, 0), layer)
    return x


def _convolve(x: np.ndarray, layer: Layer) -> np.ndarray:
    """A convolution as one matrix product of patches; as fast as XLA, without compilation."""
    side, stride, padding = len(layer.kernel), layer.stride, layer.padding
    if padding:
        x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    patches = sliding_window_view(x, (side, side), axis=(0, 1))[::stride, ::stride]
    height, width = patches.shape[:2]
    rows = patches.transpose(0, 1, 3, 4, 2).reshape(height * width, -1)
    out = rows @ layer.kernel.reshape(rows.shape[1], -1) + layer.bias
    return out.reshape(height, width, -1)
