"""Convolutions, batch normalization and resampling that are fast on a CPU as well as on a GPU.

Letters: B batch, H height, W width, C and D channels in and out; k kernel size, s stride.

Parameters have the names, shapes and initializers of `nn.Conv`, `nn.ConvTranspose` and
`nn.BatchNorm`, and results equal theirs; only the way to compute them differs.
"""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def formulation(size: int, taps: int, channels: int) -> str:
    """How to compute a convolution: the one place where the backend and sizes decide.

    - 'lax': what XLA makes of it, the best on a GPU or TPU. On a CPU the gradients of a stride
      fall off a cliff (transposed 5x5, 16 -> 32 px, weights: 480 ms for 13).
    - 'phases': a stride-1 convolution for every phase of the stride; no zero is multiplied.
    - 'blocks': the phases side by side, as channels of one convolution. A third more products,
      but a phase with few channels leaves the cores idle (128 px, 1 -> 16: 50 ms for 32).
    - 'patches': all that a pixel sees as a row of a matrix, and a product of matrices. XLA's
      convolution is slow where the map is smaller than the kernel (4 -> 2 px: 1,500 ms for 21).

    Times: forward and backward, batch 32, two cores, jax 0.10.

    Args:
        size: the smaller side of the map that a phase sees.
        taps: the larger side of the kernel that a phase sees.
        channels: the smaller number of channels, in or out.
    """
    if jax.default_backend() != "cpu":
        return "lax"
    if size < taps:
        return "patches"
    return "blocks" if channels < 8 else "phases"


class Phase(NamedTuple):
    """What one phase of a stride sees along one axis: taps first, first + s, ...; zero padding."""

    first: int
    low: int
    high: int


