"""How far two sets of features are apart, as distributions."""

from collections.abc import Callable

import numpy as np

SEED, HALVINGS = 0, 10  # of `across_halves`


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Squared Frechet distance of Gaussians with the means and covariances of [N, D] and [M, D].

    Dowson & Landau, "The Frechet distance between multivariate normal distributions", 1982. It is
    biased: larger for smaller sets, so compare it only at the same N and M. Both are at least 2.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    mean = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    # Roots r with r.T @ r = covariance. The trace of the root of the product of two covariances is
    # the sum of the singular values of the product of their roots.
    first, second = (
        np.linalg.qr(x - x.mean(axis=0), mode="r") / np.sqrt(len(x) - 1) for x in (a, b)
    )
    cross = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    return float(mean + (first**2).sum() + (second**2).sum() - 2 * cross)


def kid(a: np.ndarray, b: np.ndarray) -> float:
    """Unbiased kernel distance of features [N, D] and [M, D]; N, M at least 2.

    The squared maximum mean discrepancy under the kernel (x . y / D + 1)^3, Binkowski et al.,
    "Demystifying MMD GANs", 2018. Its mean is 0 where both come from one distribution, so single
    values may be below 0.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float(_off_diagonal_mean(_kernel(a, a)) + _off_diagonal_mean(_kernel(b, b))
                 - 2 * _kernel(a, b).mean())  # fmt: skip


def across_halves(
    distance: Callable[[np.ndarray, np.ndarray], float],
    features: np.ndarray,
    person: np.ndarray,
    real: np.ndarray,
    real_person: np.ndarray,
) -> tuple[float, float]:
    """Distance from features of one half of the people to real photos of the other half.

    With `features = real` it is the floor: the distance of perfect outputs.

    Args:
      distance: `frechet` or `kid`.
      features: [N, D], whose people are numbered by `person` [N].
      person: [N].
      real: [M, D], whose people are numbered by `real_person` [M].
      real_person: [M].

    Returns:
      Mean and standard deviation over `HALVINGS` random halvings, both ways of each; nan if a half
      has fewer than two rows. A half uses at most as many rows of the features as it has real
      ones, since a distance may depend on the number of rows.
    """
    rng = np.random.default_rng(SEED)
    people = np.unique(np.concatenate([person, real_person]))
    values = []
    for _ in range(HALVINGS):
        order = rng.permutation(people)
        halves = order[: len(order) // 2], order[len(order) // 2 :]
        for here, there in (halves, halves[::-1]):
            rows = rng.permutation(np.flatnonzero(np.isin(person, here)))
            rows = rows[: np.isin(real_person, here).sum()]
            others = real[np.isin(real_person, there)]
            if min(len(rows), len(others)) < 2:
                return np.nan, np.nan
            values.append(distance(features[rows], others))
    return float(np.mean(values)), float(np.std(values))


def nearest_distances(features: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Root mean square distances [N] of features [N, D] to the nearest of others [M, D]."""
    a, b = (np.asarray(x, np.float32) for x in (features, others))
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    closest = others[squares.argmin(axis=1)]
    # Again by subtraction: the sums above are rounded, so that an exact copy would not get 0.
    return np.sqrt(((a - closest) ** 2).mean(axis=1))


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _off_diagonal_mean(table: np.ndarray) -> float:
    return (table.sum() - np.trace(table)) / (len(table) * (len(table) - 1))
