"""Which images the sample grids of a run show."""

from collections.abc import Mapping, Sequence

import numpy as np

from facealign.data.load import Examples
from facealign.names import DOMAINS


def choose_samples(splits: Sequence[Mapping[str, Examples]], count: int) -> dict[str, np.ndarray]:
    """`count` images of each split by domain, for the sample grid: uint8 [splits * count, ...].

    Shows as many different people as possible. Pairs each U image with an R image of the same
    subject; of any subject, if the datasets share none.
    """
    chosen: dict[str, list[np.ndarray]] = {domain: [] for domain in splits[0]}
    for data in splits:
        u, r = (data[domain] for domain in DOMAINS)
        for index in _spread_over_subjects(u["subject"], count):
            same = np.flatnonzero(r["subject"] == u["subject"][index])
            row = same[0] if len(same) else index % len(r["image"])
            chosen["unrestricted"].append(u["image"][index])
            for domain in chosen.keys() - {"unrestricted"}:  # R and turned R: the same row
                chosen[domain].append(data[domain]["image"][row])
    return {domain: np.stack(images) for domain, images in chosen.items()}


def _spread_over_subjects(subjects: np.ndarray, count: int) -> np.ndarray:
    """Indices [count] of photos of different people; people repeat if there are too few."""
    people, person = np.unique(subjects, return_inverse=True)
    order = np.argsort(person, kind="stable")
    first = np.searchsorted(person[order], person[order])
    place = np.arange(len(order)) - first  # 0 for a person's first photo, 1 for the second, ...
    rounds = order[np.lexsort((person[order], place))]
    pool = rounds[: max(len(people), count)]
    return pool[np.linspace(0, len(pool) - 1, count).astype(int)]
