"""Which examples a step sees."""

import numpy as np
import pytest

from facealign.data.sampling import make_sampler, yaw_weights

COUNT, BATCH = 10, 4  # 4 does not divide 10: batches 2, 7, ... span two epochs


def test_every_epoch_is_a_permutation():
    sampler = make_sampler(0, 0, BATCH, COUNT)
    epochs = np.concatenate([sampler(step) for step in range(15)]).reshape(-1, COUNT)
    np.testing.assert_array_equal(np.sort(epochs), [np.arange(COUNT)] * len(epochs))
    assert len({tuple(epoch) for epoch in epochs}) == len(epochs)


def test_a_batch_that_spans_two_epochs_takes_the_end_of_one_and_the_start_of_the_next():
    whole = make_sampler(0, 0, COUNT, COUNT)
    expected = np.concatenate([whole(0), whole(1)])[8:12]
    np.testing.assert_array_equal(make_sampler(0, 0, BATCH, COUNT)(2), expected)


@pytest.mark.parametrize("other", [(1, 0, 5), (0, 1, 5), (0, 0, 6)])
def test_seed_stream_and_step_each_decide(other):
    first = make_sampler(0, 0, 50, 100)(5)
    np.testing.assert_array_equal(make_sampler(0, 0, 50, 100)(5), first)
    seed, stream, step = other
    assert np.any(make_sampler(seed, stream, 50, 100)(step) != first)


@pytest.mark.parametrize("weights", [None, np.arange(COUNT) / 45])
def test_a_batch_depends_on_its_step_alone(weights):
    forward, backward = (make_sampler(0, 0, BATCH, COUNT, weights) for _ in range(2))
    there = [forward(step).tolist() for step in range(30)]
    back = [backward(step).tolist() for step in reversed(range(30))]
    assert there == back[::-1]


def test_yaw_is_made_uniform():
    yaw = np.array([0, 1, 2, 9.9, -0.1, 20, 29, -45])  # bins of 4, 1, 2 and 1
    weights = yaw_weights(yaw)
    np.testing.assert_allclose(weights, [1 / 16] * 4 + [1 / 4, 1 / 8, 1 / 8, 1 / 4])
    drawn = np.concatenate([make_sampler(0, 0, 8, 8, weights)(step) for step in range(1000)])
    shares = [np.isin(drawn, group).mean() for group in ((0, 1, 2, 3), 4, (5, 6), 7)]
    np.testing.assert_allclose(shares, 0.25, atol=0.02)


def test_unknown_yaw_is_a_bin_of_its_own():
    weights = yaw_weights(np.array([np.nan, np.nan, 3.0, -90.0]))
    np.testing.assert_allclose(weights, [1 / 6, 1 / 6, 1 / 3, 1 / 3])


def test_a_photo_of_a_rare_yaw_does_not_come_all_the_time():
    weights = yaw_weights(np.append(np.zeros(999), 45.0))
    np.testing.assert_allclose(weights[-1] / weights[0], 10 / 1000 / (0.5 / 999))
    np.testing.assert_allclose(weights.sum(), 1)
