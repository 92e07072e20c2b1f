"""The numbers of one system."""

import numpy as np

from facealign.evaluation.baselines import of_all
from facealign.evaluation.scoring import score
from tests import toy_faces
from tests.evaluation.toy_comparison import measure, toy_set


def test_scores_of_some_photos_say_of_how_many():
    examples = toy_faces.people(4)
    made = toy_set(examples, measure(examples["image"]))
    outputs = of_all(examples["image"])._replace(rows=np.arange(24)[::-1])
    some = outputs._replace(images=outputs.images[:5], rows=outputs.rows[:5])
    assert score(made, some, measure(some.images))["all"]["photos"].value == 5
