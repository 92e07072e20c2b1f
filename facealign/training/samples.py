"""Which images the sample grids of a run show."""

from collections.abc import Mapping, Sequence

import numpy as np

from facealign.data.load import Examples
from facealign.names import DOMAINS


def choose_samples(splits: Sequence[Mapping[str, Examples]], count: int) -> dict[str, Examples]:
    """`count` examples of each split by domain, for the sample grid: [splits * count, ...].

    Shows as many different people as possible. Pairs each U image with its own R image, if they
    come in pairs, else with one of the same subject; of any subject, if the datasets share none.
    """
    chosen: dict[str, list[Examples]] = {domain: [] for domain in splits[0]}
    for data in splits:
        u, r = (data[domain] for domain in DOMAINS)
        indices = _spread_over_subjects(u["subject"], count)
        rows = indices
        if not np.array_equal(u["subject"], r["subject"]):
            rows = [_row_of(u["subject"][index], r["subject"], index) for index in indices]
        for domain, parts in chosen.items():  # R and turned R: the same rows
            where = np.asarray(indices if domain == "unrestricted" else rows)
            parts.append({name: values[where] for name, values in data[domain].items()})
    return {
        domain: {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        for domain, parts in chosen.items()
    }


def _row_of(subject: str, subjects: np.ndarray, index: int) -> int:
    """The first row of a subject, or any if there is none."""
    same = np.flatnonzero(subjects == subject)
    return same[0] if len(same) else index % len(subjects)


def _spread_over_subjects(subjects: np.ndarray, count: int) -> np.ndarray:
    """Indices [count] of photos of different people; people repeat if there are too few."""
    people, person = np.unique(subjects, return_inverse=True)
    order = np.argsort(person, kind="stable")
    first = np.searchsorted(person[order], person[order])
    place = np.arange(len(order)) - first  # 0 for a person's first photo, 1 for the second, ...
    rounds = order[np.lexsort((person[order], place))]
    pool = rounds[: max(len(people), count)]
    return pool[np.linspace(0, len(pool) - 1, count).astype(int)]
