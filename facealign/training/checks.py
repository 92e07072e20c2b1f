"""How networks that make no images are evaluated, by role."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

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
    VERIFIER_METRICS,
    draw_found,
    draw_verified,
    measure_detector,
    measure_middle,
    measure_middle_verified,
    measure_verifier,
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


class Trained(NamedTuple):
    """A network with its weights."""

    network: Network
    net: NetState


class Check(NamedTuple):
    """How a network that makes no images is evaluated."""

    metrics: tuple[str, ...]  # lower is better
    # By the networks of a run and held-out examples.
    measure: Callable[[Mapping[str, Trained], Mapping[str, Examples]], dict[str, float]]
    baseline: str  # that needs no network: its name, and its metrics from training and held out
    measure_baseline: Callable[[Mapping[str, Examples], Mapping[str, Examples]], dict[str, float]]
    # Samples by domain -> columns of pictures uint8 [N, H, W, C], by their titles.
    draw: Callable[[Mapping[str, Trained], Mapping[str, Examples]], Mapping[str, np.ndarray]]


def _of(function: Callable, *roles: str) -> Callable:
    """`Check.measure` or `Check.draw` of a function of the networks and nets of roles."""

    def call(trained: Mapping[str, Trained], examples: Mapping[str, Examples]) -> Any:
        return function(*(part for role in roles for part in trained[role]), examples)

    return call


def _of_photos(draw: Callable, domains: Mapping[str, str]) -> Callable:
    """A function for `_of` of one from photos to pictures; `domains` are theirs, by column."""

    def draw_all(network: Network, net: NetState, samples: Mapping[str, Examples]):
        return {name: draw(network, net, samples[d]["image"]) for name, d in domains.items()}

    return draw_all


CHECKS = {
    "reader": Check(
        READER_METRICS,
        _of(measure_reader, "reader"),
        "mean head",
        measure_mean,
        _of(
            _of_photos(draw_reading, dict(zip(("photo", "turned"), DOMAINS, strict=True))), "reader"
        ),
    ),
    "matte": Check(
        MATTE_METRICS,
        _of(measure_matte, "matte"),
        "mean matte",
        measure_mean_matte,
        _of(_of_photos(draw_cut_out, {"cut out": "unrestricted"}), "matte"),
    ),
    "detector": Check(
        DETECTOR_METRICS,
        _of(measure_detector, "detector"),
        "a face in the middle",
        measure_middle,
        _of(draw_found, "detector"),
    ),
    "verifier": Check(
        VERIFIER_METRICS,
        _of(measure_verifier, "detector", "verifier"),
        "a face in the middle",
        measure_middle_verified,
        _of(draw_verified, "detector", "verifier"),
    ),
    "completion": Check(
        COMPLETION_METRICS,
        _of(measure_completion, "completion"),
        "turned, not mended",
        measure_returned,
        _of(draw_completion, "completion"),
    ),
}
