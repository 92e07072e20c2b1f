"""The frontal-profile protocol by hand."""

import numpy as np

from facealign.evaluation.baselines import of_all
from facealign.evaluation.cfp_protocol import frontal_profile
from tests import toy_faces
from tests.evaluation.toy_comparison import measure, toy_set


def scores_of(names, people, descriptors):
    """The scores of the photos themselves; their descriptors are numbers on a line."""
    examples = toy_faces.examples([(p, 0.0, i, True) for i, p in enumerate(people)])
    examples["file_name"] = np.array(names)
    measured = measure(examples["image"])._replace(
        descriptor=np.array(descriptors, float)[:, None] * np.eye(1, 128),
        found=~np.isnan(descriptors),
    )
    return frontal_profile(toy_set(examples, measured, "cfp"), of_all(examples["image"]), measured)


def test_frontal_profile_protocol_by_hand():
    names = ["151/frontal/01.jpg", "151/profile/01.jpg", "152/frontal/01.jpg", "152/profile/01.jpg",
             "201/frontal/01.jpg", "201/profile/01.jpg", "202/frontal/01.jpg",
             "202/profile/01.jpg"]  # fmt: skip
    # Fold 4: genuine 1 and 2, impostor 9 and 12. Fold 5: genuine 3 and missed, impostor 7 and
    # missed: 3 is nearer than both, and the missed ones tie.
    scores = scores_of(names, [0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 10, 12, 0, 3, 10, np.nan])
    assert scores["folds"].value == 2
    np.testing.assert_allclose(scores["AUC"].value, (1 + 2.5 / 4) / 2)
    np.testing.assert_allclose(scores["EER"].value, (0 + 0.5) / 2)
    # The threshold of fold 5 is 2, from fold 4: it accepts nobody. That of fold 4 is 3: all right.
    np.testing.assert_allclose(scores["accuracy"].value, (1 + 0.5) / 2)


def test_one_fold_alone_has_no_threshold():
    names = ["151/frontal/01.jpg", "151/profile/01.jpg", "152/frontal/01.jpg", "152/profile/01.jpg"]
    scores = scores_of(names, [0, 0, 1, 1], [0, 1, 10, 12])
    assert np.isnan(scores["accuracy"].value) and "other folds" in scores["accuracy"].why
    assert scores["EER"].value == 0
