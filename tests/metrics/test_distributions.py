"""Distances between sets of features, by hand and by what they should do."""

import numpy as np

from facealign.metrics import distributions

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, 60, 4))


def test_frechet_in_one_dimension_by_hand():
    # Means 0 and 3, standard deviations 1 and 2 (of n - 1): 3^2 + (1 - 2)^2.
    a, b = np.array([[-1.0], [0], [1]]), np.array([[1.0], [3], [5]])
    np.testing.assert_allclose(distributions.frechet(a, b), 10)


def test_frechet_of_two_axes_adds_up():
    a = np.array([[-1.0, 0], [1, 0], [0, -2], [0, 2]])  # variances 2/3 and 8/3, no covariance
    b = a * (2, 3) + (1, 0)
    expected = 1 + 2 / 3 * (1 - 2) ** 2 + 8 / 3 * (1 - 3) ** 2
    np.testing.assert_allclose(distributions.frechet(a, b), expected)


def test_frechet_is_zero_for_the_same_set_and_survives_few_rows():
    np.testing.assert_allclose(distributions.frechet(A, A[::-1]), 0, atol=1e-9)
    assert np.isfinite(distributions.frechet(A[:3], B[:3]))  # singular covariances
    assert np.isfinite(distributions.frechet(np.ones((3, 4)), B))


def test_kid_by_hand():
    # D = 1. Within {0, 1}: (0 + 1)^3 = 1. Within {1, 2}: (2 + 1)^3 = 27.
    # Between: 0*1 -> 1, 0*2 -> 1, 1*1 -> 8, 1*2 -> 27, mean 37/4. 1 + 27 - 2 * 37/4 = 9.5.
    a, b = np.array([[0.0], [1]]), np.array([[1.0], [2]])
    np.testing.assert_allclose(distributions.kid(a, b), 9.5)


def test_kid_has_no_bias():
    draws = [distributions.kid(*RNG.normal(size=(2, 8, 3))) for _ in range(600)]
    assert abs(np.mean(draws)) < 4 * np.std(draws) / np.sqrt(len(draws))
    assert min(draws) < 0


def test_both_grow_with_the_gap():
    for distance in (distributions.frechet, distributions.kid):
        values = [distance(A, B + shift) for shift in (0, 0.5, 1, 2)]
        assert values == sorted(values)


def test_halves_by_hand():
    # Each half is one person; both ways give (difference of means)^2, since nothing else differs.
    features, real = np.array([[0.0], [1], [5], [6]]), np.array([[2.0], [3], [8], [9]])
    person = np.array([0, 0, 1, 1])
    mean, spread = distributions.across_halves(
        distributions.frechet, features, person, real, person
    )
    # 0.5 -> 8.5 is 64, 5.5 -> 2.5 is 9.
    np.testing.assert_allclose([mean, spread], [36.5, 27.5])


def test_halves_use_no_more_outputs_than_real_photos():
    sizes = []
    person, real_person = np.arange(60) % 10, np.arange(20) % 10

    def distance(x, y):
        sizes.append((len(x), len(y)))
        return 0.0

    distributions.across_halves(distance, A, person, B[:20], real_person)
    assert set(sizes) == {(10, 10)}
    assert np.isnan(distributions.across_halves(distance, A[:1], person[:1], B, person)).all()


def test_the_floor_is_below_a_shifted_set():
    people = np.arange(60) % 10
    for distance in (distributions.frechet, distributions.kid):
        floor, shifted = (
            distributions.across_halves(distance, x, people, A, people)[0] for x in (A, A + 1)
        )
        assert floor < shifted


def test_nearest_distances_by_hand():
    others = np.array([[0.0, 0], [10, 10]])
    features = np.array([[3.0, 4], [10, 10]])
    found = distributions.nearest_distances(features, others)
    np.testing.assert_allclose(found, [np.sqrt(12.5), 0])
