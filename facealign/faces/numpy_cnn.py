"""Small convolutional networks in NumPy, for processes without JAX and images of any size."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

EPSILON = 1e-5  # of `layers.BatchNorm`
BLOCK = 2**17  # numbers in the patches of a block: 512 kB


class Layer(NamedTuple):
    """A convolution with bias."""

    kernel: np.ndarray  # float32 [k, k, channels in, channels out]
    bias: np.ndarray  # float32 [channels out]
    stride: int = 1
    padding: tuple[int, int] = (0, 0)  # zeros above and left; below and right


def fold(arrays: Mapping[str, np.ndarray], role: str, number: int, stride: int) -> Layer:
    """The convolution `conv_NUMBER` of a role's packed weights, with `norm_NUMBER` after it.

    Args:
      arrays: float32, by ROLE/params/... and ROLE/batch_stats/...
      role: of the network.
      number: of the layer.
      stride: of the convolution; the sides of its input are multiples of it.

    Raises:
      KeyError: there is no such layer.
    """
    kernel = arrays[f"{role}/params/conv_{number}/kernel"]
    name = f"norm_{number}"
    scale, bias = (arrays[f"{role}/params/{name}/{each}"] for each in ("scale", "bias"))
    mean, var = (arrays[f"{role}/batch_stats/{name}/{each}"] for each in ("mean", "var"))
    factor = scale / np.sqrt(var + EPSILON)
    size = len(kernel)
    before = (size - stride) // 2  # of SAME padding
    return Layer(kernel * factor, bias - mean * factor, stride, (before, size - stride - before))


def run_layers(layers: Sequence[Layer], image: np.ndarray) -> np.ndarray:
    """Applies layers with ReLU between them: float32 [H, W, C] -> [h, w, channels of the last].

    Raises:
      ValueError: the input of a layer is smaller than its kernel.
    """
    x = image
    for number, layer in enumerate(layers):
        x = run(x if number == 0 else np.maximum(x, 0, out=x), layer)
    return x


def run(x: np.ndarray, layer: Layer) -> np.ndarray:
    """One layer, by matrix products: as fast as XLA, without compilation. As `run_layers`."""
    if any(layer.padding):
        x = np.pad(x, (layer.padding, layer.padding, (0, 0)))
    if min(x.shape[:2]) < len(layer.kernel):
        raise ValueError(f"the kernel {layer.kernel.shape} is larger than the input {x.shape}")
    few = layer.kernel.shape[3] == 1 and layer.stride == 1
    return (_products_first if few else _patches_first)(x, layer) + layer.bias


def _patches_first(x: np.ndarray, layer: Layer) -> np.ndarray:
    """The products of patches and the kernel, some rows at a time: so many as the cache holds."""
    side, stride = len(layer.kernel), layer.stride
    patches = sliding_window_view(x, (side, side), axis=(0, 1))[::stride, ::stride]
    patches = patches.transpose(0, 1, 3, 4, 2)
    (height, width), size = patches.shape[:2], layer.kernel[..., 0].size
    kernel = layer.kernel.reshape(size, -1)
    out, rows = np.empty((height, width, kernel.shape[1]), x.dtype), max(1, BLOCK // (width * size))
    for start in range(0, height, rows):
        some = patches[start : start + rows].reshape(-1, size)
        np.matmul(some, kernel, out=out[start : start + rows].reshape(len(some), -1))
    return out


def _products_first(x: np.ndarray, layer: Layer) -> np.ndarray:
    """For one filter: the products of pixels and the kernel, of which the result is sums."""
    side, channels = len(layer.kernel), x.shape[2]
    height, width = x.shape[0] - side + 1, x.shape[1] - side + 1
    products = layer.kernel.reshape(-1, channels) @ x.reshape(-1, channels).T
    products = products.reshape(side, side, *x.shape[:2])
    places = np.ndindex(side, side)
    return sum(products[i, j, i : i + height, j : j + width] for i, j in places)[..., None]
