"""Which examples a step sees: pure functions of seed and step."""

import functools
from collections.abc import Callable

import numpy as np

YAW_BIN = 10.0  # degrees

Sampler = Callable[[int], np.ndarray]  # step -> indices [B] of its examples


def make_sampler(
    seed: int, stream: int, batch_size: int, count: int, weights: np.ndarray | None = None
) -> Sampler:
    """Slices of one permutation of all `count` examples after another; a batch may span two.

    Args:
      seed: of the run.
      stream: samplers with different numbers are independent.
      batch_size: B.
      count: N, how many examples there are.
      weights: [N], adding up to 1; where given, an epoch is N independent draws instead.
    """

    @functools.lru_cache(maxsize=4)
    def order(epoch: int) -> np.ndarray:
        rng = np.random.default_rng((seed, stream, epoch))
        return rng.permutation(count) if weights is None else rng.choice(count, count, p=weights)

    def indices(step: int) -> np.ndarray:
        epochs, places = np.divmod(step * batch_size + np.arange(batch_size), count)
        return np.concatenate([order(int(e))[places[epochs == e]] for e in np.unique(epochs)])

    return indices


def yaw_weights(yaw: np.ndarray) -> np.ndarray:
    """Probabilities [N] under which every 10 degrees of yaw [N] that occur come equally often.

    Unknown yaw, nan, counts as one bin more.
    """
    yaw = np.asarray(yaw)
    bins = np.where(np.isnan(yaw), np.inf, np.floor(yaw / YAW_BIN))
    _, members, sizes = np.unique(bins, return_inverse=True, return_counts=True)
    return 1 / (len(sizes) * sizes[members])
