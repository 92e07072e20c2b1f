"""Recognition: outputs (the probes) against one real frontal photo per person (the gallery)."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from facealign.evaluation.baselines import Outputs
from facealign.evaluation.evaluation_set import EvaluationSet, is_probe
from facealign.faces.measure import Measured
from facealign.metrics import verification
from facealign.metrics.bootstrap import Score, Scores, bootstrap, mean_score, rows_by_person

FAR = 0.01  # false accept rate at which the true accept rate (TAR) is reported

Pairs = tuple[np.ndarray, np.ndarray]  # distances of genuine and of impostor pairs


class GalleryDistances(NamedTuple):
    """Distances of P probes to the gallery photos of G people."""

    table: np.ndarray  # [P, G]
    person: np.ndarray  # [P] the column of the probe's own person


def to_gallery(
    eval_set: EvaluationSet, outputs: Outputs, measured: Measured, rows: np.ndarray
) -> GalleryDistances:
    """Distances of outputs [rows] to the gallery photos."""
    gallery = eval_set.measured.descriptor[eval_set.gallery]
    return _distances(eval_set, outputs, measured, rows, gallery, eval_set.gallery >= 0)


def to_output_gallery(
    eval_set: EvaluationSet, outputs: Outputs, measured: Measured
) -> GalleryDistances:
    """Distances of outputs to the outputs for the gallery photos, which a system can fool."""
    place = np.full(len(eval_set.person), -1)
    place[outputs.rows] = np.arange(len(outputs.rows))
    gallery = np.where(eval_set.gallery >= 0, place[eval_set.gallery], -1)
    rows = np.arange(len(outputs.rows))
    descriptors = measured.descriptor[gallery]
    return _distances(eval_set, outputs, measured, rows, descriptors, gallery >= 0)


def make_pairs(distances: GalleryDistances) -> Callable[[np.ndarray], Pairs]:
    """A function from people to the pairs among them; a person may be given more than once."""
    table, person = distances
    rows_of = rows_by_person(person, table.shape[1])

    def pairs(people: np.ndarray) -> Pairs:
        rows = rows_of(people)
        own = person[rows]
        return table[rows, own], table[rows][:, people][own[:, None] != people]

    return pairs


def all_pairs(distances: GalleryDistances) -> Pairs:
    """The pairs of all people, each once."""
    return make_pairs(distances)(np.arange(distances.table.shape[1]))


def recognition_scores(distances: GalleryDistances) -> Scores:
    """TAR, EER, AUC and rank-1."""
    table, person = distances
    probes, people = table.shape
    if not probes or people < 2:
        why = (
            "needs real frontal photos of two people and other photos of them; there are "
            f"{people} and {probes}"
        )
        return {name: Score(np.nan, why=why) for name in ("TAR", "EER", "AUC", "rank-1")}
    genuine, impostor = all_pairs(distances)
    return {
        "TAR": tar_score(distances),
        "EER": Score(verification.eer(genuine, impostor)),
        "AUC": Score(verification.auc(genuine, impostor)),
        "rank-1": mean_score(verification.rank1(table, person, np.arange(people)), person),
    }


def tar_score(distances: GalleryDistances) -> Score:
    """TAR at `FAR`; no number where there are too few impostor pairs."""
    pairs = make_pairs(distances)
    genuine, impostor = all_pairs(distances)
    needed = verification.pairs_needed(FAR)
    if len(impostor) < needed:
        why = f"a FAR of {FAR:.0%} needs {needed} pairs of different people, has {len(impostor)}"
        return Score(np.nan, why=why)
    low, high = bootstrap(
        lambda people: verification.tar_at_far(*pairs(people), FAR), distances.table.shape[1]
    )
    return Score(verification.tar_at_far(genuine, impostor, FAR), low, high)


def _distances(
    eval_set: EvaluationSet, outputs: Outputs, measured: Measured, rows: np.ndarray,
    gallery: np.ndarray, enrolled: np.ndarray,
) -> GalleryDistances:  # fmt: skip
    """Distances of outputs [rows] to descriptors `gallery` [people, D] of those `enrolled`."""
    rows = rows[is_probe(eval_set)[outputs.rows[rows]]]
    rows = rows[enrolled[eval_set.person[outputs.rows[rows]]]]
    columns = np.flatnonzero(enrolled)
    return GalleryDistances(
        verification.distances(measured.descriptor[rows], gallery[columns]),
        np.searchsorted(columns, eval_set.person[outputs.rows[rows]]),
    )
