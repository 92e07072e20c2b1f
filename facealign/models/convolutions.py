"""Strided and transposed convolutions that are fast on a CPU as well as on a GPU.

Letters: B is the batch size; H, W and C are height, width and channels of the large map, h, w and D
those of the small map (h = ceil(H / s)); k is the kernel size and s the stride. Padding is SAME,
without bias.

Everything is built from three functions, each linear in both of its arguments:

    down(x [B, H, W, C], kernel [k, k, C, D]) -> y [B, h, w, D], a convolution
    up(y, kernel) -> x, the adjoint of `down` in x
    weigh(x, y) -> kernel, the adjoint of `down` in the kernel

The gradients of each are the other two, to any order. So the form that is fastest on a CPU for each
of them (`convolution_choice`) serves the forward pass and all gradients. Other platforms take XLA's
own convolutions. It is the platform that a program is lowered for that counts, not the machine that
traces it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from facealign.models.convolution_choice import compute
from facealign.models.convolution_forms import DIMENSIONS, down_as_xla
from facealign.models.convolution_geometry import How

_portable: ContextVar[bool] = ContextVar("portable", default=False)


@contextmanager
def portable() -> Iterator[None]:
    """Code traced inside uses plain XLA convolutions, so that one program suits every backend."""
    token = _portable.set(True)
    try:
        yield
    finally:
        _portable.reset(token)


def conv(x: jax.Array, kernel: jax.Array, stride: int = 1, form: str = "") -> jax.Array:
    """`nn.Conv` with SAME padding and no bias.

    Args:
        x: [B, H, W, C].
        kernel: [k, k, C, D].
        stride: the same for rows and columns.
        form: one of FORMS; "" takes the fastest.

    Returns:
        [B, ceil(H / stride), ceil(W / stride), D].
    """
    x, kernel = _of_one_dtype(x, kernel)
    size, ks = x.shape[1:3], kernel.shape[:2]
    how = How(form, stride, ks, size, _low(size, ks, stride))
    return down_as_xla(x, kernel, how) if _portable.get() else down(x, kernel, how)


def conv_transpose(x: jax.Array, kernel: jax.Array, stride: int = 2, form: str = "") -> jax.Array:
    """`nn.ConvTranspose` with SAME padding and no bias.

    Args:
        x: [B, H, W, C].
        kernel: [k, k, C, D].
        stride: the same for rows and columns.
        form: one of FORMS; "" takes the fastest.

    Returns:
        [B, H * stride, W * stride, D].
    """
    x, kernel = _of_one_dtype(x, kernel)
    if _portable.get():
        strides = stride, stride
        return lax.conv_transpose(x, kernel, strides, "SAME", dimension_numbers=DIMENSIONS)
    size, ks = (x.shape[1] * stride, x.shape[2] * stride), kernel.shape[:2]
    return up(x, kernel, How(form, stride, ks, size, _low(size, ks, stride), transposed=True))


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def down(x: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """[B, H, W, C], [k, k, C, D] -> [B, h, w, D]."""
    return _compute("down", x, kernel, how)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def up(y: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """[B, h, w, D], [k, k, C, D] -> [B, H, W, C]."""
    return _compute("up", y, kernel, how)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def weigh(x: jax.Array, y: jax.Array, how: How) -> jax.Array:
    """[B, H, W, C], [B, h, w, D] -> [k, k, C, D]."""
    return _compute("weigh", x, y, how)


def _compute(function: str, a: jax.Array, b: jax.Array, how: How) -> jax.Array:
    """One of the functions, in the form of `how` or in the best one of each platform."""
    if how.form:
        return compute(function, a, b, how)
    return lax.platform_dependent(
        *(a, b),
        cpu=lambda a, b: compute(function, a, b, how),
        default=lambda a, b: compute(function, a, b, how._replace(form="lax")),
    )


def _define_gradients(function, gradients):
    function.defvjp(lambda a, b, how: (function(a, b, how), (a, b)), gradients)


_define_gradients(down, lambda how, args, g: (up(g, args[1], how), weigh(args[0], g, how)))
_define_gradients(up, lambda how, args, g: (down(g, args[1], how), weigh(g, args[0], how)))
_define_gradients(weigh, lambda how, args, g: (up(args[1], g, how), down(args[0], g, how)))


def _of_one_dtype(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Both in the wider of their dtypes."""
    dtype = jnp.promote_types(x.dtype, kernel.dtype)
    return x.astype(dtype), kernel.astype(dtype)


def _low(size: tuple[int, ...], ks: tuple[int, ...], s: int) -> tuple[int, ...]:
    """Zeros before the pixels under SAME padding; convolution and transposed one agree."""
    pairs = zip(size, ks, strict=True)
    return tuple(max((-(-n // s) - 1) * s + k - n, 0) // 2 for n, k in pairs)
