"""How much a number would move with other people in the test: bootstrap over subjects."""

from collections.abc import Callable

import numpy as np

DRAWS = 300
COVERED = 95  # per cent


def bootstrap(
    statistic: Callable[[np.ndarray], float], people: int, seed: int = 0, draws: int = DRAWS
) -> tuple[float, float]:
    """The 95 % interval of a statistic under redrawing of whole people, with replacement.

    Photos of one person are alike, so that redrawing photos would give too narrow an interval.
    Efron, "Bootstrap methods: another look at the jackknife", 1979, percentile method.

    Args:
      statistic: of an array of person numbers [people], some of them more than once.
      people: how many; with one there is nothing to redraw, and both ends are nan.
      seed: of the draw.
      draws: how many; those in which the statistic is nan are left out.
    """
    if people < 2:
        return np.nan, np.nan
    rng = np.random.default_rng(seed)
    values = np.array([statistic(rng.integers(people, size=people)) for _ in range(draws)])
    values = np.sort(values[~np.isnan(values)])
    if not len(values):
        return np.nan, np.nan
    # Nearest rank, since interpolation between infinities (missed faces) is no number.
    low, high = ((100 - COVERED) / 200, (100 + COVERED) / 200)
    ranks = (round(share * (len(values) - 1)) for share in (low, high))
    return tuple(float(values[rank]) for rank in ranks)


def rows_by_person(person: np.ndarray, people: int) -> Callable[[np.ndarray], np.ndarray]:
    """From drawn people to the rows of their photos: person numbers [N] -> function to indices."""
    rows = [np.flatnonzero(person == number) for number in range(people)]
    return lambda drawn: np.concatenate([rows[number] for number in drawn])
