"""Strided and transposed convolutions that are fast on a CPU as well as on a GPU.

Letters: B batch; H, W and C height, width and channels of the large map, h, w and D of the small
one (h = ceil(H / s)); k kernel size, s stride. Padding is SAME, and nothing has a bias.

Three functions, each linear in both of its arguments, are one another's gradients of any order:

    down(x [B, H, W, C], kernel [k, k, C, D]) -> y [B, h, w, D], a convolution
    up(y, kernel) -> x, its adjoint in x
    weigh(x, y) -> kernel, its adjoint in the kernel

so that each is computed in the way that is fast for it, whatever it is a gradient of.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

DIMENSIONS = ("NHWC", "HWIO", "NHWC")
THIN = 8  # channels of the large map below which 'thin' is faster than 'phases'
TILE = 32  # channels; XLA's convolution on a CPU takes longer for 16 than for 32
WIDE = 128  # channels; with fewer, XLA's convolution on a CPU leaves short rows to one core


class How(NamedTuple):
    """What the three functions know besides their arguments."""

    form: str  # as in `formulation`
    stride: int
    ks: tuple[int, int]  # of the kernel
    size: tuple[int, int]  # H, W
    low: tuple[int, int]  # zeros above and left of the large map
    turned: bool = False  # the kernel is [k, k, D, C], last tap first, as in `nn.ConvTranspose`


_portable: ContextVar[bool] = ContextVar("portable", default=False)


@contextmanager
def portable() -> Iterator[None]:
    """What is traced inside leaves all to the backend: programs that run elsewhere are made so."""
    token = _portable.set(True)
    try:
        yield
    finally:
        _portable.reset(token)


def formulation(size: int, taps: int, channels: int) -> str:
    """How to compute the three functions: the one place where the backend and sizes decide.

    - 'lax': what XLA makes of it, the best on a GPU or TPU. On a CPU `up` multiplies the zeros
      between pixels, and a map smaller than the kernel takes a hundred times as long.
    - 'phases': `up` is a stride-1 convolution for every phase of the stride, the rest is XLA's.
    - 'thin': `up` is one product of matrices, and a sum of its shifted columns; the rest is XLA's.
    - 'products': all three are products of matrices; all that a pixel sees is a row of one.

    `python benchmarks/layers.py` measures them.

    Args:
        size: the smaller side of the small map.
        taps: the larger side of the kernel.
        channels: of the large map.
    """
    if _portable.get() or jax.default_backend() != "cpu":
        return "lax"
    if size < taps:
        return "products"
    return "thin" if channels < THIN else "phases"


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
    ks, (c, d), size = kernel.shape[:2], kernel.shape[2:], x.shape[1:3]
    mirrored = stride == 1 and d < THIN <= c  # both maps are as large: let the thin one be x
    form = form or formulation(-(-min(size) // stride), max(ks), d if mirrored else c)
    low = tuple(_low(n, k, stride) for n, k in zip(size, ks, strict=True))
    how = How(form, stride, ks, size, low)
    if form == "lax":
        return _strided(x, kernel, how)
    if mirrored:
        low = tuple(k - 1 - zeros for k, zeros in zip(ks, low, strict=True))
        return up(x, kernel, how._replace(low=low, turned=True))
    return down(x, kernel, how)


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
    s, (h, w) = stride, x.shape[1:3]
    form = form or formulation(min(h, w), max(kernel.shape[:2]), kernel.shape[3])
    if form == "lax":
        return lax.conv_transpose(x, kernel, (s, s), "SAME", dimension_numbers=DIMENSIONS)
    size, ks = (h * s, w * s), kernel.shape[:2]
    low = tuple(_low(n, k, s) for n, k in zip(size, ks, strict=True))
    return up(x, kernel, How(form, s, ks, size, low, turned=True))


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def down(x: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """[B, H, W, C], [k, k, C, D] -> [B, h, w, D]."""
    if how.form == "products":
        rows = "dp" if how.turned else "pd"
        return jnp.einsum(f"bhwp,{rows}->bhwd", _patches(x, how), _matrix(kernel, how))
    if how.turned:
        kernel = kernel[::-1, ::-1].swapaxes(2, 3)
    d, w = kernel.shape[3], -(-x.shape[2] // how.stride)
    if d >= WIDE:
        return _strided(x, kernel, how)
    if d < TILE and w % 2 == 0:
        return _strided_pairs(x, kernel, how)
    return _strided(x, kernel, how) if x.shape[3] < THIN else _strided_abreast(x, kernel, how)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def up(y: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """[B, h, w, D], [k, k, C, D] -> [B, H, W, C]."""
    (b, h, w, _), s = y.shape, how.stride
    phases = [_phases(k, s, low) for k, low in zip(how.ks, how.low, strict=True)]
    if how.form == "phases":
        if not how.turned:
            kernel = kernel[::-1, ::-1].swapaxes(2, 3)
        x = _phases_by_convolution(y, kernel, s, phases)
    else:
        rows = "dp" if how.turned else "pd"
        taps = jnp.einsum(f"bhwd,{rows}->bhwp", y, _matrix(kernel, how))
        taps = taps.reshape(b, h, w, *how.ks, -1)
        taps = taps[:, :, :, ::-1, ::-1] if how.turned else taps
        x = [_phase_by_sum(taps, i, j) for i in phases[0] for j in phases[1]]
    x = jnp.stack(x, axis=3).reshape(b, h, w, s, s, -1).swapaxes(2, 3)
    return x.reshape(b, h * s, w * s, -1)[:, : how.size[0], : how.size[1]]


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def weigh(x: jax.Array, y: jax.Array, how: How) -> jax.Array:
    """[B, H, W, C], [B, h, w, D] -> [k, k, C, D]."""
    c, d = x.shape[3], y.shape[3]
    if how.form == "products":
        if how.turned:
            kernel = jnp.einsum("bhwd,bhwp->dp", y, _patches(x, how)).reshape(d, *how.ks, c)
            return kernel.transpose(1, 2, 0, 3)
        return jnp.einsum("bhwp,bhwd->pd", _patches(x, how), y).reshape(*how.ks, c, d)
    if c < THIN:
        kernel = jax.ShapeDtypeStruct((*how.ks, c, d), x.dtype)
        kernel = jax.linear_transpose(lambda kernel: _strided(x, kernel, how), kernel)(y)[0]
    else:
        parts = 1 + (len(x) % 2 == 0)  # a core each
        x, y = (half.reshape(parts, -1, *half.shape[1:]) for half in (x, y))
        kernel = sum(_weigh_by_convolution(*part, how) for part in zip(x, y, strict=True))
    return kernel[::-1, ::-1].swapaxes(2, 3) if how.turned else kernel


def _define_gradients(function, gradients):
    function.defvjp(lambda a, b, how: (function(a, b, how), (a, b)), gradients)


_define_gradients(down, lambda how, args, g: (up(g, args[1], how), weigh(args[0], g, how)))
_define_gradients(up, lambda how, args, g: (down(g, args[1], how), weigh(g, args[0], how)))
_define_gradients(weigh, lambda how, args, g: (up(args[1], g, how), down(args[0], g, how)))


def _low(n: int, k: int, s: int) -> int:
    """Zeros before n pixels under SAME padding, the same for a convolution and a transposed one."""
    return max((-(-n // s) - 1) * s + k - n, 0) // 2


def _padding(how: How) -> list[tuple[int, int]]:
    """Zeros before and after rows and columns of the large map; less than none crops it."""
    return [
        (low, (-(-n // how.stride) - 1) * how.stride + k - n - low)
        for n, k, low in zip(how.size, how.ks, how.low, strict=True)
    ]


def _convolve(x: jax.Array, kernel: jax.Array, strides: tuple[int, int], padding) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, strides, padding, dimension_numbers=DIMENSIONS)


def _strided(x: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """`down` by XLA."""
    return _convolve(x, kernel, (how.stride, how.stride), _padding(how))


def _strided_pairs(x: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """`down` by XLA, two neighbours in a row as one pixel of 2 * D channels; w must be even."""
    s = how.stride
    pair = [jnp.pad(kernel, [(0, 0), (j, s - j), (0, 0), (0, 0)]) for j in (0, s)]
    y = _convolve(x, jnp.concatenate(pair, axis=-1), (s, 2 * s), _padding(how))
    b, h, w, d = y.shape
    return y.reshape(b, h, 2 * w, d // 2)


def _strided_abreast(x: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """`down` by XLA of one picture in which all images of the batch stand side by side."""
    (b, _, w, _), (_, k, _, d), s = x.shape, kernel.shape, how.stride
    rows, (left, right) = _padding(how)
    out = -(-w // s)
    period = max(out * s, w + max(left, right))  # zeros after an image are those before the next
    period += -period % s
    y = _convolve(_abreast(x, left, period), kernel, (s, s), (rows, (0, k - s)))
    return y.reshape(-1, b, period // s, d)[:, :, :out].swapaxes(0, 1)


def _abreast(x: jax.Array, left: int, period: int) -> jax.Array:
    """[B, H, W, C] -> [1, H, B * period, C], zeros around each image."""
    b, h, w, c = x.shape
    pads = [(0, 0, 0), (0, 0, 0), (left, period - w - left, 0), (0, 0, 0)]
    return lax.pad(x.swapaxes(0, 1), jnp.zeros((), x.dtype), pads).reshape(1, h, b * period, c)


def _weigh_by_convolution(x: jax.Array, y: jax.Array, how: How) -> jax.Array:
    """`weigh` as a convolution over rows and, as one axis, columns and channels of x by y.

    What is summed last, images, lies innermost in x, and the result lies as a kernel does. XLA's
    own way has the channels outermost instead, which takes twice as long to bring about.
    """
    (b, h, w, c), d, s = x.shape, y.shape[3], how.stride
    rows, (left, right) = _padding(how)
    kernel = lax.conv_general_dilated(
        x.reshape(b, -1).T.reshape(1, h, w * c, b),
        y.transpose(1, 2, 0, 3),
        (1, 1),
        (rows, (left * c, right * c)),
        rhs_dilation=(s, s * c),
        dimension_numbers=DIMENSIONS,
    )
    return kernel.reshape(*how.ks, c, d)


def _matrix(kernel: jax.Array, how: How) -> jax.Array:
    """The kernel as [k * k * C, D], or [D, k * k * C] if it is turned; D or C stays innermost."""
    if how.turned:
        return kernel.transpose(2, 0, 1, 3).reshape(kernel.shape[2], -1)
    return kernel.reshape(-1, kernel.shape[3])


def _patches(x: jax.Array, how: How) -> jax.Array:
    """All that each pixel of the small map sees: [B, h, w, k * k * C]."""
    s = how.stride
    pads = [(low, high, 0) for low, high in [(0, 0), *_padding(how), (0, 0)]]
    x = lax.pad(x, jnp.zeros((), x.dtype), pads)
    h, w = ((n - k) // s + 1 for n, k in zip(x.shape[1:3], how.ks, strict=True))
    rows, cols = ([*range(k)][:: -1 if how.turned else 1] for k in how.ks)
    x = jnp.concatenate([x[:, :, j : j + s * w : s][:, :, :w] for j in cols], axis=-1)
    return jnp.concatenate([x[:, i : i + s * h : s][:, :h] for i in rows], axis=-1)


def _phases(k: int, s: int, low: int) -> list[dict[int, int]]:
    """What the pixels p, p + s, ... of a large axis see, for every phase p of the stride.

    Returns:
        For each phase the taps, the last first, and where they find their pixel of the small map:
        at m + offset for the m-th pixel of the phase. Offsets rise by 1.
    """
    return [
        {tap: (p + low - tap) // s for tap in reversed(range((p + low) % s, k, s))}
        for p in range(s)
    ]


def _phases_by_convolution(
    y: jax.Array, kernel: jax.Array, s: int, phases: list[list[dict[int, int]]]
) -> list[jax.Array]:
    """All phases [B, h, w, C] of `up`; the kernel is turned."""
    if kernel.shape[3] >= WIDE:
        return [_phase_by_convolution(y, kernel, s, i, j) for i in phases[0] for j in phases[1]]
    b, h, w, _ = y.shape
    offsets = [offset for cols in phases[1] for offset in cols.values()]
    left, right = -min(offsets), max(offsets)
    y = _abreast(y, left, w + max(left, right))
    x = [_phase_by_convolution(y, kernel, s, i, j) for i in phases[0] for j in phases[1]]
    x = [phase.reshape(h, b, -1, phase.shape[3])[:, :, left : left + w] for phase in x]
    return [phase.swapaxes(0, 1) for phase in x]


def _phase_by_convolution(
    y: jax.Array, kernel: jax.Array, s: int, rows: dict[int, int], cols: dict[int, int]
) -> jax.Array:
    """One phase [B, h, w, C] of `up` as a stride-1 convolution; the kernel is turned."""
    if not rows or not cols:  # a stride larger than the kernel
        return jnp.zeros((*y.shape[:3], kernel.shape[3]), y.dtype)
    i, j = kernel.shape[0] - 1 - max(rows), kernel.shape[1] - 1 - max(cols)
    kernel = kernel[i::s, j::s]
    pads = [(-min(p.values()), max(p.values())) for p in (rows, cols)]
    return lax.conv_general_dilated(y, kernel, (1, 1), pads, dimension_numbers=DIMENSIONS)


def _phase_by_sum(taps: jax.Array, rows: dict[int, int], cols: dict[int, int]) -> jax.Array:
    """One phase [B, h, w, C] of `up` from all taps [B, h, w, k, k, C] of the small map's pixels."""
    b, h, w, _, _, c = taps.shape
    total = jnp.zeros((b, h, w, c), taps.dtype)
    for i, down in rows.items():
        for j, right in cols.items():
            shift = [(0, 0, 0), (-down, down, 0), (-right, right, 0), (0, 0, 0)]
            total += lax.pad(taps[:, :, :, i, j], jnp.zeros((), taps.dtype), shift)
    return total
