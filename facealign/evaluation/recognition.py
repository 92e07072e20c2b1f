"""Whether outputs are recognized as their person."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from facealign.evaluation.baselines import Outputs
from facealign.evaluation.score import Score, Scores, mean_score
from facealign.evaluation.test_photos import FAR, Bench, is_probe
from facealign.faces.measure import Measured
from facealign.metrics import verification
from facealign.metrics.bootstrap import bootstrap, rows_by_person

# From people to the distances of genuine and of impostor pairs.
Pairs = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


class Comparison(NamedTuple):
    """Probes against a gallery of one photo for each of G people."""

    distances: np.ndarray  # [P, G]
    person: np.ndarray  # [P] whose column is the right one


def with_gallery(
    bench: Bench, outputs: Outputs, measured: Measured, rows: np.ndarray
) -> Comparison:
    """Outputs [rows] with one real frontal photo of each person."""
    gallery = bench.measured.descriptor[bench.gallery]
    return _compare(bench, outputs, measured, rows, gallery, bench.gallery >= 0)


def with_outputs(bench: Bench, outputs: Outputs, measured: Measured) -> Comparison:
    """Outputs with the *outputs* of those photos, which a system can fool."""
    place = np.full(len(bench.person), -1)
    place[outputs.rows] = np.arange(len(outputs.rows))
    gallery = np.where(bench.gallery >= 0, place[bench.gallery], -1)
    rows = np.arange(len(outputs.rows))
    return _compare(bench, outputs, measured, rows, measured.descriptor[gallery], gallery >= 0)


def _compare(
    bench: Bench, outputs: Outputs, measured: Measured, rows: np.ndarray, gallery: np.ndarray,
    enrolled: np.ndarray,
) -> Comparison:  # fmt: skip
    rows = rows[is_probe(bench)[outputs.rows[rows]]]
    rows = rows[enrolled[bench.person[outputs.rows[rows]]]]
    columns = np.flatnonzero(enrolled)
    return Comparison(
        verification.distances(measured.descriptor[rows], gallery[columns]),
        np.searchsorted(columns, bench.person[outputs.rows[rows]]),
    )


def make_pairs(comparison: Comparison) -> Pairs:
    """A function from people, drawn more than once or not, to distances of their pairs."""
    table, person = comparison
    rows_of = rows_by_person(person, table.shape[1])

    def pairs(people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = rows_of(people)
        own = person[rows]
        return table[rows, own], table[rows][:, people][own[:, None] != people]

    return pairs


def all_pairs(comparison: Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Distances of genuine [P] and of impostor pairs."""
    return make_pairs(comparison)(np.arange(comparison.distances.shape[1]))


def recognition_scores(comparison: Comparison) -> Scores:
    """TAR, EER, AUC and rank-1."""
    table, person = comparison
    probes, people = table.shape
    if not probes or people < 2:
        why = (
            "needs real frontal photos of two people, and other photos to compare with them, has "
            f"{people} and {probes}"
        )
        return {name: Score(np.nan, why=why) for name in ("TAR", "EER", "AUC", "rank-1")}
    genuine, impostor = all_pairs(comparison)
    return {
        "TAR": tar_score(comparison),
        "EER": Score(verification.eer(genuine, impostor)),
        "AUC": Score(verification.auc(genuine, impostor)),
        "rank-1": mean_score(verification.rank1(table, person, np.arange(people)), person),
    }


def tar_score(comparison: Comparison) -> Score:
    """TAR at `FAR`, refused where there are too few pairs of different people."""
    genuine, impostor = all_pairs(comparison)
    needed = verification.pairs_needed(FAR)
    if len(impostor) < needed:
        why = f"a FAR of {FAR:.0%} needs {needed} pairs of different people, has {len(impostor)}"
        return Score(np.nan, why=why)

    pairs = make_pairs(comparison)

    def redrawn(people: np.ndarray) -> float:
        return verification.tar_at_far(*pairs(people), FAR)

    interval = bootstrap(redrawn, comparison.distances.shape[1])
    return Score(verification.tar_at_far(genuine, impostor, FAR), *interval)
