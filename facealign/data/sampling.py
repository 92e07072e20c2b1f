"""Which examples a step sees: pure functions of seed and step."""

import functools
import threading
from collections.abc import Callable

import numpy as np

YAW_BIN = 10.0  # degrees
OFTEN = 10.0  # times as often as on average a photo of a rare yaw may come, or a few fill batches

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

    lock = threading.Lock()

    @functools.lru_cache(maxsize=2)
    def order(epoch: int) -> np.ndarray:
        rng = np.random.default_rng((seed, stream, epoch))
        return rng.permutation(count) if weights is None else rng.choice(count, count, p=weights)

    def indices(step: int) -> np.ndarray:
        epochs, places = np.divmod(step * batch_size + np.arange(batch_size), count)
        with lock:  # or every thread that reads would draw the order of a new epoch by itself
            orders = {int(epoch): order(int(epoch)) for epoch in np.unique(epochs)}
        return np.concatenate([orders[e][places[epochs == e]] for e in orders])

    return indices


def yaw_weights(yaw: np.ndarray) -> np.ndarray:
    """Probabilities [N] under which every 10 degrees of yaw [N] that occur come equally often.

    Unknown yaw, nan, counts as one bin more. A bin of very few photos comes more rarely.
    """
    yaw = np.asarray(yaw)
    bins = np.where(np.isnan(yaw), np.inf, np.floor(yaw / YAW_BIN))
    _, members, sizes = np.unique(bins, return_inverse=True, return_counts=True)
    weights = np.minimum(1 / (len(sizes) * sizes[members]), OFTEN / len(yaw))
    return weights / weights.sum()
