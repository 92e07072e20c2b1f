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
    drawn = np.random.default_rng(seed).integers(people, size=(draws, people))
    return _middle(np.array([statistic(row) for row in drawn]))


def bootstrap_mean(
    values: np.ndarray, person: np.ndarray, people: int, seed: int = 0, draws: int = DRAWS
) -> tuple[float, float]:
    """`bootstrap` of the mean of values [N] of the photos of people, numbered by `person` [N]."""
    if people < 2:
        return np.nan, np.nan
    drawn = np.random.default_rng(seed).integers(people, size=(draws, people))
    times = (drawn[:, :, None] == np.arange(people)).sum(axis=1)  # each person is drawn
    sums, counts = np.bincount(person, values, people), np.bincount(person, minlength=people)
    return _middle(times @ sums / np.maximum(times @ counts, 1))


def rows_by_person(person: np.ndarray, people: int) -> Callable[[np.ndarray], np.ndarray]:
    """From drawn people to the rows of their photos: person numbers [N] -> function to indices."""
    rows = [np.flatnonzero(person == number) for number in range(people)]
    none = np.zeros(0, int)
    return lambda drawn: np.concatenate([none, *(rows[number] for number in drawn)])


def _middle(values: np.ndarray) -> tuple[float, float]:
    """The ends between which the middle `COVERED` per cent of the values lie, nan left out."""
    values = np.sort(values[~np.isnan(values)])
    if not len(values):
        return np.nan, np.nan
    # Nearest rank, since interpolation between infinities (missed faces) is no number.
    shares = (100 - COVERED) / 200, (100 + COVERED) / 200
    return tuple(float(values[round(share * (len(values) - 1))]) for share in shares)
