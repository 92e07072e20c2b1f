"""The three sentences that end a run are made from its numbers."""

import pytest

from facealign.training.checks import CHECKS
from facealign.training.evaluator import output_kinds
from facealign.workdir.findings import IMAGES, TASKS, find
from facealign.workdir.legends import NUMBERS, PICTURES

BASELINES = {"mean": {"l1/swap": 0.3, "l1/reconstruction_u": 0.2}, "copy": {"l1/swap": 0.25}}


def evaluation(step, swap, **more):
    return {"step": step, "stage": "mirror", "trained_views": ["swap"], "l1/swap": swap} | more


def sentences(tiny, rows, best_step=None):
    return find(tiny, rows, BASELINES, best_step)


def test_what_beats_the_best_baseline_is_learned_and_all_else_is_not(tiny):
    numbers = {"l1/reconstruction_u": 0.19, "sharpness/swap": 0.5, "diversity/swap": 0.9}
    learned, missed, _ = sentences(tiny, [evaluation(4, 0.1, **numbers)])
    assert "L1 0.1; without a network, copy: 0.25" in learned and "images of U" not in learned
    assert "to reconstruct images of U (L1 0.19; without a network, mean: 0.2)" in missed
    assert "swaps (U's images by R's decoder) have 0.50 of that of R's images" in missed
    assert "nearly all the same" not in missed and "belongs" not in missed


@pytest.mark.parametrize(("swap", "sentence"), [(0.14, "Learned"), (0.16, "part"), (0.23, "Not")])
def test_what_is_hardly_better_is_learned_in_part(swap, sentence, tiny):
    learned, missed, _ = sentences(tiny, [evaluation(4, swap)])
    well, _, partly = learned.partition(" In part: ")
    said = {"Learned": well, "part": partly, "Not": missed}
    assert [name for name, text in said.items() if "that belongs to" in text] == [sentence]


def test_of_faces_looked_at_twice_only_that_counts(tiny):
    row = evaluation(4, 0.1) | {"missed/faces": 0.3, "missed/verified": 0.1}
    learned, missed, _ = find(tiny, [row], {"middle": {"missed/faces": 1, "missed/verified": 1}}, 4)
    assert "to find all faces (share missed 0.1;" in learned and "0.3" not in learned + missed


def test_no_augmentation_is_advised_that_the_stage_refuses(tiny):
    rows = [evaluation(step, value) for step, value in enumerate((0.3, 0.1, 0.2), start=1)]
    assert "or more kinds of config.augment" in sentences(tiny, rows)[2]
    tiny.stages.mirror.objective = "detect"
    assert "config.augment" not in sentences(tiny, rows)[2]
    tiny.stages.mirror.objective = "read"  # which refuses some kinds only
    assert "config.augment" in sentences(tiny, rows)[2]


def test_images_without_a_target_and_images_all_the_same_are_said(tiny):
    row = evaluation(4, 0.1) | {"sharpness/swap": 1.0, "diversity/swap": 0.01}
    del row["l1/swap"]
    learned, missed, after = sentences(tiny, [row])
    assert "nothing that is measured here" in learned
    assert "nearly all the same" in missed and "are right is not measured" in missed
    assert "a run that measures l1/swap" in after


@pytest.mark.parametrize(
    ("values", "alarm", "advice"),
    [
        ((0.3, 0.2, 0.1, 0.05), "collapse", "--config.stages.mirror.steps=8"),
        ((0.9, 0.8, 0.7, 0.7), "collapse", "--config.stages.mirror.steps=8"),
        ((0.9, 0.9, 0.9, 0.9), "collapse", "--config.stages.mirror.learning_rate=0.0003"),
        ((0.3, 0.1, 0.2, 0.2), "collapse", "mirror.steps=2), or more kinds"),
        ((0.3, 0.1, 0.2, 0.2), "collapse", "(0.1, which is kept)"),
        ((0.3, 0.1, 0.1, 0.1), "collapse", "--config.stages.mirror.learning_rate=0.0003"),
        ((0.3, 0.1, 0.1, 0.1), "saturation", "learning_rate_scale.discriminator"),
        ((0.3, 0.1, 0.1, 0.1), "freeze", "--config.seed=1"),
        ((float("nan"),), "non_finite", "a run that measures l1/swap"),
    ],
)
def test_the_advice_fits_the_course_of_the_run(values, alarm, advice, tiny):
    first = tiny.stages.reconstruction.steps + 1
    rows = [evaluation(step, value) for step, value in enumerate(values, first)]
    rows.append({"step": first, "stage": "mirror", "alarm": alarm, "text": "it was so"})
    assert advice in sentences(tiny, rows, best_step=first + 1)[2]


def test_every_number_that_should_be_low_has_plain_words():
    kinds = [output_kinds(paired, turned) for paired, turned in ((0, 0), (1, 0), (0, 1))]
    targets = {f"l1/{name}" for of in kinds for name, kind in of.items() if kind.target}
    checked = {name for check in CHECKS.values() for name in check.metrics}
    assert set(TASKS) == targets | checked | {"eer/recognizer"}
    assert set(IMAGES) == {name for of in kinds for name in of}
    others = {"sharpness", "diversity", "change", "auc"}
    assert set(NUMBERS) == {name.split("/")[0] for name in TASKS} | others
    assert set(PICTURES) <= set(TASKS) | {"sharpness/swap"}
