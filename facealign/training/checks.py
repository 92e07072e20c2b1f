"""How networks that make no images are evaluated, by role."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from facealign.data.load import Examples
from facealign.models.apply import NetState, Network
from facealign.names import DOMAINS
from facealign.training.matte_check import (
    MATTE_METRICS,
    draw_cut_out,
    measure_matte,
    measure_mean_matte,
)
from facealign.training.reader_check import (
    READER_METRICS,
    draw_reading,
    measure_mean,
    measure_reader,
)


class Check(NamedTuple):
    """How a network that makes no images is evaluated."""

    metrics: tuple[str, ...]  # lower is better
    measure: Callable[[Network, NetState, Mapping[str, Examples]], dict[str, float]]
    baseline: str  # that needs no network: its name, and its metrics from training and held out
    measure_baseline: Callable[[Mapping[str, Examples], Mapping[str, Examples]], dict[str, float]]
    draw: Callable[[Network, NetState, np.ndarray], np.ndarray]  # photos -> pictures
    domains: Mapping[str, str]  # of the photos drawn, by the names of their columns


CHECKS = {
    "reader": Check(
        READER_METRICS,
        measure_reader,
        "mean head",
        measure_mean,
        draw_reading,
        dict(zip(("photo", "turned"), DOMAINS, strict=True)),
    ),
    "matte": Check(
        MATTE_METRICS,
        measure_matte,
        "mean matte",
        measure_mean_matte,
        draw_cut_out,
        {"cut out": "unrestricted"},
    ),
}
