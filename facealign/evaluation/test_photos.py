"""What every system is judged against: photos, real frontal photos, and what is known of them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from facealign.data.datasets.table import DATASETS
from facealign.data.load import Examples, load_examples
from facealign.errors import UserError, lookup
from facealign.faces.measure import Measured
from facealign.training.evaluator import take

BINS = {"0-15": (0, 15), "15-30": (15, 30), "30-45": (30, 45), "45+": (45, np.inf)}  # |yaw|
UNKNOWN = "unknown"  # the bin of photos that tell no yaw and in which no face was found
FAR = 0.01
TRAINING = 5000  # photos of training, of each domain, that are looked at


class Photos(NamedTuple):
    """The photos of an evaluation."""

    dataset: str
    splits: tuple[str, ...]
    examples: Examples  # of N photos


class Bench(NamedTuple):
    """The photos of an evaluation and what is known of them."""

    photos: Photos
    person: np.ndarray  # [N] from 0, numbers of the people
    people: int
    yaw: np.ndarray  # [N] degrees: what the dataset says, else what was measured, else nan
    frontal: np.ndarray  # [F] rows of real frontal photos
    gallery: np.ndarray  # [people] row of the one that the person is enrolled with, or -1
    measured: Measured | None  # of the photos; None without instruments
    train: Mapping[str, Examples]  # both domains of the training people
    seed: int


def load_photos(data: Any, on: str, restricted: bool = False) -> Photos:
    """All photos that are asked for, whatever their pose.

    Args:
      data: `config.data`.
      on: `DATASET:SPLIT,SPLIT`; without a split the test split, and "" is the dataset of U.
      restricted: also those that are labelled so.

    Raises:
      UserError: an unknown dataset or split, or no photo in them.
    """
    dataset, _, splits = on.partition(":")
    dataset, splits = dataset or data.unrestricted, tuple((splits or "test").split(","))
    for name in dataset.split("+"):
        lookup(DATASETS, name, "--on")
    for split in splits:
        lookup(dict.fromkeys(("train", "validation", "test")), split, "--on")
    parts = [load_examples(data, name, part) for name in dataset.split("+") for part in splits]
    parts = [part | {"image": part["image"][np.arange(len(part["image"]))]} for part in parts]
    examples = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    chosen = (examples["domain"] != "restricted") | restricted
    if not chosen.any():
        raise UserError(f"--on={dataset} has restricted photos only; choose another dataset")
    return Photos(dataset, splits, {key: values[chosen] for key, values in examples.items()})


def create_bench(
    photos: Photos,
    train: Mapping[str, Examples],
    frontal_yaw: float,
    measured: Measured | None,
    seed: int = 0,
) -> Bench:
    """Finds the real frontal photos: those with a |yaw| below `frontal_yaw` degrees.

    A person's gallery photo is the most frontal one; with instruments, one with a face found.
    """
    train = take(train, TRAINING)
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
    return Bench(photos, person, len(names), yaw, frontal, gallery, measured, train, seed)


def yaw_bins(bench: Bench) -> dict[str, np.ndarray]:
    """Rows of the photos by the yaw that they have before anything is done; empty bins left out."""
    away = np.abs(bench.yaw)
    bins = {name: (away >= low) & (away < high) for name, (low, high) in BINS.items()}
    bins[UNKNOWN] = np.isnan(away)
    return {name: np.flatnonzero(inside) for name, inside in bins.items() if inside.any()}


def is_probe(bench: Bench) -> np.ndarray:
    """Which photos [N] are compared with the gallery: people who are in it, other photos."""
    enrolled = bench.gallery[bench.person]
    return (enrolled >= 0) & (enrolled != np.arange(len(bench.person)))
