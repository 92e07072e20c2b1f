"""The photos of an evaluation, and what is known of them before a system gets them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from facealign.data.datasets.schema import SPLITS
from facealign.data.datasets.table import DATASETS
from facealign.data.load import Examples, load_examples, take
from facealign.errors import UserError, check_choice
from facealign.faces.measure import Measured

BINS = {"0-15": (0, 15), "15-30": (15, 30), "30-45": (30, 45), "45+": (45, np.inf)}  # |yaw|
UNKNOWN = "unknown"  # the bin of photos whose yaw neither the dataset nor the face tools know
MOST_TRAINING = 5000  # training photos that are used: baselines and novelty need no more


class Photos(NamedTuple):
    """The photos of an evaluation."""

    dataset: str
    splits: tuple[str, ...]
    examples: Examples  # of N photos


class EvaluationSet(NamedTuple):
    """The photos of an evaluation and what is known of them."""

    photos: Photos
    person: np.ndarray  # [N] number of the person, from 0
    people: int
    yaw: np.ndarray  # [N] degrees: from the dataset, else measured, else nan
    frontal: np.ndarray  # [F] rows of real frontal photos
    gallery: np.ndarray  # [people] row of the person's gallery photo, or -1
    measured: Measured | None  # of the photos; None without face tools
    training: Examples  # R photos of training, at most `MOST_TRAINING`

    @property
    def images(self) -> np.ndarray:
        """The photos, uint8 [N, H, W, 1]."""
        return self.photos.examples["image"]


def load_photos(data: Any, on: str, restricted: bool = False) -> Photos:
    """All photos of some datasets and splits, whatever their pose.

    Args:
      data: `config.data`.
      on: `DATASET:SPLIT,SPLIT`. Without splits it is the test split, without a dataset that of U.
      restricted: whether to keep photos that the dataset labels as R photos.

    Raises:
      UserError: an unknown dataset or split, or no photo in them.
    """
    dataset, _, splits = on.partition(":")
    dataset, splits = dataset or data.unrestricted, tuple((splits or "test").split(","))
    for name in dataset.split("+"):
        check_choice(name, DATASETS, "--on")
    for split in splits:
        check_choice(split, SPLITS, "--on")
    parts = [load_examples(data, name, part) for name in dataset.split("+") for part in splits]
    # Streamed images are read into memory, as all systems get all of them.
    parts = [part | {"image": part["image"][np.arange(len(part["image"]))]} for part in parts]
    examples = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    chosen = (examples["domain"] != "restricted") | restricted
    if not chosen.any():
        raise UserError(f"--on={dataset} has restricted photos only; choose another dataset")
    return Photos(dataset, splits, {key: values[chosen] for key, values in examples.items()})


def create_evaluation_set(
    photos: Photos,
    train: Mapping[str, Examples],
    frontal_yaw: float,
    measured: Measured | None,
) -> EvaluationSet:
    """Numbers the people, and chooses real frontal photos and the gallery.

    A person's gallery photo is the one with the smallest |yaw|. With face tools, only photos in
    which a face is found can be frontal.

    Args:
      photos: to evaluate on.
      train: the training examples by domain.
      frontal_yaw: degrees; a photo with a smaller |yaw| is a real frontal photo.
      measured: of the photos; None without face tools.
    """
    training = take({"restricted": train["restricted"]}, MOST_TRAINING)["restricted"]
    names, person = np.unique(photos.examples["subject"], return_inverse=True)
    yaw = photos.examples["yaw"].astype(np.float64)
    usable = np.ones(len(yaw), bool)
    if measured:
        yaw, usable = np.where(np.isnan(yaw), measured.yaw, yaw), measured.found
    away = np.where(usable & (np.abs(yaw) < frontal_yaw), np.abs(yaw), np.inf)
    gallery = np.full(len(names), -1)
    for number in range(len(names)):
        rows = np.flatnonzero(person == number)
        best = rows[np.argmin(away[rows])]
        gallery[number] = best if np.isfinite(away[best]) else -1
    frontal = np.flatnonzero(np.isfinite(away))
    return EvaluationSet(photos, person, len(names), yaw, frontal, gallery, measured, training)


def yaw_bins(eval_set: EvaluationSet) -> dict[str, np.ndarray]:
    """Rows of the photos by the |yaw| of the input; empty bins are left out."""
    away = np.abs(eval_set.yaw)
    bins = {name: (away >= low) & (away < high) for name, (low, high) in BINS.items()}
    bins[UNKNOWN] = np.isnan(away)
    return {name: np.flatnonzero(inside) for name, inside in bins.items() if inside.any()}


def is_probe(eval_set: EvaluationSet) -> np.ndarray:
    """Which photos [N] are compared with the gallery: other photos of the people in it."""
    own = eval_set.gallery[eval_set.person]
    return (own >= 0) & (own != np.arange(len(own)))
