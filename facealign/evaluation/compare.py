"""A system and its baselines on the same photos."""

import contextlib
from collections.abc import Callable, Iterable, Mapping
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
from facealign.evaluation.evaluation_set import EvaluationSet, Photos, create_evaluation_set
from facealign.evaluation.scoring import realism, score
from facealign.faces.measure import Measured
from facealign.faces.measurement_cache import MeasurementCache
from facealign.metrics.bootstrap import Scores

FLOOR = "real frontal photos (floor)"


class System(NamedTuple):
    """The outputs of a system and their scores."""

    outputs: Outputs
    measured: Measured | None  # of the outputs; None without face tools
    scores: dict[str, Scores]  # of all photos under "all", and by bin of the input's yaw


class Comparison(NamedTuple):
    """The result of an evaluation."""

    name: str  # of the evaluated system
    eval_set: EvaluationSet
    systems: dict[str, System]  # the evaluated one first, then the baselines
    cfp_protocol: dict[str, Scores]  # of CFP's protocol, by system; {} for other photos
    floor: Scores  # FD and KID of real frontal photos to those of other people
    notes: list[str]  # what to keep in mind, and why numbers are missing

    @property
    def evaluated(self) -> System:
        """The evaluated system."""
        return self.systems[self.name]


def compare(
    name: str,
    translate: Callable[[np.ndarray], np.ndarray],
    photos: Photos,
    train: Mapping[str, Examples],
    frontal_yaw: float,
    open_cache: Callable[[], MeasurementCache],
    baselines: Mapping[str, Baseline] = BASELINES,
    canonical: bool = False,
) -> Comparison:
    """Scores a system and all baselines.

    Args:
      name: of the system.
      translate: uint8 photos [N, H, W, 1] to frontal ones.
      photos: to evaluate on.
      train: the training examples by domain.
      frontal_yaw: degrees; a photo with a smaller |yaw| is a real frontal photo.
      open_cache: opens the cache of measurements. Where it raises `UserError`, since the face
        tools are not installed, pose and identity are left out.
      baselines: by name.
      canonical: whether the system is made for canonical crops, so that it gets aligned photos.
    """
    with contextlib.ExitStack() as stack:
        cache, measured, notes = _measure(photos, open_cache, stack)
        eval_set = create_evaluation_set(photos, train, frontal_yaw, measured)
        inputs = aligned(eval_set) if canonical else eval_set.images
        made = {name: of_all(translate(inputs))}
        made |= {baseline: make(eval_set) for baseline, make in baselines.items()}
        systems = {}
        for system, outputs in made.items():
            if len(outputs.rows):
                seen = cache.measure(outputs.images, system) if cache else None
                systems[system] = System(outputs, seen, score(eval_set, outputs, seen))
    protocol, floor = {}, {}
    if measured:
        frontal = eval_set.frontal
        floor = realism(eval_set, measured.descriptor[frontal], eval_set.person[frontal])
        if photos.dataset == cfp_protocol.DATASET:
            protocol = {
                name: cfp_protocol.frontal_profile(eval_set, system.outputs, system.measured)
                for name, system in systems.items()
            }
    scores = [*(system.scores for system in systems.values()), {"all": floor}]
    notes += notes_on_photos(eval_set) + notes_on_missing(scores)
    return Comparison(name, eval_set, systems, protocol, floor, notes)


def notes_on_photos(eval_set: EvaluationSet) -> list[str]:
    """What to keep in mind of the photos."""
    notes = []
    enrolled = int((eval_set.gallery >= 0).sum())
    if "train" in eval_set.photos.splits:
        notes.append("Some of these people were trained on: their numbers prove nothing.")
    if enrolled < eval_set.people:
        notes.append(
            f"{eval_set.people - enrolled} of {eval_set.people} people have no photo that is known "
            "to be frontal; they are left out where outputs are compared with real frontal photos."
        )
    measured = eval_set.measured
    if measured and not measured.found.all():
        missed = int((~measured.found).sum())
        notes.append(
            f"No face is found in {missed} of {len(measured.found)} input photos. A photo or "
            "output without a face counts as not frontal and as no match for anybody."
        )
    if comes_aligned(eval_set.photos.dataset):
        notes.append("These photos are aligned already, so geometric alignment has no row.")
    return notes


def notes_on_missing(all_scores: Iterable[Mapping[str, Scores]]) -> list[str]:
    """Why numbers are missing, each reason once."""
    found: dict[str, list[str]] = {}
    for scores in all_scores:
        for part, numbers in scores.items():
            for name, number in numbers.items():
                if number.why:
                    where = name if part == "all" else f"{name} at {part} degrees"
                    found.setdefault(number.why, []).append(where)
    return [f"No number for {', '.join(dict.fromkeys(w))}: {why}." for why, w in found.items()]


def _measure(
    photos: Photos, open_cache: Callable[[], MeasurementCache], stack: contextlib.ExitStack
) -> tuple[MeasurementCache | None, Measured | None, list[str]]:
    """The opened cache, what it says of the photos, and a note where it says nothing."""
    images = photos.examples["image"]
    try:
        cache = stack.enter_context(open_cache())
        measured = cache.measure(images)
    except UserError as error:
        return None, None, [f"Pose and identity are left out: {error}."]
    if not measured.found.any():
        why = f"no face in any of the {len(images)} photos"
        return None, None, [f"Pose and identity are left out: {why}."]
    return cache, measured, []
