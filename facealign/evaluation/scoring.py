"""The numbers of one system."""

import jax.numpy as jnp
import numpy as np

from facealign.evaluation.baselines import Outputs
from facealign.evaluation.evaluation_set import EvaluationSet, yaw_bins
from facealign.evaluation.gallery import (
    recognition_scores,
    tar_score,
    to_gallery,
    to_output_gallery,
)
from facealign.faces.measure import Measured
from facealign.geometry.pose import FRONTAL
from facealign.images import to_float
from facealign.metrics import distributions, image_quality, verification
from facealign.metrics.bootstrap import Score, Scores, mean_score

ONE_PERSON = "one person only"
TINY = 1e-6


def score(
    eval_set: EvaluationSet, outputs: Outputs, measured: Measured | None
) -> dict[str, Scores]:
    """All scores of a system: of all photos under "all", and by bin of the input's yaw.

    Args:
      eval_set: what the outputs are compared with.
      outputs: of the system.
      measured: of the outputs; None without face tools.
    """
    rows = {"all": np.arange(len(outputs.rows))}
    for name, inside in yaw_bins(eval_set).items():
        rows[name] = np.flatnonzero(np.isin(outputs.rows, inside))
    scores = {name: {"photos": Score(len(chosen))} for name, chosen in rows.items() if len(chosen)}
    if measured:
        for name in scores:
            scores[name] |= pose_scores(eval_set, outputs, measured, rows[name])
            distances = to_gallery(eval_set, outputs, measured, rows[name])
            scores[name] |= recognition_scores(distances)
        scores["all"] |= identity_scores(eval_set, outputs, measured)
        scores["all"] |= realism_scores(eval_set, outputs, measured)
    scores["all"] |= pixel_scores(eval_set, outputs)
    return scores


def pose_scores(
    eval_set: EvaluationSet, outputs: Outputs, measured: Measured, rows: np.ndarray
) -> Scores:
    """How far the heads of outputs [rows] are turned away; infinitely far without a face."""
    person = eval_set.person[outputs.rows[rows]]
    found = measured.found[rows]
    scores = {"found": mean_score(found, person)}
    for angle, values in (("yaw", measured.yaw[rows]), ("pitch", measured.pitch[rows])):
        away = np.where(found, np.abs(values), np.inf)
        scores[f"{angle} median"] = Score(float(np.median(away)))
        scores[f"{angle} < 8"] = mean_score(away < FRONTAL, person)
    for angle in ("pitch", "roll"):
        made, real = getattr(measured, angle)[rows], getattr(eval_set.measured, angle)
        scores[f"{angle} off"] = _off(made[found], real[eval_set.frontal])
    return scores


def _off(angles: np.ndarray, real: np.ndarray) -> Score:
    """How far the median angle of outputs is from that of real frontal photos."""
    if not len(angles) or not len(real):
        return Score(np.nan, why="no face, or no real frontal photo")
    return Score(float(abs(np.median(angles) - np.median(real))))


def identity_scores(eval_set: EvaluationSet, outputs: Outputs, measured: Measured) -> Scores:
    """Median distances of outputs to their own input and to inputs of other people."""
    table = verification.distances(measured.descriptor, eval_set.measured.descriptor)
    person = eval_set.person[outputs.rows]
    own = table[np.arange(len(person)), outputs.rows]
    scores = {
        "to input": Score(float(np.median(own))),
        "kept": Score(np.nan, why="no photo that is frontal already"),
        "to others": Score(np.nan, why=ONE_PERSON),
        "TAR of outputs by outputs": tar_score(to_output_gallery(eval_set, outputs, measured)),
    }
    frontal = np.abs(eval_set.yaw[outputs.rows]) < FRONTAL
    if frontal.any():
        scores["kept"] = Score(float(np.median(own[frontal])))
    if eval_set.people > 1:
        others = [
            np.median(row[eval_set.person != p]) for row, p in zip(table, person, strict=True)
        ]
        scores["to others"] = Score(float(np.median(others)))
    return scores


def realism_scores(eval_set: EvaluationSet, outputs: Outputs, measured: Measured) -> Scores:
    """`realism` of the outputs in which a face is found."""
    found = measured.found
    return realism(eval_set, measured.descriptor[found], eval_set.person[outputs.rows[found]])


def realism(eval_set: EvaluationSet, descriptors: np.ndarray, person: np.ndarray) -> Scores:
    """FD and KID of descriptors [n, D] of people [n] to real frontal photos of other people."""
    real = eval_set.measured.descriptor[eval_set.frontal]
    real_person = eval_set.person[eval_set.frontal]
    scores = {}
    for name, distance in (("FD", distributions.frechet), ("KID", distributions.kid)):
        mean, spread = distributions.across_halves(distance, descriptors, person, real, real_person)
        why = "" if np.isfinite(mean) else "too few faces or real frontal photos"
        scores[name] = Score(mean, mean - spread, mean + spread, why)
    return scores


def pixel_scores(eval_set: EvaluationSet, outputs: Outputs) -> Scores:
    """Scores that need no face tools, each divided by that of real photos."""
    person, training = eval_set.person[outputs.rows], eval_set.training["image"]
    known = len(eval_set.frontal) > 0
    real = eval_set.images[eval_set.frontal] if known else training
    images = _floats(outputs.images)
    sharpness = np.asarray(image_quality.sharpness(images))
    usual = max(float(image_quality.sharpness(_floats(real)).mean()), TINY)
    scores = {"sharpness": mean_score(sharpness / usual, person)}
    scores["diversity"] = Score(np.nan, why=ONE_PERSON)
    if len(np.unique(person)) > 1:
        inputs = _floats(eval_set.images[outputs.rows])
        usual = max(float(image_quality.spread_between(inputs, person)), TINY)
        scores["diversity"] = Score(float(image_quality.spread_between(images, person)) / usual)
    if not known:
        return scores | {"novelty": Score(np.nan, why="no real frontal photo to compare with")}
    return scores | {"novelty": _novelty(outputs.images, real, training)}


def _novelty(images: np.ndarray, real: np.ndarray, training: np.ndarray) -> Score:
    """Median distance of outputs to the nearest training photo, divided by that of real photos."""
    usual = float(np.median(_nearest_distances(real, training)))
    if usual < TINY:
        return Score(np.nan, why="the real frontal photos are those of training")
    return Score(float(np.median(_nearest_distances(images, training))) / usual)


def _floats(images: np.ndarray) -> jnp.ndarray:
    return to_float(jnp.asarray(images))


def _nearest_distances(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distances [N] of uint8 images to the nearest of others, at a quarter of their size."""
    small = (_shrink(x).reshape(len(x), -1) for x in (images, others))
    return distributions.nearest_distances(*small)


def _shrink(images: np.ndarray) -> np.ndarray:
    """Means of 4 x 4 px, [N, H, W, 1] to [N, H / 4, W / 4]."""
    count, height, width = images.shape[:3]
    blocks = images[:, : height // 4 * 4, : width // 4 * 4, 0]
    return blocks.reshape(count, height // 4, 4, width // 4, 4).mean(axis=(2, 4), dtype=np.float32)
