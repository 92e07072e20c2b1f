"""A system and its baselines on one bench."""

import contextlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from facealign.data.load import Examples
from facealign.errors import UserError
from facealign.evaluation import cfp_protocol
from facealign.evaluation.baselines import (
    BASELINES,
    Baseline,
    Outputs,
    aligned,
    comes_aligned,
    of_all,
)
from facealign.evaluation.scoring import Scores, realism, score
from facealign.evaluation.test_photos import Bench, Photos, create_bench
from facealign.faces.measure import Measured, Meter

FLOOR = "real frontal photos (floor)"


class System(NamedTuple):
    """What a system made of the photos, and how it was judged."""

    outputs: Outputs
    measured: Measured | None
    scores: dict[str, Scores]  # under "all", and by the yaw of the input


class Judgement(NamedTuple):
    """The result of an evaluation."""

    name: str  # of the system that is evaluated
    bench: Bench
    systems: dict[str, System]  # it first, then the baselines
    cfp_protocol: dict[str, Scores]  # of CFP's protocol, by system; {} for other photos
    floor: Scores  # FD and KID between real frontal photos of two halves of the people
    notes: list[str]  # what to know of these numbers, and what could not be measured


def judge(
    name: str,
    translate: Callable[[np.ndarray], np.ndarray],
    photos: Photos,
    train: Mapping[str, Examples],
    frontal_yaw: float,
    open_meter: Callable[[], Meter],
    baselines: Mapping[str, Baseline] = BASELINES,
    canonical: bool = False,
) -> Judgement:
    """Judges a system beside all baselines.

    Args:
      name: of the system.
      translate: uint8 photos [N, H, W, 1] to frontal ones.
      photos: to evaluate on.
      train: the training photos by domain.
      frontal_yaw: degrees; what counts as a real frontal photo.
      open_meter: raises `UserError` where there are no instruments; then the judgement does
        without them.
      baselines: by name.
      canonical: the system knows canonical crops only, and gets such.
    """
    images = photos.examples["image"]
    with contextlib.ExitStack() as stack:
        try:
            meter = stack.enter_context(open_meter())
            measured, missing = meter.measure(images), ""
        except UserError as error:
            meter, measured, missing = None, None, f"Pose and identity are left out: {error}."
        if measured and not measured.found.any():
            missing = f"Pose and identity are left out: no face in any of the {len(images)} photos."
            meter = measured = None
        bench = create_bench(photos, train, frontal_yaw, measured)
        made = {name: of_all(translate(aligned(bench) if canonical else images))}
        made |= {name: make(bench) for name, make in baselines.items()}
        systems = {}
        for system, outputs in made.items():
            if len(outputs.rows):
                seen = meter.measure(outputs.images, system) if meter else None
                systems[system] = System(outputs, seen, score(bench, outputs, seen))
    protocol, floor = {}, {}
    if measured:
        real = measured.descriptor[bench.frontal]
        floor = realism(bench, real, bench.person[bench.frontal])
        if photos.dataset == cfp_protocol.DATASET:
            protocol = {
                name: cfp_protocol.frontal_profile(bench, system.outputs, system.measured)
                for name, system in systems.items()
            }
    notes = [missing] if missing else []
    notes += remarks(bench) + reasons(systems | {FLOOR: System(None, None, {"all": floor})})
    return Judgement(name, bench, systems, protocol, floor, notes)


def remarks(bench: Bench) -> list[str]:
    """What to know of the photos."""
    notes = []
    enrolled = int((bench.gallery >= 0).sum())
    if "train" in bench.photos.splits:
        notes.append("Some of these people were trained on: their numbers prove nothing.")
    if enrolled < bench.people:
        notes.append(
            f"{bench.people - enrolled} of {bench.people} people have no photo known to be frontal "
            "and are left out wherever outputs are compared with real frontal photos."
        )
    if bench.measured and not bench.measured.found.all():
        missed = int((~bench.measured.found).sum())
        notes.append(
            f"No face is found in {missed} of {len(bench.person)} photos as they are; here and in "
            "outputs a missed face counts as not frontal and as nobody."
        )
    if comes_aligned(bench.photos.dataset):
        notes.append("Geometric alignment is the input itself: these photos come aligned.")
    return notes


def reasons(systems: Mapping[str, System]) -> list[str]:
    """Why numbers are missing, each reason once."""
    found: dict[str, list[str]] = {}
    for scores in (system.scores for system in systems.values()):
        for part, numbers in scores.items():
            for name, number in numbers.items():
                if number.why:
                    where = name if part == "all" else f"{name} at {part} degrees"
                    found.setdefault(number.why, []).append(where)
    return [f"No number for {', '.join(dict.fromkeys(w))}: {why}." for why, w in found.items()]
