"""The formulations of the functions `down`, `up` and `weigh` of `convolutions`.

Letters are those of `convolutions`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

DIMENSIONS = ("NHWC", "HWIO", "NHWC")
TILE = 32  # channels; on a CPU, XLA's convolution takes longer for 16 channels than for 32
WIDE = 128  # channels; with fewer, XLA's convolution on a CPU computes short rows on one core


class How(NamedTuple):
    """Static arguments of `down`, `up` and `weigh`."""

    form: str  # as in `formulation`
    stride: int
    ks: tuple[int, int]  # height and width of the kernel
    size: tuple[int, int]  # H, W
    low: tuple[int, int]  # rows of zeros above the large map, columns left of it
    transposed: bool = False  # the kernel is [k, k, D, C], last tap first, as in `nn.ConvTranspose`


def padding(how: How) -> list[tuple[int, int]]:
    """Zeros before and after the rows and the columns of the large map; negative numbers crop."""
    return [
        (low, (-(-n // how.stride) - 1) * how.stride + k - n - low)
        for n, k, low in zip(how.size, how.ks, how.low, strict=True)
    ]


def convolve(x: jax.Array, kernel: jax.Array, strides: tuple[int, int], padding) -> jax.Array:
    """A convolution of XLA: [B, H, W, C], [k, k, C, D] -> [B, h, w, D]."""
    return lax.conv_general_dilated(x, kernel, strides, padding, dimension_numbers=DIMENSIONS)


def strided(x: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """`down` as a strided convolution of XLA."""
    return convolve(x, kernel, (how.stride, how.stride), padding(how))


def strided_pairs(x: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """`down` as a convolution of XLA to two neighbouring pixels at once, 2 * D channels; w even."""
    s = how.stride
    pair = [jnp.pad(kernel, [(0, 0), (j, s - j), (0, 0), (0, 0)]) for j in (0, s)]
    y = convolve(x, jnp.concatenate(pair, axis=-1), (s, 2 * s), padding(how))
    b, h, w, d = y.shape
    return y.reshape(b, h, 2 * w, d // 2)


def strided_abreast(x: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """`down` as one convolution of XLA over a map with all images of the batch side by side."""
    (b, _, w, _), (_, k, _, d), s = x.shape, kernel.shape, how.stride
    rows, (left, right) = padding(how)
    out = -(-w // s)
    period = max(out * s, w + max(left, right))  # neighbouring images share the zeros between them
    period += -period % s
    y = convolve(abreast(x, left, period), kernel, (s, s), (rows, (0, k - s)))
    return y.reshape(-1, b, period // s, d)[:, :, :out].swapaxes(0, 1)


def abreast(x: jax.Array, left: int, period: int) -> jax.Array:
    """[B, H, W, C] -> [1, H, B * period, C]: images side by side with zeros around each."""
    b, h, w, c = x.shape
    pads = [(0, 0, 0), (0, 0, 0), (left, period - w - left, 0), (0, 0, 0)]
    return lax.pad(x.swapaxes(0, 1), jnp.zeros((), x.dtype), pads).reshape(1, h, b * period, c)


def weigh_by_convolution(x: jax.Array, y: jax.Array, how: How) -> jax.Array:
    """`weigh` as a convolution of x with y over two axes: rows, and columns with channels.

    In memory, the batch axis is innermost in x, and the result has the layout of a kernel. XLA's
    own gradient has the channels outermost, and its transpositions take twice as long.
    """
    (b, h, w, c), d, s = x.shape, y.shape[3], how.stride
    rows, (left, right) = padding(how)
    kernel = lax.conv_general_dilated(
        x.reshape(b, -1).T.reshape(1, h, w * c, b),
        y.transpose(1, 2, 0, 3),
        (1, 1),
        (rows, (left * c, right * c)),
        rhs_dilation=(s, s * c),
        dimension_numbers=DIMENSIONS,
    )
    return kernel.reshape(*how.ks, c, d)


def matrix(kernel: jax.Array, how: How) -> jax.Array:
    """The kernel as [k * k * C, D], or [D, k * k * C] if transposed; the last axis stays last."""
    if how.transposed:
        return kernel.transpose(2, 0, 1, 3).reshape(kernel.shape[2], -1)
    return kernel.reshape(-1, kernel.shape[3])


def patches(x: jax.Array, how: How) -> jax.Array:
    """The patch of x [B, H, W, C] for each pixel of the small map: [B, h, w, k * k * C]."""
    s = how.stride
    pads = [(low, high, 0) for low, high in [(0, 0), *padding(how), (0, 0)]]
    x = lax.pad(x, jnp.zeros((), x.dtype), pads)
    h, w = ((n - k) // s + 1 for n, k in zip(x.shape[1:3], how.ks, strict=True))
    rows, cols = ([*range(k)][:: -1 if how.transposed else 1] for k in how.ks)
    x = jnp.concatenate([x[:, :, j : j + s * w : s][:, :, :w] for j in cols], axis=-1)
    return jnp.concatenate([x[:, i : i + s * h : s][:, :h] for i in rows], axis=-1)


def phases_of(k: int, s: int, low: int) -> list[dict[int, int]]:
    """Taps and offsets of every phase of the stride. Phase p is the pixels p, p + s, ... of H or W.

    Returns:
        For each phase a dict from tap, the last first, to offset: the m-th pixel of the phase reads
        the small map at m + offset through that tap. Offsets rise by 1.
    """
    return [
        {tap: (p + low - tap) // s for tap in reversed(range((p + low) % s, k, s))}
        for p in range(s)
    ]


def phases_by_convolution(
    y: jax.Array, kernel: jax.Array, s: int, phases: list[list[dict[int, int]]]
) -> list[jax.Array]:
    """All phases [B, h, w, C] of `up` as stride-1 convolutions; the kernel is transposed."""
    if kernel.shape[3] >= WIDE:
        return [phase_by_convolution(y, kernel, s, i, j) for i in phases[0] for j in phases[1]]
    b, h, w, _ = y.shape
    offsets = [offset for cols in phases[1] for offset in cols.values()]
    left, right = -min(offsets), max(offsets)
    y = abreast(y, left, w + max(left, right))
    x = [phase_by_convolution(y, kernel, s, i, j) for i in phases[0] for j in phases[1]]
    x = [phase.reshape(h, b, -1, phase.shape[3])[:, :, left : left + w] for phase in x]
    return [phase.swapaxes(0, 1) for phase in x]


def phase_by_convolution(
    y: jax.Array, kernel: jax.Array, s: int, rows: dict[int, int], cols: dict[int, int]
) -> jax.Array:
    """One phase [B, h, w, C] of `up` as a stride-1 convolution; the kernel is transposed."""
    if not rows or not cols:  # the stride is larger than the kernel
        return jnp.zeros((*y.shape[:3], kernel.shape[3]), y.dtype)
    i, j = kernel.shape[0] - 1 - max(rows), kernel.shape[1] - 1 - max(cols)
    kernel = kernel[i::s, j::s]
    pads = [(-min(p.values()), max(p.values())) for p in (rows, cols)]
    return lax.conv_general_dilated(y, kernel, (1, 1), pads, dimension_numbers=DIMENSIONS)


def phase_by_sum(taps: jax.Array, rows: dict[int, int], cols: dict[int, int]) -> jax.Array:
    """One phase [B, h, w, C] of `up` from the taps [B, h, w, k, k, C] of the small map's pixels."""
    b, h, w, _, _, c = taps.shape
    total = jnp.zeros((b, h, w, c), taps.dtype)
    for i, down in rows.items():
        for j, right in cols.items():
            shift = [(0, 0, 0), (-down, down, 0), (-right, right, 0), (0, 0, 0)]
            total += lax.pad(taps[:, :, :, i, j], jnp.zeros((), taps.dtype), shift)
    return total
