"""How networks that make no images are evaluated, by role."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from facealign.data.load import Examples
from facealign.models.apply import NetState, Network
from facealign.names import DOMAINS
from facealign.training.completion_check import (
    COMPLETION_METRICS,
    draw_completion,
    measure_completion,
    measure_returned,
)
from facealign.training.detector_check import (
    DETECTOR_METRICS,
    draw_found,
    measure_detector,
    measure_middle,
)
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
    # Samples by domain -> columns of pictures uint8 [N, H, W, C], by their titles.
    draw: Callable[[Network, NetState, Mapping[str, Examples]], Mapping[str, np.ndarray]]


def _of_photos(draw: Callable, domains: Mapping[str, str]) -> Callable:
    """`Check.draw` of a function from photos to pictures; `domains` are theirs, by column."""

    def draw_all(network: Network, net: NetState, samples: Mapping[str, Examples]):
        return {name: draw(network, net, samples[d]["image"]) for name, d in domains.items()}

    return draw_all


CHECKS = {
    "reader": Check(
        READER_METRICS,
        measure_reader,
        "mean head",
        measure_mean,
        _of_photos(draw_reading, dict(zip(("photo", "turned"), DOMAINS, strict=True))),
    ),
    "matte": Check(
        MATTE_METRICS,
        measure_matte,
        "mean matte",
        measure_mean_matte,
        _of_photos(draw_cut_out, {"cut out": "unrestricted"}),
    ),
    "detector": Check(
        DETECTOR_METRICS,
        measure_detector,
        "a face in the middle",
        measure_middle,
        draw_found,
    ),
    "completion": Check(
        COMPLETION_METRICS,
        measure_completion,
        "turned, not mended",
        measure_returned,
        draw_completion,
    ),
}
