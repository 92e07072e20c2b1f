"""The numbers of one system: its outputs against the bench."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from facealign import distributions, metrics, verification
from facealign.evaluation.baselines import Outputs
from facealign.evaluation.bench import FAR, Bench, is_probe, yaw_bins
from facealign.input_pipeline import to_float
from facealign.intervals import bootstrap, rows_by_person
from facealign.measurements import Measured

FRONTAL = 8.0  # degrees: a head that is turned by less looks into the camera


class Score(NamedTuple):
    """A number and the interval that redrawing people gives it; nan with a reason for none."""

    value: float
    low: float = np.nan
    high: float = np.nan
    why: str = ""  # there is no number


Scores = dict[str, Score]


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
            scores[name] |= gallery_scores(bench, outputs, measured, rows[name])
        scores["all"] |= identity_scores(bench, outputs, measured)
        scores["all"] |= realism_scores(bench, outputs, measured)
    scores["all"] |= pixel_scores(bench, outputs)
    return scores


def pose_scores(bench: Bench, outputs: Outputs, measured: Measured, rows: np.ndarray) -> Scores:
    """How far outputs [rows] look away; one without a face looks infinitely far away."""
    person = bench.person[outputs.rows[rows]]
    found = measured.found[rows]
    scores = {"found": _mean(found, person)}
    for angle, values in (("yaw", measured.yaw[rows]), ("pitch", measured.pitch[rows])):
        away = np.where(found, np.abs(values), np.inf)
        scores[f"{angle} median"] = _statistic(lambda x: float(np.median(x)), away, person)
        scores[f"{angle} < 8"] = _mean(away < FRONTAL, person)
    return scores


def gallery_scores(bench: Bench, outputs: Outputs, measured: Measured, rows: np.ndarray) -> Scores:
    """Whether outputs [rows] are recognized by one real frontal photo of each person."""
    rows = rows[is_probe(bench)[outputs.rows[rows]]]
    return compare(
        measured.descriptor[rows],
        bench.measured.descriptor[bench.gallery],
        bench.person[outputs.rows[rows]],
        bench.gallery >= 0,
    )


def self_scores(bench: Bench, outputs: Outputs, measured: Measured) -> Scores:
    """The same with *outputs* of the gallery photos, which a system can fool: shown beside."""
    place = np.full(len(bench.person), -1)
    place[outputs.rows] = np.arange(len(outputs.rows))
    gallery = np.where(bench.gallery >= 0, place[bench.gallery], -1)
    rows = np.flatnonzero(is_probe(bench)[outputs.rows])
    scores = compare(
        measured.descriptor[rows],
        measured.descriptor[gallery],
        bench.person[outputs.rows[rows]],
        gallery >= 0,
    )
    return {"TAR of outputs by outputs": scores["TAR"]}


def compare(
    probes: np.ndarray, gallery: np.ndarray, person: np.ndarray, enrolled: np.ndarray
) -> Scores:
    """TAR, EER, AUC and rank-1 of probes against a gallery of one photo for each person.

    Args:
      probes: features [P, D]; nan for a missed face.
      gallery: features [people, D].
      person: of the probes [P].
      enrolled: bool [people], who is in the gallery.
    """
    keep = enrolled[person]
    table = verification.distances(probes[keep], gallery)
    # People numbered as they stand in the gallery; each has a column.
    columns = np.flatnonzero(enrolled)
    table, person = table[:, columns], np.searchsorted(columns, person[keep])
    names = ("TAR", "EER", "AUC", "rank-1")
    if not len(person) or len(columns) < 2:
        why = f"needs real frontal photos of two people and photos to compare, has {len(columns)}"
        return {name: Score(np.nan, why=why + f" and {len(person)}") for name in names}
    genuine, impostor = _pairs(table, person, np.arange(len(columns)))
    right = verification.rank1(table, person, np.arange(len(columns)))
    scores = {"rank-1": _mean(right, person), "AUC": Score(verification.auc(genuine, impostor)),
              "EER": Score(verification.eer(genuine, impostor))}  # fmt: skip
    needed = verification.pairs_needed(FAR)
    if len(impostor) < needed:
        why = f"a FAR of {FAR:.0%} needs {needed} pairs of different people, has {len(impostor)}"
        return scores | {"TAR": Score(np.nan, why=why)}

    def redrawn(drawn: np.ndarray) -> float:
        return verification.tar_at_far(*_pairs(table, person, drawn), FAR)

    value = verification.tar_at_far(genuine, impostor, FAR)
    return scores | {"TAR": Score(value, *bootstrap(redrawn, len(columns)))}


def identity_scores(bench: Bench, outputs: Outputs, measured: Measured) -> Scores:
    """Distance from an output to its own input and to other people's inputs; medians."""
    table = verification.distances(measured.descriptor, bench.measured.descriptor)
    person = bench.person[outputs.rows]
    own = table[np.arange(len(person)), outputs.rows]
    others = [np.median(row[bench.person != who]) for row, who in zip(table, person, strict=True)]
    alone = bench.people < 2
    return {
        "to input": Score(float(np.median(own))),
        "to others": Score(np.nan, why="one person only") if alone
        else Score(float(np.median(others))),
    } | self_scores(bench, outputs, measured)  # fmt: skip


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
    examples, training = bench.photos.examples, bench.train["restricted"]["image"]
    real = examples["image"][bench.frontal] if len(bench.frontal) else training
    person = bench.person[outputs.rows]
    images = _floats(outputs.images)
    sharpness = np.asarray(metrics.sharpness(images)) / _sharpness(real)
    away = _nearest(outputs.images, training)
    usual = np.median(_nearest(real, training)) if len(bench.frontal) else np.nan
    scores = {"sharpness": _mean(sharpness, person)}
    if len(np.unique(person)) > 1:
        inputs = metrics.spread_between(_floats(examples["image"][outputs.rows]), person)
        scores["diversity"] = Score(float(metrics.spread_between(images, person) / inputs))
    else:
        scores["diversity"] = Score(np.nan, why="one person only")
    why = "" if usual else "no real frontal photo differs from those of training"
    why = why if len(bench.frontal) else "no real frontal photos to compare with"
    scores["novelty"] = Score(float(np.median(away) / usual) if not why else np.nan, why=why)
    return scores


def _pairs(
    table: np.ndarray, person: np.ndarray, drawn: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Distances of genuine and of impostor pairs among the people drawn."""
    rows = rows_by_person(person, table.shape[1])(drawn)
    own = person[rows]
    return table[rows, own], table[rows][:, drawn][own[:, None] != drawn]


def _mean(values: np.ndarray, person: np.ndarray) -> Score:
    return _statistic(lambda x: float(np.mean(x)), values, person)


def _statistic(
    statistic: Callable[[np.ndarray], float], values: np.ndarray, person: np.ndarray
) -> Score:
    """Of values [n], with its interval under redrawing of people [n]."""
    numbers, person = np.unique(person, return_inverse=True)
    rows = rows_by_person(person, len(numbers))
    interval = bootstrap(lambda drawn: statistic(values[rows(drawn)]), len(numbers))
    return Score(statistic(values), *interval)


def _floats(images: np.ndarray) -> jnp.ndarray:
    return to_float(jnp.asarray(images))


def _sharpness(images: np.ndarray) -> float:
    return max(float(metrics.sharpness(_floats(images)).mean()), 1e-12)


def _nearest(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distance to the nearest of others, on the scale of images in [-1, 1]."""
    flat = (np.asarray(to_float(x)).reshape(len(x), -1) for x in (images, others))
    return distributions.nearest(*flat)
