"""The frontal-profile protocol of Celebrities in Frontal-Profile, Sengupta et al., 2016."""

import numpy as np

from facealign.data.datasets.cfp import fold_of
from facealign.evaluation.baselines import Outputs
from facealign.evaluation.evaluation_set import EvaluationSet
from facealign.evaluation.gallery import Pairs
from facealign.faces.measure import Measured
from facealign.metrics import verification
from facealign.metrics.bootstrap import Score, Scores

DATASET = "cfp"
SAME_PHOTO = 1e-4  # a smaller distance: the output is a copy of the photo it is compared with


def frontal_profile(eval_set: EvaluationSet, outputs: Outputs, measured: Measured) -> Scores:
    """Outputs of profile photos against real frontal photos: mean and spread over the folds.

    All pairs of a fold count, genuine and impostor pairs weighted alike, in place of the 350 and
    350 of the official lists. The threshold of the accuracy is chosen on the other folds.
    """
    files = eval_set.photos.examples["file_name"]
    fold = np.array([fold_of(name) for name in files])
    frontal = np.array(["/frontal/" in name for name in files])
    by_fold = {
        int(number): _pairs(eval_set, outputs, measured, fold == number, frontal)
        for number in np.unique(fold)
    }
    rates = {
        "EER": [verification.eer(*pairs) for pairs in by_fold.values()],
        "AUC": [verification.auc(*pairs) for pairs in by_fold.values()],
    }
    scores = {name: _over_folds(values) for name, values in rates.items()}
    scores["folds"] = Score(len(by_fold))
    if len(by_fold) < 2:
        why = "the threshold is chosen on other folds, and there is only one"
        return scores | {"accuracy": Score(np.nan, why=why)}
    accuracies = []
    for number, pairs in by_fold.items():
        others = [other for name, other in by_fold.items() if name != number]
        threshold = verification.best_threshold(*map(np.concatenate, zip(*others, strict=True)))
        accuracies.append(verification.balanced_accuracy(*pairs, threshold))
    return scores | {"accuracy": _over_folds(accuracies)}


def _pairs(
    eval_set: EvaluationSet,
    outputs: Outputs,
    measured: Measured,
    inside: np.ndarray,
    frontal: np.ndarray,
) -> Pairs:
    """Distances between all outputs of profiles and all frontal photos of one fold.

    Args:
      eval_set: the photos.
      outputs: of a system.
      measured: of the outputs.
      inside: which of the photos [N] are of the fold.
      frontal: which of them [N] are frontal; the others are profiles.
    """
    probes = np.flatnonzero(inside[outputs.rows] & ~frontal[outputs.rows])
    gallery = np.flatnonzero(inside & frontal)
    known = eval_set.measured
    table = verification.distances(measured.descriptor[probes], known.descriptor[gallery])
    table[:, ~known.found[gallery]] = np.inf  # no face, so no match for anybody
    same = eval_set.person[outputs.rows[probes]][:, None] == eval_set.person[gallery]
    return table[same & (table > SAME_PHOTO)], table[~same]


def _over_folds(values: list[float]) -> Score:
    """Mean and standard deviation."""
    mean, spread = np.mean(values), np.std(values)
    return Score(float(mean), float(mean - spread), float(mean + spread))
