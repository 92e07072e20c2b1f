"""The forms of `down`, `up` and `weigh` of `convolutions`: the same numbers, computed otherwise.

Letters are those of `convolutions`.
"""

import jax
import jax.numpy as jnp
from jax import lax

from facealign.models.convolution_geometry import How, channels, padding, plain

DIMENSIONS = ("NHWC", "HWIO", "NHWC")
TILE = 32  # channels; on a CPU, XLA's convolution takes longer for 16 channels than for 32
WIDE = 128  # channels; with fewer, XLA's convolution on a CPU computes short rows on one core
THIN = 8  # channels; with fewer, products and XLA's own gradients are faster


def convolve(x: jax.Array, kernel: jax.Array, strides: tuple[int, int], padding) -> jax.Array:
    """A convolution of XLA: [B, H, W, C], [k, k, C, D] -> [B, h, w, D]."""
    return lax.conv_general_dilated(x, kernel, strides, padding, dimension_numbers=DIMENSIONS)


def down_as_xla(x: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """`down` as a strided convolution of XLA."""
    return convolve(x, plain(kernel, how), (how.stride, how.stride), padding(how))


def up_as_xla(y: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """`up` as the adjoint of XLA's strided convolution; on a CPU, it multiplies many zeros."""
    x = jax.ShapeDtypeStruct((len(y), *how.size, channels("up", y, kernel, how)[0]), y.dtype)
    return jax.linear_transpose(lambda x: down_as_xla(x, kernel, how), x)(y)[0]


def weigh_as_xla(x: jax.Array, y: jax.Array, how: How) -> jax.Array:
    """`weigh` as the adjoint of XLA's strided convolution."""
    how, transposed = how._replace(transposed=False), how
    kernel = jax.ShapeDtypeStruct((*how.ks, x.shape[3], y.shape[3]), x.dtype)
    found = jax.linear_transpose(lambda kernel: down_as_xla(x, kernel, how), kernel)(y)[0]
    return plain(found, transposed)


def down_in_tiles(x: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """`down` as a convolution of XLA with enough channels, in rows that are long enough."""
    how, kernel = how._replace(transposed=False), plain(kernel, how)
    d, w = kernel.shape[3], -(-x.shape[2] // how.stride)
    if d < TILE and w % 2 == 0:
        return strided_pairs(x, kernel, how)
    if d < WIDE and x.shape[3] >= THIN:
        return strided_abreast(x, kernel, how)
    return down_as_xla(x, kernel, how)


def up_in_phases(y: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """`up` as a stride-1 convolution of XLA for each phase of the stride."""
    kernel = kernel if how.transposed else kernel[::-1, ::-1].swapaxes(2, 3)
    return interleave(phases_by_convolution(y, kernel, how.stride, phases_of(how)), how)


def weigh_in_halves(x: jax.Array, y: jax.Array, how: How) -> jax.Array:
    """`weigh` as a convolution of XLA for each half of the batch, on two cores."""
    if x.shape[3] < THIN:
        return weigh_as_xla(x, y, how)
    parts = 1 + (len(x) % 2 == 0)
    x, y = (maps.reshape(parts, -1, *maps.shape[1:]) for maps in (x, y))
    return plain(sum(weigh_by_convolution(*part, how) for part in zip(x, y, strict=True)), how)


def down_by_product(x: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """`down` as a matrix product, with one patch in a row."""
    rows = "dp" if how.transposed else "pd"
    return jnp.einsum(f"bhwp,{rows}->bhwd", patches(x, how), matrix(kernel, how))


def up_by_product(y: jax.Array, kernel: jax.Array, how: How) -> jax.Array:
    """`up` as a matrix product and a sum of its shifted columns."""
    rows = "dp" if how.transposed else "pd"
    taps = jnp.einsum(f"bhwd,{rows}->bhwp", y, matrix(kernel, how))
    taps = taps.reshape(*y.shape[:3], *how.ks, -1)
    taps = taps[:, :, :, ::-1, ::-1] if how.transposed else taps
    rows, columns = phases_of(how)
    return interleave([phase_by_sum(taps, i, j) for i in rows for j in columns], how)


def weigh_by_product(x: jax.Array, y: jax.Array, how: How) -> jax.Array:
    """`weigh` as a matrix product."""
    c, d = x.shape[3], y.shape[3]
    if how.transposed:
        kernel = jnp.einsum("bhwd,bhwp->dp", y, patches(x, how)).reshape(d, *how.ks, c)
        return kernel.transpose(1, 2, 0, 3)
    return jnp.einsum("bhwp,bhwd->pd", patches(x, how), y).reshape(*how.ks, c, d)


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
    y = convolve(side_by_side(x, left, period), kernel, (s, s), (rows, (0, k - s)))
    return y.reshape(-1, b, period // s, d)[:, :, :out].swapaxes(0, 1)


def side_by_side(x: jax.Array, left: int, period: int) -> jax.Array:
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


def phases_of(how: How) -> list[list[dict[int, int]]]:
    """Taps and offsets of every phase of the stride. Phase p is the pixels p, p + s, ... of H or W.

    Returns:
        For rows and for columns, and there for each phase, a dict from tap, the last first, to
        offset: the m-th pixel of the phase reads the small map at m + offset through that tap.
        Offsets rise by 1.
    """
    s = how.stride
    return [
        [
            {tap: (p + low - tap) // s for tap in reversed(range((p + low) % s, k, s))}
            for p in range(s)
        ]
        for k, low in zip(how.ks, how.low, strict=True)
    ]


def interleave(phases: list[jax.Array], how: How) -> jax.Array:
    """The large map [B, H, W, C] of all its phases [B, h, w, C]."""
    (b, h, w, c), s = phases[0].shape, how.stride
    x = jnp.stack(phases, axis=3).reshape(b, h, w, s, s, c).swapaxes(2, 3)
    return x.reshape(b, h * s, w * s, c)[:, : how.size[0], : how.size[1]]


def phases_by_convolution(
    y: jax.Array, kernel: jax.Array, s: int, phases: list[list[dict[int, int]]]
) -> list[jax.Array]:
    """All phases [B, h, w, C] of `up` as stride-1 convolutions; the kernel is transposed."""
    if kernel.shape[3] >= WIDE:
        return [phase_by_convolution(y, kernel, s, i, j) for i in phases[0] for j in phases[1]]
    b, h, w, _ = y.shape
    offsets = [offset for cols in phases[1] for offset in cols.values()]
    left, right = -min(offsets), max(offsets)
    y = side_by_side(y, left, w + max(left, right))
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
