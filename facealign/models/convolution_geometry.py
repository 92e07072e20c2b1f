"""Where the taps of a convolution lie. Letters are those of `convolutions`."""

from typing import NamedTuple

import jax


class How(NamedTuple):
    """Static arguments of `down`, `up` and `weigh`."""

    form: str  # "" for the fastest
    stride: int
    ks: tuple[int, int]  # height and width of the kernel
    size: tuple[int, int]  # H, W
    low: tuple[int, int]  # rows of zeros above the large map, columns left of it
    transposed: bool = False  # the kernel is [k, k, D, C], last tap first, as in `nn.ConvTranspose`


def padding(how: How) -> list[tuple[int, int]]:
    """Zeros before and after the rows and the columns of the large map; negative numbers crop."""
    axes = zip(how.size, small_size(how), how.ks, how.low, strict=True)
    return [(low, (small - 1) * how.stride + k - n - low) for n, small, k, low in axes]


def small_size(how: How) -> tuple[int, int]:
    """h, w."""
    return tuple(-(-n // how.stride) for n in how.size)


def channels(function: str, a: jax.Array, b: jax.Array, how: How) -> tuple[int, int]:
    """C and D of the arguments of a function."""
    if function == "weigh":
        return a.shape[3], b.shape[3]
    c, d = b.shape[2:]
    return (d, c) if how.transposed else (c, d)


def mirror(function: str, args: tuple, how: How) -> tuple[str, tuple, How]:
    """Function, arguments and `how` that compute the same, with small and large map exchanged.

    For maps of equal size, which stride 1 has.
    """
    low = tuple(k - 1 - zeros for k, zeros in zip(how.ks, how.low, strict=True))
    other = {"down": "up", "up": "down", "weigh": "weigh"}[function]
    args = args[::-1] if function == "weigh" else args
    return other, args, how._replace(low=low, transposed=not how.transposed)


def plain(kernel: jax.Array, how: How) -> jax.Array:
    """A kernel [k, k, C, D], first tap first, from one as `how` says; or the other way round."""
    return kernel[::-1, ::-1].swapaxes(2, 3) if how.transposed else kernel
