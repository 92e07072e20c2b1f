"""How far two sets of features are apart, as distributions."""

import numpy as np


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Squared Frechet distance of Gaussians with the means and covariances of [N, D] and [M, D].

    Dowson & Landau, "The Frechet distance between multivariate normal distributions", 1982. It is
    larger for smaller sets, so compare it only at the same N and M; each at least 2.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    mean = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    first, second = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    # The trace of the root of first @ second, which is alike to a symmetric matrix.
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(0)).sum()
    return float(mean + np.trace(first) + np.trace(second) - 2 * cross)


def mmd(a: np.ndarray, b: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy of features [N, D] and [M, D]; N, M at least 2.

    Under the kernel (x . y / D + 1)^3 of KID, Binkowski et al., "Demystifying MMD GANs", 2018.
    Below 0 now and then, since its mean is 0 where both come from one distribution.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float(_off_diagonal_mean(_kernel(a, a)) + _off_diagonal_mean(_kernel(b, b))
                 - 2 * _kernel(a, b).mean())  # fmt: skip


def kid(
    a: np.ndarray, b: np.ndarray, seed: int = 0, size: int = 100, subsets: int = 100
) -> tuple[float, float]:
    """Kernel distance of [N, D] and [M, D]: mean and standard deviation of `mmd` over subsets.

    Args:
      a, b: features; at least 2 rows each.
      seed: of the draw.
      size: rows of each subset, at most; drawn without replacement.
      subsets: how many.
    """
    rng = np.random.default_rng(seed)
    draws = [
        mmd(*(x[rng.choice(len(x), min(size, len(x)), replace=False)] for x in (a, b)))
        for _ in range(subsets)
    ]
    return float(np.mean(draws)), float(np.std(draws))


def nearest(features: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Root mean square distance [N] of each of [N, D] to the nearest of [M, D]."""
    a, b = (np.asarray(x, np.float32) for x in (features, others))
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    closest = others[squares.argmin(axis=1)]
    # Once more by subtraction: an exact copy is at 0, which the sums above would miss by rounding.
    return np.sqrt(((a - closest) ** 2).mean(axis=1))


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _off_diagonal_mean(table: np.ndarray) -> float:
    return (table.sum() - np.trace(table)) / (len(table) * (len(table) - 1))
