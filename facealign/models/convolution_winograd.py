"""Fewer multiplications: `down`, `up` and `weigh` by Winograd's algorithm along the rows; stride 1.

M neighbouring rows of the small map are, as a function of the k rows of the kernel, the adjoint of
a product of polynomials. From values at P = M + k - 1 points, it takes P multiplications instead of
M * k (S. Winograd, Arithmetic Complexity of Computations, 1980; for convolutions A. Lavin and
S. Gray, arxiv.org/abs/1509.09308). Columns stay as they are. So each function becomes, for each
point, the same function of a kernel of one row, between weighted sums of rows. Rounding errors grow
to about ten times those of a plain sum, 1e-6 of a value.

Letters are those of `convolutions`; T is the number of tiles, groups of M rows.
"""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from facealign.models.convolution_geometry import How, plain

Function = Callable[[jax.Array, jax.Array, How], jax.Array]

POINTS = (0, 1, -1, 2, -2, 0.5)  # and infinity
ROWS = 4  # M
MOST_ROWS = len(POINTS) + 2 - ROWS  # of a kernel; more points, and rounding errors grow


@functools.cache
def matrices(k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A [P, M], G [P, k] and B [P, P] with y = A.T @ ((G @ kernel) * (B @ x)), P = M + k - 1.

    For y[i] = sum over j of x[i + j] * kernel[j].

    Raises:
        ValueError: the kernel has more than MOST_ROWS rows.
    """
    if k > MOST_ROWS:
        raise ValueError(f"a kernel of {k} rows; the points suffice for {MOST_ROWS}")
    p = ROWS + k - 1

    def values(n: int) -> np.ndarray:
        """[P, n]: of a polynomial of n coefficients at all points, as a function of these."""
        finite = np.array(POINTS[: p - 1])[:, None] ** np.arange(n)
        return np.concatenate([finite, np.eye(n)[-1:]])

    return values(ROWS), values(k), np.linalg.inv(values(p)).T


def combine(matrix: np.ndarray, maps: Sequence[jax.Array]) -> list[jax.Array]:
    """Sums of maps of one shape: one for each row of the matrix."""
    return [
        sum(float(weight) * one for weight, one in zip(row, maps, strict=True) if weight)
        for row in matrix
    ]


def tiles(how: How) -> int:
    """How many groups of M rows the small map has."""
    return -(-how.size[0] // ROWS)


def large_rows(x: jax.Array, how: How) -> list[jax.Array]:
    """[B, H, W, C] -> P times [B, T, W, C]: first rows of all tiles and their padding, ..."""
    p, t = ROWS + how.ks[0] - 1, tiles(how)
    after = (t - 1) * ROWS + p - how.low[0] - x.shape[1]
    x = jnp.pad(x, [(0, 0), (how.low[0], max(after, 0)), (0, 0), (0, 0)])
    return [x[:, j::ROWS][:, :t] for j in range(p)]


def small_rows(y: jax.Array, how: How) -> list[jax.Array]:
    """[B, h, w, D] -> M times [B, T, w, D]: first rows of all tiles, second rows, ..."""
    y = jnp.pad(y, [(0, 0), (0, tiles(how) * ROWS - y.shape[1]), (0, 0), (0, 0)])
    return [y[:, i::ROWS] for i in range(ROWS)]


def join(rows: list[jax.Array]) -> jax.Array:
    """M times [B, T, W, C] -> [B, M * T, W, C]."""
    b, t, w, c = rows[0].shape
    return jnp.stack(rows, axis=2).reshape(b, t * ROWS, w, c)


def at_point(how: How) -> How:
    """Of the function at each point, in its fastest form."""
    size, ks, low = (tiles(how), how.size[1]), (1, how.ks[1]), (0, how.low[1])
    return How("", 1, ks, size, low)


def kernels(kernel: jax.Array, how: How) -> list[jax.Array]:
    """P times [1, k, C, D]."""
    kernel = plain(kernel, how)
    return combine(matrices(how.ks[0])[1], [kernel[i : i + 1] for i in range(how.ks[0])])


def down(x: jax.Array, kernel: jax.Array, how: How, function: Function) -> jax.Array:
    """`down` of `convolutions`; `function` computes that of one point."""
    a, _, b = matrices(how.ks[0])
    pairs = zip(combine(b, large_rows(x, how)), kernels(kernel, how), strict=True)
    small = [function(*pair, at_point(how)) for pair in pairs]
    return join(combine(a.T, small))[:, : how.size[0]]


def up(y: jax.Array, kernel: jax.Array, how: How, function: Function) -> jax.Array:
    """`up` of `convolutions`; `function` computes that of one point."""
    a, _, b = matrices(how.ks[0])
    pairs = zip(combine(a, small_rows(y, how)), kernels(kernel, how), strict=True)
    rows = combine(b.T, [function(*pair, at_point(how)) for pair in pairs])
    first = [jnp.pad(row, [(0, 0), (0, 1), (0, 0), (0, 0)]) for row in rows[:ROWS]]
    rest = [jnp.pad(row, [(0, 0), (1, 0), (0, 0), (0, 0)]) for row in rows[ROWS:]]  # next tile's
    rows = [one + rest[i] if i < len(rest) else one for i, one in enumerate(first)]
    return join(rows)[:, how.low[0] : how.low[0] + how.size[0]]


def weigh(x: jax.Array, y: jax.Array, how: How, function: Function) -> jax.Array:
    """`weigh` of `convolutions`; `function` computes that of one point."""
    a, g, b = matrices(how.ks[0])
    pairs = zip(combine(b, large_rows(x, how)), combine(a, small_rows(y, how)), strict=True)
    kernel = jnp.concatenate(combine(g.T, [function(*pair, at_point(how)) for pair in pairs]))
    return plain(kernel, how)