def _phases(starts: list[int], k: int, s: int) -> list[Phase]:
    """Phases from the tap of the full kernel (0 to k-1, before or after it) over their pixel 0."""
    return [Phase(i % s, i // s, len(range(i % s, k, s)) - 1 - i // s) for i in starts]


def _cut(kernel: jax.Array, i: Phase, j: Phase, s: int) -> jax.Array:
    """The taps [k', k', C, D] of kernel [k, k, C, D] for phase i of the rows, j of the columns."""
    return kernel[i.first :: s, j.first :: s]


def _cut_alike(kernel: jax.Array, rows: list[Phase], cols: list[Phase], s: int) -> list[jax.Array]:
    """The taps of all phases, row by row, with zeros such that all need the same padding."""
    (top, bottom), (left, right) = _widest(rows), _widest(cols)
    return [
        jnp.pad(
            _cut(kernel, i, j, s),
            [(top - i.low, bottom - i.high), (left - j.low, right - j.high), (0, 0), (0, 0)],
        )
        for i in rows
        for j in cols
    ]


def _widest(phases: list[Phase]) -> tuple[int, int]:
    return max(p.low for p in phases), max(p.high for p in phases)


def space_to_depth(x: jax.Array, s: int) -> jax.Array:
    """[B, H, W, C] -> [B, H/s, W/s, s*s*C]; every s x s block becomes one pixel."""
    b, h, w, c = x.shape
    x = x.reshape(b, h // s, s, w // s, s, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h // s, w // s, s * s * c)


def depth_to_space(x: jax.Array, s: int) -> jax.Array:
    """[B, H, W, s*s*C] -> [B, s*H, s*W, C]; the inverse of `space_to_depth`."""
    b, h, w, c = x.shape
    x = x.reshape(b, h, w, s, s, c // (s * s)).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h * s, w * s, c // (s * s))


def _dense_conv(
    x: jax.Array, kernel: jax.Array, padding: list[tuple[int, int]], form: str, s: int = 1
) -> jax.Array:
    """A convolution of x [B, H, W, C] with kernel [kh, kw, C, D] under explicit padding."""
    if form != "patches":
        return lax.conv_general_dilated(x, kernel, (s, s), padding, dimension_numbers=DIMENSIONS)
    (top, bottom), (left, right) = padding  # a negative one crops
    pads = [(0, 0, 0), (top, bottom, 0), (left, right, 0), (0, 0, 0)]
    x = lax.pad(x, jnp.zeros((), x.dtype), pads)
    kh, kw, _, d = kernel.shape
    h, w = x.shape[1] - kh + 1, x.shape[2] - kw + 1
    taps = [x[:, i : i + h : s, j : j + w : s] for i in range(kh) for j in range(kw)]
    return jnp.concatenate(taps, axis=-1) @ kernel.reshape(-1, d)


def conv(x: jax.Array, kernel: jax.Array, stride: int = 1, form: str | None = None) -> jax.Array:
    """`nn.Conv` with SAME padding and no bias.

    Args:
        x: [B, H, W, C].
        kernel: [k, k, C, D].
        stride: the same for rows and columns.
        form: as in `formulation`; None lets it choose.

    Returns:
        [B, ceil(H / stride), ceil(W / stride), D].
    """
    s, sizes, ks = stride, x.shape[1:3], kernel.shape[:2]
    outs = [-(-n // s) for n in sizes]
    form = form or formulation(min(outs), -(-max(ks) // s), min(kernel.shape[2:]))
    if form in ("lax", "patches"):  # patches of the whole kernel: to cut a large one takes 15 ms
        return _dense_conv(x, kernel, lax.padtype_to_pads(sizes, ks, (s, s), "SAME"), form, s)
    fill = [(0, out * s - n) for n, out in zip(sizes, outs, strict=True)]
    x = jnp.pad(x, [(0, 0), *fill, (0, 0)]) if any(map(any, fill)) else x
    rows, cols = (
        _phases([max((out - 1) * s + k - n, 0) // 2 + p for p in range(s)], k, s)
        for n, out, k in zip(sizes, outs, ks, strict=True)
    )
    if form == "blocks":
        kernel = jnp.concatenate(_cut_alike(kernel, rows, cols, s), axis=2)
        return _dense_conv(space_to_depth(x, s), kernel, [_widest(rows), _widest(cols)], form)
    return sum(
        _dense_conv(x[:, a::s, b::s], _cut(kernel, i, j, s), [i[1:], j[1:]], form)
        for a, i in enumerate(rows)
        for b, j in enumerate(cols)
        if i.first < ks[0] and j.first < ks[1]
    )


def conv_transpose(
    x: jax.Array, kernel: jax.Array, stride: int = 2, form: str | None = None
) -> jax.Array:
    """`nn.ConvTranspose` with SAME padding and no bias.

    Args:
        x: [B, H, W, C].
        kernel: [k, k, C, D].
        stride: the same for rows and columns.
        form: as in `formulation`; None lets it choose.

    Returns:
        [B, H * stride, W * stride, D].
    """
    s, (b, h, w, _), ks = stride, x.shape, kernel.shape[:2]
    form = form or formulation(min(h, w), -(-max(ks) // s), min(kernel.shape[2:]))
    if form == "lax":
        return lax.conv_transpose(x, kernel, (s, s), "SAME", dimension_numbers=DIMENSIONS)
    rows, cols = (
        _phases([(k - 1 if s > k - 1 else (k + s - 1) // 2) - p for p in range(s)], k, s)
        for k in ks
    )
    if form == "blocks":
        kernel = jnp.concatenate(_cut_alike(kernel, rows, cols, s), axis=3)
        return depth_to_space(_dense_conv(x, kernel, [_widest(rows), _widest(cols)], form), s)
    y = [
        _dense_conv(x, _cut(kernel, i, j, s), [i[1:], j[1:]], form)
        if i.first < ks[0] and j.first < ks[1]
        else jnp.zeros((b, h, w, kernel.shape[3]), x.dtype)  # a stride larger than the kernel
        for i in rows
        for j in cols
    ]
    return depth_to_space(jnp.concatenate(y, axis=-1), s)


class Conv(nn.Module):
    """`nn.Conv` with SAME padding: [B, H, W, C] -> [B, ceil(H/s), ceil(W/s), features]."""

    features: int
    kernel_size: int
    stride: int = 1
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return _apply_kernel(self, conv, x)


class ConvTranspose(nn.Module):
    """`nn.ConvTranspose` with SAME padding: [B, H, W, C] -> [B, H*s, W*s, features]."""

    features: int
    kernel_size: int
    stride: int = 2
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return _apply_kernel(self, conv_transpose, x)


def _apply_kernel(layer: Conv | ConvTranspose, function: Callable, x: jax.Array) -> jax.Array:
    """`conv` or `conv_transpose` of x with the parameters of the layer that calls it."""
    shape = (layer.kernel_size, layer.kernel_size, x.shape[-1], layer.features)
    y = function(x, layer.param("kernel", nn.initializers.lecun_normal(), shape), layer.stride)
    if layer.use_bias:
        y = y + layer.param("bias", nn.initializers.zeros_init(), (layer.features,))
    return y


class BatchNorm(nn.Module):
    """`nn.BatchNorm` of x [..., C] over all axes but the last.

    With train, the mean and the (biased) variance of the batch are used, and the running ones in
    `batch_stats` move towards them: new = momentum * old + (1 - momentum) * batch. Statistics are
    float32 whatever x is.
    """

    use_scale: bool = True
    use_bias: bool = True
    momentum: float = 0.9
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        c = x.shape[-1]
        ra_mean = self.variable("batch_stats", "mean", jnp.zeros, (c,))
        ra_var = self.variable("batch_stats", "var", jnp.ones, (c,))
        if train:
            axes = tuple(range(x.ndim - 1))
            wide = x.astype(jnp.float32)
            mean = wide.mean(axes)
            var = jnp.maximum(jnp.square(wide).mean(axes) - jnp.square(mean), 0.0)
            if not self.is_initializing():
                m = self.momentum
                ra_mean.value = m * ra_mean.value + (1 - m) * mean
                ra_var.value = m * ra_var.value + (1 - m) * var
        else:
            mean, var = ra_mean.value, ra_var.value
        factor = lax.rsqrt(var + self.epsilon)
        if self.use_scale:
            factor = factor * self.param("scale", nn.initializers.ones_init(), (c,))
        offset = -mean * factor
        if self.use_bias:
            offset = offset + self.param("bias", nn.initializers.zeros_init(), (c,))
        # (x - mean) * factor keeps a second map for the backward pass: 7 % of a step.
        return (x * factor + offset).astype(x.dtype)


def max_pool(x: jax.Array) -> jax.Array:
    """[B, H, W, C] -> [B, H/2, W/2, C]: maximum of every 2 x 2 block; H and W even."""
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))


def upsample(x: jax.Array) -> jax.Array:
    """[B, H, W, C] -> [B, 2H, 2W, C]: every pixel becomes a 2 x 2 block."""
    b, h, w, c = x.shape
    x = jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c))
    return x.reshape(b, 2 * h, 2 * w, c)
