"""Verification by hand: every expected number is counted in the comment beside it."""

import numpy as np
import pytest

from facealign.metrics import verification

GENUINE = np.array([0.1, 0.2, 0.3, 0.6])
IMPOSTOR = np.array([0.4, 0.5, 0.7, 0.8, 0.9])
MISSED = np.array([0.1, 0.2, np.inf, np.inf])


def test_distances_by_hand_and_a_missed_face_is_infinitely_far():
    features = np.array([[0.0, 0], [3, 4], [np.nan, np.nan]])
    table = verification.distances(features, features[:2])
    np.testing.assert_allclose(table, [[0, 5], [5, 0], [np.inf, np.inf]], atol=1e-6)
    np.testing.assert_allclose(verification.distances([[3, 4]], [[0, 8], [6, 8]]), [[5, 5]])


def test_nothing_is_nearer_than_itself():
    photos = np.random.default_rng(0).normal(size=(50, 32))
    table = verification.distances(photos, photos)  # rounding leaves some squares below 0
    np.testing.assert_allclose(np.diag(table), 0, atol=1e-6)


def test_roc_by_hand():
    curve = verification.roc(np.array([0.1, 0.3]), np.array([0.3, 0.5, np.inf, 0.5]))
    np.testing.assert_array_equal(curve.thresholds, [-1, 0.1, 0.3, 0.5])
    np.testing.assert_array_equal(curve.tar, [0, 0.5, 1, 1])
    np.testing.assert_array_equal(curve.far, [0, 0, 0.25, 0.75])


@pytest.mark.parametrize(("genuine", "impostor", "area"), [
    (GENUINE, IMPOSTOR, 18 / 20),  # 5 + 5 + 5 impostors are farther, and 3 than 0.6
    (GENUINE, GENUINE, 0.5),
    (MISSED, IMPOSTOR, 10 / 20),  # two missed genuine faces lose against all five
    (MISSED, MISSED, 0.5),
    (MISSED, np.full(3, np.inf), 9 / 12),  # two win against all, two tie with all
    (IMPOSTOR, GENUINE, 2 / 20),
])  # fmt: skip
def test_auc_by_hand(genuine, impostor, area):
    np.testing.assert_allclose(verification.auc(genuine, impostor), area)


@pytest.mark.parametrize(("genuine", "impostor", "rate"), [
    (GENUINE, IMPOSTOR, 0.25),  # at 0.5: far 0.4, frr 0.25; at 0.4: far 0.2, frr 0.25
    (GENUINE + 1, GENUINE, 1.0),  # all genuine pairs farther than all impostors
    (GENUINE, GENUINE + 1, 0.0),
    (GENUINE, GENUINE, 0.5),
    (MISSED, IMPOSTOR, 0.5),  # far passes 0.4 at frr 0.5, then 0.6 at 0.5
    (np.full(3, np.inf), IMPOSTOR, 1.0),  # no face at all
    (np.full(3, np.inf), np.full(3, np.inf), 0.5),  # a face nowhere: chance
    # The last threshold gives far 0, frr 0.5; on the way to far 1, frr 0 the two meet at 1/3.
    (MISSED, np.full(3, np.inf), 1 / 3),
])  # fmt: skip
def test_eer_by_hand(genuine, impostor, rate):
    np.testing.assert_allclose(verification.eer(genuine, impostor), rate)


def test_eer_between_two_points_of_the_curve():
    # At 0.2: far 1/4, frr 1/2. At 0.3: far 1/2, frr 1/4. The lines cross half way, at 3/8.
    genuine, impostor = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.15, 0.3, 0.5, 0.6])
    np.testing.assert_allclose(verification.eer(genuine, impostor), 3 / 8)


@pytest.mark.parametrize(("far", "tar"), [
    (0.2, 0.75),  # one impostor may pass: everything below 0.5
    (0.39, 0.75),
    (0.4, 1.0),  # two may: everything below 0.7
    (1.0, 1.0),
])  # fmt: skip
def test_tar_at_far_by_hand(far, tar):
    assert verification.tar_at_far(GENUINE, IMPOSTOR, far) == tar


def test_equals_an_independent_library():
    # scikit-learn 1.9.1: roc_auc_score, and the highest tpr of roc_curve with an fpr up to 0.01.
    rng = np.random.default_rng(5)
    genuine = np.round(rng.normal(0.5, 0.2, 300), 2)
    impostor = np.round(rng.normal(0.8, 0.2, 4000), 2)
    np.testing.assert_allclose(verification.auc(genuine, impostor), 0.87022125)
    np.testing.assert_allclose(verification.tar_at_far(genuine, impostor, 0.01), 0.21)


def test_tar_needs_enough_impostors():
    assert verification.pairs_needed(0.01) == 100
    assert np.isnan(verification.tar_at_far(GENUINE, np.arange(99.0), 0.01))
    assert verification.tar_at_far(GENUINE, np.arange(100.0), 0.01) == 1  # one of them may pass


def test_ties_of_impostors_are_not_accepted_beyond_the_rate():
    assert verification.tar_at_far(np.full(4, 0.5), np.full(100, 0.5), 0.01) == 0


def test_a_missed_face_is_accepted_at_no_rate():
    assert verification.tar_at_far(MISSED, IMPOSTOR, 1.0) == 0.5
    assert verification.tar_at_far(MISSED, np.full(9, np.inf), 0.5) == 0.5


def test_rank1_by_hand():
    table = np.array([
        [0.1, 0.2, 0.3],  # a is nearest: right
        [0.1, 0.2, 0.3],  # of b: wrong
        [0.4, 0.4, 0.9],  # of a, tied with b: wrong
        [np.inf, np.inf, np.inf],  # missed
        [0.1, 0.2, 0.3],  # nobody of the gallery
    ])  # fmt: skip
    right = verification.rank1(table, np.array(list("abaaz")), np.array(list("abc")))
    assert right.tolist() == [True, False, False, False, False]


def test_a_permutation_of_people_destroys_identity():
    rng = np.random.default_rng(0)
    people = rng.normal(size=(20, 32))
    subjects = np.repeat(np.arange(20), 5)
    photos = people[subjects] + 0.1 * rng.normal(size=(100, 32))

    def measure(who: np.ndarray) -> tuple[float, float, float]:
        table = verification.distances(photos, people[who])
        same = subjects[:, None] == np.arange(20)
        pairs = table[same], table[~same]
        return (
            verification.tar_at_far(*pairs, 0.01),
            verification.eer(*pairs),
            verification.rank1(table, subjects, np.arange(20)).mean(),
        )

    assert measure(np.arange(20)) == (1, 0, 1)
    tar, eer, rank1 = measure(np.roll(np.arange(20), 1))
    assert tar < 0.05 and eer > 0.3 and rank1 == 0


def test_balanced_accuracy_by_hand():
    # 0.3 accepts 3 of 4 and rejects 5 of 5; 0.6 accepts 4 of 4 and rejects 3 of 5; 0.5 accepts an
    # impostor at 0.5 too, so that it rejects 3 of 5.
    np.testing.assert_allclose(verification.best_threshold(GENUINE, IMPOSTOR), 0.3)
    np.testing.assert_allclose(verification.balanced_accuracy(GENUINE, IMPOSTOR, 0.3), 0.875)
    np.testing.assert_allclose(verification.balanced_accuracy(GENUINE, IMPOSTOR, 0.6), 0.8)
    np.testing.assert_allclose(verification.balanced_accuracy(GENUINE, IMPOSTOR, 0.5), 0.675)
    assert verification.balanced_accuracy(MISSED, IMPOSTOR, 0.3) == 0.75
