"""The frontal-profile protocol of Celebrities in Frontal-Profile, Sengupta et al., 2016."""

import numpy as np

from facealign.data.datasets.cfp import fold_of
from facealign.evaluation.baselines import Outputs
from facealign.evaluation.scoring import Score, Scores
from facealign.evaluation.test_photos import Bench
from facealign.faces.measure import Measured
from facealign.metrics import verification

DATASET = "cfp"
ITSELF = 1e-4  # a photo is not compared with itself, which the oracle would be
Pairs = tuple[np.ndarray, np.ndarray]  # distances of genuine and impostor pairs


def frontal_profile(bench: Bench, outputs: Outputs, measured: Measured) -> Scores:
    """Outputs of profile photos against real frontal photos, by fold: mean and spread over folds.

    All pairs of a fold count, with the right and the wrong ones weighted alike, in place of the 350
    and 350 of the official lists. The threshold of the accuracy is chosen on the other folds.
    """
    files = bench.photos.examples["file_name"]
    fold = np.array([fold_of(name) for name in files])
    frontal = np.array(["/frontal/" in name for name in files])
    by_fold = {
        int(number): _pairs(bench, outputs, measured, fold == number, frontal)
        for number in np.unique(fold)
    }
    rates = {
        "EER": [verification.eer(*pairs) for pairs in by_fold.values()],
        "AUC": [verification.auc(*pairs) for pairs in by_fold.values()],
    }
    scores = {name: _over_folds(values) for name, values in rates.items()}
    scores["folds"] = Score(len(by_fold))
    if len(by_fold) < 2:
        why = "its threshold is chosen on other folds, of which none was given"
        return scores | {"accuracy": Score(np.nan, why=why)}
    accuracies = []
    for number, pairs in by_fold.items():
        others = [other for name, other in by_fold.items() if name != number]
        threshold = verification.best_threshold(*map(np.concatenate, zip(*others, strict=True)))
        accuracies.append(verification.balanced_accuracy(*pairs, threshold))
    return scores | {"accuracy": _over_folds(accuracies)}


def _pairs(
    bench: Bench, outputs: Outputs, measured: Measured, inside: np.ndarray, frontal: np.ndarray
) -> Pairs:
    """Distances between all outputs of profiles and all frontal photos of a fold."""
    probes = np.flatnonzero(inside[outputs.rows] & ~frontal[outputs.rows])
    gallery = np.flatnonzero(inside & frontal)
    table = verification.distances(measured.descriptor[probes], bench.measured.descriptor[gallery])
    # A frontal photo without a face is as far from everybody.
    table[:, ~bench.measured.found[gallery]] = np.inf
    same = bench.person[outputs.rows[probes]][:, None] == bench.person[gallery]
    return table[same & (table > ITSELF)], table[~same]


def _over_folds(values: list[float]) -> Score:
    mean, spread = np.mean(values), np.std(values)
    return Score(float(mean), float(mean - spread), float(mean + spread))
