"""Verification with the run's recognizer, on people that it was not trained on."""

from functools import partial

import jax
import numpy as np

from facealign.data.load import Examples
from facealign.errors import UserError
from facealign.images import in_batches, to_float
from facealign.metrics import verification
from facealign.models.apply import NetState, Network, apply_network

PEOPLE, PHOTOS = 150, 4  # at most: people; evenly spaced photos of each


def choose_people(examples: Examples) -> Examples:
    """At most 150 people with two or more photos, and at most 4 photos of each.

    Raises:
      UserError: there are fewer than two such people, so nobody could be told apart.
    """
    rows: list[int] = []
    names, counts = np.unique(examples["subject"], return_counts=True)
    names = names[counts > 1]
    if len(names) < 2:
        raise UserError(
            "a recognizer is measured on held-out people with two or more photos, of whom "
            f"config.data.unrestricted has {len(names)}; add photos or choose another dataset"
        )
    for name in names[np.linspace(0, len(names) - 1, min(PEOPLE, len(names))).astype(int)]:
        own = np.flatnonzero(examples["subject"] == name)
        rows += list(own[np.linspace(0, len(own) - 1, min(PHOTOS, len(own))).astype(int)])
    return {key: values[np.array(rows, int)] for key, values in examples.items()}


def measure_recognizer(network: Network, net: NetState, people: Examples) -> dict[str, float]:
    """`rates` of the recognizer's embeddings of the photos."""
    embeddings = in_batches(partial(_embed, network, net), people["image"])
    return rates(embeddings, people["subject"])


def measure_pixels(people: Examples) -> dict[str, float]:
    """The same metrics for photos compared pixel by pixel, a baseline without a network."""
    pixels = people["image"].reshape(len(people["image"]), -1).astype(np.float32)
    pixels -= pixels.mean(axis=1, keepdims=True)
    pixels /= np.linalg.norm(pixels, axis=1, keepdims=True) + 1e-6
    return rates(pixels, people["subject"])


def rates(features: np.ndarray, subjects: np.ndarray) -> dict[str, float]:
    """Equal error rate and AUC, as "eer/recognizer" and "auc/recognizer", of all pairs of rows.

    The rows [N, D] are of subjects [N]. {} if all pairs or none are of one person.
    """
    first, second = np.triu_indices(len(features), 1)
    far = verification.distances(features, features)[first, second]
    same = subjects[first] == subjects[second]
    if not same.any() or same.all():
        return {}
    genuine, impostor = far[same], far[~same]
    return {
        "eer/recognizer": verification.eer(genuine, impostor),
        "auc/recognizer": verification.auc(genuine, impostor),
    }


@partial(jax.jit, static_argnums=0)
def _embed(network: Network, net: NetState, images: jax.Array) -> jax.Array:
    return apply_network(network, net, to_float(images))["embedding"]
