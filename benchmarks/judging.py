"""What benchmarks that judge a run share: which run, photos to measure, turns by known yaws."""

import argparse
from collections.abc import Iterable, Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
from common import create_parser
from etils import epath

from facealign.data.load import load_data
from facealign.evaluation.evaluation_set import EvaluationSet, create_evaluation_set, load_photos
from facealign.faces.measurement_cache import MeasurementCache
from facealign.geometry import views
from facealign.images import to_float, to_uint8


def create_run_parser(about: str | None) -> argparse.ArgumentParser:
    """A parser of flags that say which run, and its checkpoint."""
    parser = create_parser(about)
    parser.add_argument("workdir", type=epath.Path)
    parser.add_argument("--step", type=int, default=0, help="of the checkpoint; 0 is the newest")
    return parser


def measure_photos(data: Any, on: str, meter: MeasurementCache) -> EvaluationSet:
    """The photos of `DATASET:SPLIT,SPLIT`, restricted ones too, and what is measured of them.

    `data` is the `config.data` of a run.
    """
    photos = load_photos(data, on, restricted=True)
    measured = meter.measure(photos.examples["image"])
    return create_evaluation_set(photos, load_data(data, "train"), data.frontal_yaw, measured)


def turn_by(photos: np.ndarray, yaws: Iterable[float]) -> Iterator[tuple[float, np.ndarray]]:
    """Each yaw in degrees, and frontal photos uint8 [N, H, W, 1] turned so by the generic head."""
    frontal, bank = to_float(jnp.asarray(photos)), views.make_bank([(y, 0, 0) for y in yaws])
    for view, yaw in enumerate(yaws):
        maps = views.pick(bank.turn, jnp.full(len(frontal), view))
        yield yaw, to_uint8(views.turn(frontal, maps))
