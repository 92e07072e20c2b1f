"""`down`, `up` and `weigh` of `convolutions` as calls of oneDNN. Letters are those of there."""

import jax
import jax.numpy as jnp

from facealign.models.convolution_geometry import How, channels, padding, small_size
from facealign.models.onednn import Shape, convolve


def compute(function: str, a: jax.Array, b: jax.Array, how: How) -> jax.Array:
    """One of the functions."""
    if function == "weigh" and a.dtype == jnp.bfloat16:  # oneDNN 3.2 takes several times as long
        return compute(function, a.astype(jnp.float32), b.astype(jnp.float32), how).astype(a.dtype)
    flipped = how.transposed and max(how.ks) > 1  # oneDNN wants the first tap first
    b = b[::-1, ::-1] if flipped and function != "weigh" else b
    strides = how.stride, how.stride
    shapes = shapes_of(function, a, b, how)
    out = convolve(function, a, b, shapes, strides, padding(how), how.transposed)
    return out[::-1, ::-1] if flipped and function == "weigh" else out


def compute_abreast(function: str, a: jax.Array, b: jax.Array, how: How) -> jax.Array:
    """`down` or `up` of small maps: the batch becomes a third spatial axis, of a kernel of size 1.

    So each product has the whole batch as its rows, and taps in the padding are left out. There is
    no `weigh`: that of oneDNN 3.2 over three axes writes outside of its memory for some kernels.
    """
    turned = slice(None, None, -1 if how.transposed else None)  # less work than to turn the kernel
    pads = [(high, low) if how.transposed else (low, high) for low, high in padding(how)]

    def abreast(maps: jax.Array) -> jax.Array:
        return maps[:, turned, turned].transpose(1, 2, 0, 3)[None]

    (n, *large, c), (_, *small, d), (*ks, i, o) = shapes_of(function, a, b, how)
    shapes = (1, *large, n, c), (1, *small, n, d), (*ks, 1, i, o)
    args, strides = (abreast(a), b[:, :, None]), (how.stride, how.stride, 1)
    out = convolve(function, *args, shapes, strides, [*pads, (0, 0)], how.transposed)
    return out[0].transpose(2, 0, 1, 3)[:, turned, turned]


def shapes_of(function: str, a: jax.Array, b: jax.Array, how: How) -> tuple[Shape, Shape, Shape]:
    """Of large map, small map and kernel."""
    c, d = channels(function, a, b, how)
    kernel = (d, c) if how.transposed else (c, d)
    return (len(a), *how.size, c), (len(a), *small_size(how), d), (*how.ks, *kernel)
