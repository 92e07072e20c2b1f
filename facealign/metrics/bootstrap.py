"""Numbers with an interval that says how much they would change with other test people."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

DRAWS = 300
SEED = 0
COVERED = 95  # percent of the draws that lie within an interval


class Score(NamedTuple):
    """A number and its interval, of nan where it has none."""

    value: float  # nan where there is no number
    low: float = np.nan
    high: float = np.nan
    why: str = ""  # why there is no number


Scores = dict[str, Score]


def bootstrap(
    statistic: Callable[[np.ndarray], float], people: int, draws: int = DRAWS
) -> tuple[float, float]:
    """The 95 % interval of a statistic when whole people are drawn again, with replacement.

    Photos of one person are alike, so drawing photos would give too narrow an interval. Efron,
    "Bootstrap methods: another look at the jackknife", 1979, percentile method.

    Args:
      statistic: of an array of person numbers [people], in which a number may occur repeatedly.
      people: how many there are.
      draws: how many; those in which the statistic is nan are left out.

    Returns:
      The ends of the interval; nan for one person, or where every draw is nan.
    """
    if people < 2:
        return np.nan, np.nan
    return _interval(np.array([statistic(drawn) for drawn in _draw(people, draws)]))


def bootstrap_mean(values: np.ndarray, person: np.ndarray, people: int) -> tuple[float, float]:
    """`bootstrap` of the mean of values [N] of photos whose people are numbered by `person` [N]."""
    if people < 2:
        return np.nan, np.nan
    drawn = _draw(people, DRAWS)
    times = (drawn[:, :, None] == np.arange(people)).sum(axis=1)  # [draws, people]: how often drawn
    sums, counts = np.bincount(person, values, people), np.bincount(person, minlength=people)
    return _interval(times @ sums / np.maximum(times @ counts, 1))


def mean_score(values: np.ndarray, person: np.ndarray) -> Score:
    """The mean of values [N] with its interval; `person` [N] are any numbers of their people."""
    numbers, person = np.unique(person, return_inverse=True)
    return Score(float(np.mean(values)), *bootstrap_mean(values, person, len(numbers)))


def rows_by_person(person: np.ndarray, people: int) -> Callable[[np.ndarray], np.ndarray]:
    """A function from drawn people to the rows of their photos, given person numbers [N]."""
    rows = [np.flatnonzero(person == number) for number in range(people)]
    none = np.zeros(0, int)
    return lambda drawn: np.concatenate([none, *(rows[number] for number in drawn)])


def _draw(people: int, draws: int) -> np.ndarray:
    """Person numbers [draws, people]."""
    return np.random.default_rng(SEED).integers(people, size=(draws, people))


def _interval(values: np.ndarray) -> tuple[float, float]:
    """The ends between which the middle `COVERED` percent of the values lie; nan is left out."""
    values = np.sort(values[~np.isnan(values)])
    if not len(values):
        return np.nan, np.nan
    # Nearest rank: interpolation between infinities (missed faces) would give nan.
    shares = (100 - COVERED) / 200, (100 + COVERED) / 200
    return tuple(float(values[round(share * (len(values) - 1))]) for share in shares)
