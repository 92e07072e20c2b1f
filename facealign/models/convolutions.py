"""Strided and transposed convolutions that are fast on a CPU as well as on a GPU.

Letters: B is the batch size; H, W and C are height, width and channels of the large map, h, w and D
those of the small map (h = ceil(H / s)); k is the kernel size and s the stride. Padding is SAME,
without bias.

Everything is built from three functions, each linear in both of its arguments:

    down(x [B, H, W, C], kernel [k, k, C, D]) -> y [B, h, w, D], a convolution
    up(y, kernel) -> x, the adjoint of `down` in x
    weigh(x, y) -> kernel, the adjoint of `down` in the kernel

The gradients of each are the other two, to any order. So each function has one fast formulation,
used in the forward pass and in all gradients.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from facealign.models.convolution_forms import (
    DIMENSIONS,
    TILE,
    WIDE,
    How,
    matrix,
    patches,
    phase_by_sum,
    phases_by_convolution,
    phases_of,
    strided,
    strided_abreast,
    strided_pairs,
    weigh_by_convolution,
)

THIN = 8  # channels of the large map; 'thin' is faster than 'phases' below this


_portable: ContextVar[bool] = ContextVar("portable", default=False)


@contextmanager
def portable() -> Iterator[None]:
    """Code traced inside uses plain XLA convolutions, so that it suits every backend."""
    token = _portable.set(True)
    try:
        yield
    finally:
        _portable.reset(token)


def formulation(size: int, taps: int, channels: int) -> str:
    """The fastest way to compute the three functions on this backend for these sizes.

    - 'lax': plain XLA, the fastest on a GPU or TPU. On a CPU, `up` multiplies by the zeros between
      pixels, and a map smaller than the kernel takes a hundred times as long.
    - 'phases': `up` is one stride-1 convolution for each phase of the stride; the rest is XLA.
    - 'thin': `up` is one matrix product and a sum of its shifted columns; the rest is XLA.
    - 'products': all three are matrix products, with one patch in a row.

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
        form: as in `formulation`; None takes the one that `formulation` chooses.

    Returns:
        [B, ceil(H / stride), ceil(W / stride), D].
    """
    ks, (c, d), size = kernel.shape[:2], kernel.shape[2:], x.shape[1:3]
    mirrored = stride == 1 and d < THIN <= c  # maps of equal size: make the thin one the large map
    form = form or formulation(-(-min(size) // stride), max(ks), d if mirrored else c)
    low = tuple(_low(n, k, stride) for n, k in zip(size, ks, strict=True))
    how = How(form, stride, ks, size, low)
    if form == "lax":
        return strided(x, kernel, how)
    if mirrored:
        low = tuple(k - 1 - zeros for k, zeros in zip(ks, low, strict=True))
        return up(x, kernel, how._replace(low=low, transposed=True))
    return down(x, kernel, how)


def conv_transpose(
    x: jax.Array, kernel: jax.Array, stride: int = 2, form: str | None = None
) -> jax.Array:
    """`nn.ConvTranspose` with SAME padding and no bias.

    Args:
        x: [B, H, W, C].
        kernel: [k, k, C, D].
        stride: the same for rows and columns.
        form: as in `formulation`; None takes the one that `formulation` chooses.

    Returns:
        [B, H * stride, W * stride, D].
    """
    s, (h, w) = stride, x.shape[1:3]
    form = form or formulation(min(h, w), max(kernel.shape[:2]), kernel.shape[3])
    if form == "lax":
        return lax.conv_transpose(x, kernel, (s, s), "SAME", dimension_numbers=DIMENSIONS)
    size, ks = (h * s, w * s), kernel.shape[:2]
    low = tuple(_low(n, k, s) for n, k in zip(size, ks, strict=True))
    return up(x, kernel, How(form, s, ks, size, low, transposed=True))


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def down(x: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """[B, H, W, C], [k, k, C, D] -> [B, h, w, D]."""
    if how.form == "products":
        rows = "dp" if how.transposed else "pd"
        return jnp.einsum(f"bhwp,{rows}->bhwd", patches(x, how), matrix(kernel, how))
    if how.transposed:
        kernel = kernel[::-1, ::-1].swapaxes(2, 3)
    d, w = kernel.shape[3], -(-x.shape[2] // how.stride)
    if d >= WIDE:
        return strided(x, kernel, how)
    if d < TILE and w % 2 == 0:
        return strided_pairs(x, kernel, how)
    return strided(x, kernel, how) if x.shape[3] < THIN else strided_abreast(x, kernel, how)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def up(y: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """[B, h, w, D], [k, k, C, D] -> [B, H, W, C]."""
    (b, h, w, _), s = y.shape, how.stride
    phases = [phases_of(k, s, low) for k, low in zip(how.ks, how.low, strict=True)]
    if how.form == "phases":
        if not how.transposed:
            kernel = kernel[::-1, ::-1].swapaxes(2, 3)
        x = phases_by_convolution(y, kernel, s, phases)
    else:
        rows = "dp" if how.transposed else "pd"
        taps = jnp.einsum(f"bhwd,{rows}->bhwp", y, matrix(kernel, how))
        taps = taps.reshape(b, h, w, *how.ks, -1)
        taps = taps[:, :, :, ::-1, ::-1] if how.transposed else taps
        x = [phase_by_sum(taps, i, j) for i in phases[0] for j in phases[1]]
    x = jnp.stack(x, axis=3).reshape(b, h, w, s, s, -1).swapaxes(2, 3)
    return x.reshape(b, h * s, w * s, -1)[:, : how.size[0], : how.size[1]]


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def weigh(x: jax.Array, y: jax.Array, how: How) -> jax.Array:
    """[B, H, W, C], [B, h, w, D] -> [k, k, C, D]."""
    c, d = x.shape[3], y.shape[3]
    if how.form == "products":
        if how.transposed:
            kernel = jnp.einsum("bhwd,bhwp->dp", y, patches(x, how)).reshape(d, *how.ks, c)
            return kernel.transpose(1, 2, 0, 3)
        return jnp.einsum("bhwp,bhwd->pd", patches(x, how), y).reshape(*how.ks, c, d)
    if c < THIN:
        kernel = jax.ShapeDtypeStruct((*how.ks, c, d), x.dtype)
        kernel = jax.linear_transpose(lambda kernel: strided(x, kernel, how), kernel)(y)[0]
    else:
        parts = 1 + (len(x) % 2 == 0)  # two halves run on two cores
        x, y = (half.reshape(parts, -1, *half.shape[1:]) for half in (x, y))
        kernel = sum(weigh_by_convolution(*part, how) for part in zip(x, y, strict=True))
    return kernel[::-1, ::-1].swapaxes(2, 3) if how.transposed else kernel


def _define_gradients(function, gradients):
    function.defvjp(lambda a, b, how: (function(a, b, how), (a, b)), gradients)


_define_gradients(down, lambda how, args, g: (up(g, args[1], how), weigh(args[0], g, how)))
_define_gradients(up, lambda how, args, g: (down(g, args[1], how), weigh(g, args[0], how)))
_define_gradients(weigh, lambda how, args, g: (up(args[1], g, how), down(args[0], g, how)))


def _low(n: int, k: int, s: int) -> int:
    """Zeros before n pixels under SAME padding; convolution and transposed convolution agree."""
    return max((-(-n // s) - 1) * s + k - n, 0) // 2
