"""How well a run's matte tells held-out people from what is behind them."""

from collections.abc import Callable, Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from facealign.data.load import Examples, take
from facealign.data.matte_windows import composed_windows, middle_window
from facealign.images import in_batches, to_float, to_uint8
from facealign.models.apply import NetState, Network
from facealign.models.matte import apply_matte

MATTE_METRICS = ("error/composed", "error/outlines")
MEAN_OF = 256  # training photos in the mean matte
PLAIN = (0, 160, 80)  # the background of cut-out people in pictures


def measure_matte(
    network: Network, net: NetState, held_out: Mapping[str, Examples]
) -> dict[str, float]:
    """Mean absolute errors of mattes from 0 to 1: of composed photos and of outlined ones."""
    return _errors(_windows(held_out), partial(find_mattes, network, net))


def measure_mean_matte(
    train: Mapping[str, Examples], held_out: Mapping[str, Examples]
) -> dict[str, float]:
    """The same for the mean matte of composed training photos, a baseline without a network."""
    mean = _windows(take(train, MEAN_OF))["composed"]["alpha"].mean(axis=0)
    return _errors(_windows(held_out), lambda images: np.repeat(mean[None], len(images), 0))


def _errors(
    windows: Mapping[str, Mapping[str, np.ndarray]], find: Callable[[np.ndarray], np.ndarray]
) -> dict[str, float]:
    numbers = {}
    for kind, known in windows.items():
        away, sure = np.abs(find(known["image"]) - known["alpha"]), known["sure"]
        numbers[f"error/{kind}"] = float((away * sure).sum() / max(sure.sum(), 1e-6))
    return numbers


def _windows(examples: Mapping[str, Examples]) -> dict[str, dict[str, np.ndarray]]:
    """The people of R before U's photos, always the same; and the middle windows of U's photos."""
    people, photos = examples["restricted"], examples["unrestricted"]
    rows = np.arange(len(photos["image"])) % len(people["image"])
    cut = {name: people[name][rows].astype(np.float32) for name in ("alpha", "sure")}
    cut["image"] = to_float(people["image"][rows])
    composed = composed_windows(cut, to_float(photos["image"]), jax.random.key(0))
    outlined = {name: middle_window(photos[name]) / 255 for name in ("alpha", "sure")}
    outlined["image"] = to_float(middle_window(photos["image"]))
    found = {"composed": composed, "outlines": outlined}
    return {kind: jax.tree.map(np.asarray, known) for kind, known in found.items()}


def draw_cut_out(network: Network, net: NetState, photos: np.ndarray) -> np.ndarray:
    """Windows uint8 [N, SIZE, SIZE, 3] of photos uint8, before a plain background."""
    windows = to_float(middle_window(photos))
    alpha = find_mattes(network, net, windows)[..., None]
    plain = to_float(jnp.array(PLAIN, jnp.uint8))
    return to_uint8(alpha * windows + (1 - alpha) * plain)


def find_mattes(network: Network, net: NetState, windows: np.ndarray) -> np.ndarray:
    """Mattes [N, SIZE, SIZE] from 0 to 1 of windows [N, SIZE, SIZE, 3] in [-1, 1]."""
    return in_batches(partial(apply_matte, network, net), np.asarray(windows))
