"""Recognition by one real frontal photo."""

import numpy as np

from facealign.evaluation.baselines import of_all
from facealign.evaluation.gallery import tar_score, to_gallery
from tests import toy_faces
from tests.evaluation.toy_comparison import measure, toy_set


def test_an_interval_draws_people():
    examples = toy_faces.people(12)
    made = toy_set(examples, measure(examples["image"]))
    half = examples["image"].copy()
    half[: len(half) // 2] = toy_faces.draw(77)  # six of twelve people become another one
    distances = to_gallery(made, of_all(half), measure(half), np.arange(len(half)))
    scored = tar_score(distances)
    assert 0.4 < scored.value < 0.6 and scored.low < 0.35 and scored.high > 0.65
