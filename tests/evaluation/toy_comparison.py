"""Evaluations of drawn faces."""

import numpy as np

from facealign.evaluation.baselines import BASELINES
from facealign.evaluation.compare import Comparison, compare
from facealign.evaluation.evaluation_set import EvaluationSet, Photos, create_evaluation_set
from facealign.faces.measure import Measured
from tests import toy_faces

FRONTAL_YAW = 8.0  # degrees


def compare_toys(
    examples, translate=np.copy, open_cache=toy_faces.ToyMeasurementCache, names=("input",),
    splits=("test",), canonical=False,
) -> Comparison:  # fmt: skip
    """A system called network, and the baselines of these names."""
    return compare(
        "network", translate, Photos("folder", splits, examples), toy_faces.training(),
        FRONTAL_YAW, open_cache, {name: BASELINES[name] for name in names}, canonical,
    )  # fmt: skip


def value(comparison: Comparison, system: str, name: str, part: str = "all") -> float:
    """A number of a system."""
    return comparison.systems[system].scores[part][name].value


def measure(images: np.ndarray) -> Measured:
    """What the toy tools say of images."""
    with toy_faces.ToyMeasurementCache() as cache:
        return cache.measure(images)


def toy_set(examples, measured: Measured | None, dataset: str = "folder") -> EvaluationSet:
    """The evaluation set of some examples."""
    photos = Photos(dataset, ("test",), examples)
    return create_evaluation_set(photos, toy_faces.training(), FRONTAL_YAW, measured)
