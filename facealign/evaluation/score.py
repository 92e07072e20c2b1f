"""A number of an evaluation, and how sure it is."""

from typing import NamedTuple

import numpy as np

from facealign.metrics.bootstrap import bootstrap_mean


class Score(NamedTuple):
    """A number and the interval that redrawing people gives it; nan with a reason for none."""

    value: float
    low: float = np.nan
    high: float = np.nan
    why: str = ""  # there is no number


Scores = dict[str, Score]


def mean_score(values: np.ndarray, person: np.ndarray) -> Score:
    """Of values [n], with its interval under redrawing of people [n]."""
    numbers, person = np.unique(person, return_inverse=True)
    return Score(float(np.mean(values)), *bootstrap_mean(values, person, len(numbers)))
