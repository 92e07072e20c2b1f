"""Bootstrap over people, and numbers with an interval."""

import numpy as np

from facealign.metrics import bootstrap


def test_no_spread_no_width():
    assert bootstrap.bootstrap(lambda people: 0.5, 10) == (0.5, 0.5)


def test_covers_the_mean_as_the_normal_interval_does():
    values = np.random.default_rng(0).normal(size=400)
    low, high = bootstrap.bootstrap(lambda people: values[people].mean(), 400, draws=2000)
    expected = values.mean() + np.array([-1, 1]) * 1.96 / 20
    np.testing.assert_allclose([low, high], expected, atol=0.02)


def test_redraws_people_not_photos():
    # Ten people with a hundred equal photos each know as little as ten people with one.
    person = np.repeat(np.arange(10), 100)
    values = person % 2
    rows = bootstrap.rows_by_person(person, 10)
    low, high = bootstrap.bootstrap(lambda people: values[rows(people)].mean(), 10)
    assert high - low > 0.4


def test_one_person_gives_no_interval():
    assert np.isnan(bootstrap.bootstrap(lambda people: 0.5, 1)).all()


def test_draws_without_a_number_are_left_out():
    low, high = bootstrap.bootstrap(lambda people: np.nan if 0 in people else 1.0, 3)
    assert (low, high) == (1, 1)
    assert np.isnan(bootstrap.bootstrap(lambda people: np.nan, 3)).all()


def test_infinity_may_be_an_end():
    low, high = bootstrap.bootstrap(lambda people: np.inf if 0 in people else 1.0, 3)
    assert (low, high) == (1, np.inf)


def test_of_a_mean_is_the_same_without_a_loop():
    rng = np.random.default_rng(1)
    person, values = rng.integers(0, 12, 80), rng.normal(size=80)
    rows = bootstrap.rows_by_person(person, 12)
    slow = bootstrap.bootstrap(lambda people: values[rows(people)].mean(), 12)
    np.testing.assert_allclose(bootstrap.bootstrap_mean(values, person, 12), slow)
    assert np.isnan(bootstrap.bootstrap_mean(values, np.zeros(80, int), 1)).all()


def test_a_mean_score_takes_any_numbers_of_people():
    values, person = np.array([0.0, 1, 1, 1]), np.array([7, 3, 3, 12])
    score = bootstrap.mean_score(values, person)
    low, high = bootstrap.bootstrap_mean(values, np.array([1, 0, 0, 2]), 3)
    assert score == (0.75, low, high, "") and low < 0.75 < high
    assert np.isnan(bootstrap.mean_score(values, np.full(4, 7))[1:3]).all()
