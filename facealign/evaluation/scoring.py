"""The numbers of one system: its outputs against the bench."""

import jax.numpy as jnp
import numpy as np

from facealign.data.load import to_float
from facealign.evaluation.baselines import Outputs
from facealign.evaluation.recognition import (
    recognition_scores,
    tar_score,
    with_gallery,
    with_outputs,
)
from facealign.evaluation.score import Score, Scores, mean_score
from facealign.evaluation.test_photos import Bench, yaw_bins
from facealign.faces.measure import Measured
from facealign.geometry.pose import FRONTAL
from facealign.metrics import distributions, image_quality, verification

ALONE, TINY = "one person only", 1e-6


def score(bench: Bench, outputs: Outputs, measured: Measured | None) -> dict[str, Scores]:
    """All scores of a system: of all photos under "all", and by the yaw that the input had.

    Args:
      bench: what to judge against.
      outputs: of the system.
      measured: what the instruments say of the outputs; None without instruments.
    """
    rows = {"all": np.arange(len(outputs.rows))}
    for name, inside in yaw_bins(bench).items():
        rows[name] = np.flatnonzero(np.isin(outputs.rows, inside))
    scores = {name: {"photos": Score(len(chosen))} for name, chosen in rows.items() if len(chosen)}
    if measured:
        for name in scores:
            scores[name] |= pose_scores(bench, outputs, measured, rows[name])
            scores[name] |= recognition_scores(with_gallery(bench, outputs, measured, rows[name]))
        scores["all"] |= identity_scores(bench, outputs, measured)
        scores["all"] |= realism_scores(bench, outputs, measured)
    scores["all"] |= pixel_scores(bench, outputs)
    return scores


def pose_scores(bench: Bench, outputs: Outputs, measured: Measured, rows: np.ndarray) -> Scores:
    """How far outputs [rows] look away; one without a face looks infinitely far away."""
    person = bench.person[outputs.rows[rows]]
    found = measured.found[rows]
    scores = {"found": mean_score(found, person)}
    for angle, values in (("yaw", measured.yaw[rows]), ("pitch", measured.pitch[rows])):
        away = np.where(found, np.abs(values), np.inf)
        scores[f"{angle} median"] = Score(float(np.median(away)))
        scores[f"{angle} < 8"] = mean_score(away < FRONTAL, person)
    return scores


def identity_scores(bench: Bench, outputs: Outputs, measured: Measured) -> Scores:
    """Distance from an output to its own input and to other people's inputs; medians."""
    table = verification.distances(measured.descriptor, bench.measured.descriptor)
    person = bench.person[outputs.rows]
    own = table[np.arange(len(person)), outputs.rows]
    scores = {
        "to input": Score(float(np.median(own))),
        "to others": Score(np.nan, why=ALONE),
        "TAR of outputs by outputs": tar_score(with_outputs(bench, outputs, measured)),
    }
    if bench.people > 1:
        others = [np.median(row[bench.person != p]) for row, p in zip(table, person, strict=True)]
        scores["to others"] = Score(float(np.median(others)))
    return scores


def realism_scores(bench: Bench, outputs: Outputs, measured: Measured) -> Scores:
    """How far the outputs of half of the people are from real frontal photos of the other half."""
    found = measured.found
    return realism(bench, measured.descriptor[found], bench.person[outputs.rows[found]])


def realism(bench: Bench, features: np.ndarray, person: np.ndarray) -> Scores:
    """FD and KID of features of some photos against real frontal photos of other people."""
    real, real_person = bench.measured.descriptor[bench.frontal], bench.person[bench.frontal]
    scores = {}
    for name, distance in (("FD", distributions.frechet), ("KID", distributions.kid)):
        mean, spread = distributions.across_halves(
            distance, features, person, real, real_person, bench.seed
        )
        why = "" if np.isfinite(mean) else "too few faces, or real frontal photos, of two people"
        scores[name] = Score(mean, mean - spread, mean + spread, why)
    return scores


def pixel_scores(bench: Bench, outputs: Outputs) -> Scores:
    """What needs no instruments; each relative to what real photos have."""
    examples, person = bench.photos.examples, bench.person[outputs.rows]
    training = bench.train["restricted"]["image"]
    real = examples["image"][bench.frontal] if len(bench.frontal) else training
    images = _floats(outputs.images)
    sharpness = np.asarray(image_quality.sharpness(images))
    usual = max(float(image_quality.sharpness(_floats(real)).mean()), TINY)
    scores = {"sharpness": mean_score(sharpness / usual, person)}
    scores["diversity"] = Score(np.nan, why=ALONE)
    if len(np.unique(person)) > 1:
        inputs = _floats(examples["image"][outputs.rows])
        usual = max(float(image_quality.spread_between(inputs, person)), TINY)
        scores["diversity"] = Score(float(image_quality.spread_between(images, person)) / usual)
    return scores | {"novelty": _novelty(outputs.images, real, training, len(bench.frontal) > 0)}


def _novelty(images: np.ndarray, real: np.ndarray, training: np.ndarray, known: bool) -> Score:
    """How far outputs are from the nearest training photo, as a share of what real photos are."""
    if not known:
        return Score(np.nan, why="no real frontal photo to compare with")
    usual = float(np.median(_nearest(real, training)))
    if usual < TINY:
        return Score(np.nan, why="the real frontal photos are those of training")
    return Score(float(np.median(_nearest(images, training))) / usual)


def _floats(images: np.ndarray) -> jnp.ndarray:
    return to_float(jnp.asarray(images))


def _nearest(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distance [N] to the nearest of others; both uint8, compared at a quarter of their size."""
    return distributions.nearest(*(_shrink(x).reshape(len(x), -1) for x in (images, others)))


def _shrink(images: np.ndarray) -> np.ndarray:
    """Means of 4 x 4 px, [N, H, W, 1] to [N, H / 4, W / 4]."""
    count, height, width = images.shape[:3]
    blocks = images[:, : height // 4 * 4, : width // 4 * 4, 0]
    return blocks.reshape(count, height // 4, 4, width // 4, 4).mean(axis=(2, 4), dtype=np.float32)
