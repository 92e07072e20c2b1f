"""Which examples a step uses: pure functions of seed and step."""

import functools
import threading
from collections.abc import Callable

import numpy as np

YAW_BIN = 10.0  # degrees
OFTEN = 10.0  # limit on a photo, in times the average; or a few of rare yaws would fill batches

Sampler = Callable[[int], np.ndarray]  # step -> indices [B] of its examples


def make_sampler(
    seed: int, stream: int, batch_size: int, count: int, weights: np.ndarray | None = None
) -> Sampler:
    """A sampler that goes through one random permutation of all examples per epoch.

    A batch may span two epochs.

    Args:
      seed: of the run.
      stream: samplers with different numbers are independent.
      batch_size: B.
      count: N, the number of examples.
      weights: [N], sum 1; if given, an epoch is N independent draws with these probabilities.
    """

    lock = threading.Lock()

    @functools.lru_cache(maxsize=2)
    def order(epoch: int) -> np.ndarray:
        rng = np.random.default_rng((seed, stream, epoch))
        return rng.permutation(count) if weights is None else rng.choice(count, count, p=weights)

    def indices(step: int) -> np.ndarray:
        epochs, places = np.divmod(step * batch_size + np.arange(batch_size), count)
        with lock:  # otherwise, every reading thread would draw the order of a new epoch
            orders = {int(epoch): order(int(epoch)) for epoch in np.unique(epochs)}
        return np.concatenate([orders[e][places[epochs == e]] for e in orders])

    return indices


def yaw_weights(yaw: np.ndarray) -> np.ndarray:
    """Probabilities [N] that make all 10-degree bins of yaw [N] equally likely.

    Unknown yaw, nan, is one more bin. A bin of very few photos is less likely, see `OFTEN`.
    """
    yaw = np.asarray(yaw)
    bins = np.where(np.isnan(yaw), np.inf, np.floor(yaw / YAW_BIN))
    _, members, sizes = np.unique(bins, return_inverse=True, return_counts=True)
    weights = np.minimum(1 / (len(sizes) * sizes[members]), OFTEN / len(yaw))
    return weights / weights.sum()
