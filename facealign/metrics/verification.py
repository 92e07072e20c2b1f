"""Verification: do two photos show one person? Decided by the distance of their features.

A genuine pair shows one person, an impostor pair two. A pair is accepted if its distance is at most
a threshold. A distance of infinity means that no face was found: no threshold accepts it. AUC and
EER also count such pairs: a missed genuine and a missed impostor pair are a tie, as in chance.
"""

from typing import NamedTuple

import numpy as np


class Roc(NamedTuple):
    """The receiver operating characteristic, one point per threshold, ascending."""

    thresholds: np.ndarray  # [T], the first below every distance
    far: np.ndarray  # [T] false accept rate: share of impostor pairs accepted
    tar: np.ndarray  # [T] true accept rate: share of genuine pairs accepted


def distances(features: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Euclidean distances [N, M] of features [N, D] and [M, D]; a row of nan is infinitely far."""
    a, b = np.asarray(features, np.float64), np.asarray(others, np.float64)
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(np.where(np.isnan(squares), np.inf, squares), 0))


def roc(genuine: np.ndarray, impostor: np.ndarray) -> Roc:
    """The curve of the distances of genuine [G] and impostor [I] pairs."""
    both = np.concatenate([genuine, impostor])
    thresholds = np.concatenate([[-1.0], np.unique(both[np.isfinite(both)])])
    far, tar = (
        np.searchsorted(np.sort(pairs), thresholds, side="right") / len(pairs)
        for pairs in (impostor, genuine)
    )
    return Roc(thresholds, far, tar)


def auc(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Area under the curve: how often a genuine pair is nearer than an impostor pair.

    A tie counts half, so 0.5 is chance. Distances as in `roc`.
    """
    ranked = np.sort(impostor)
    nearer, not_farther = (np.searchsorted(ranked, genuine, side) for side in ("left", "right"))
    return float((len(ranked) - (nearer + not_farther) / 2).mean() / len(ranked))


def eer(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Equal error rate: where as many impostors are accepted as genuine pairs are rejected.

    Interpolated linearly between two points of the curve; 0.5 is chance. Distances as in `roc`.
    """
    curve = roc(genuine, impostor)
    far, frr = np.append(curve.far, 1), np.append(1 - curve.tar, 0)
    after = int(np.argmax(far >= frr))  # not the first point, whose far is 0 and whose frr is 1
    gaps = (frr - far)[[after - 1, after]]
    share = gaps[0] / (gaps[0] - gaps[1])
    return float(frr[after - 1] + share * (frr[after] - frr[after - 1]))


def tar_at_far(genuine: np.ndarray, impostor: np.ndarray, far: float) -> float:
    """Share of genuine pairs accepted while at most a share `far` of the impostors is.

    nan if there are fewer impostor pairs than `pairs_needed`. Distances as in `roc`.
    """
    if len(impostor) < pairs_needed(far):
        return np.nan
    allowed = int(far * len(impostor) + 1e-9)
    limit = np.partition(impostor, allowed)[allowed] if allowed < len(impostor) else np.inf
    return float((genuine < limit).mean())


def pairs_needed(far: float) -> int:
    """The fewest impostor pairs of which a share `far` is one pair."""
    return int(np.ceil(1 / far - 1e-9))


def rank1(
    table: np.ndarray, probe_subjects: np.ndarray, gallery_subjects: np.ndarray
) -> np.ndarray:
    """Whether the nearest photo of a gallery shows the right person, bool [P].

    A photo of the right person has to be nearer than all photos of others. So a tie and a missed
    face are wrong, as is a probe whose person is not in the gallery.

    Args:
      table: distances [P, G].
      probe_subjects: [P].
      gallery_subjects: [G].
    """
    same = probe_subjects[:, None] == gallery_subjects
    own = np.where(same, table, np.inf).min(axis=1)
    return own < np.where(same, np.inf, table).min(axis=1)


def best_threshold(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """The threshold with the highest `balanced_accuracy`. Distances as in `roc`."""
    curve = roc(genuine, impostor)
    return float(curve.thresholds[np.argmax(curve.tar - curve.far)])


def balanced_accuracy(genuine: np.ndarray, impostor: np.ndarray, threshold: float) -> float:
    """Share of right decisions, genuine and impostor pairs weighted alike.

    Distances as in `roc`.
    """
    return float(((genuine <= threshold).mean() + (impostor > threshold).mean()) / 2)
