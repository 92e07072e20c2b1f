"""What the numbers of a run say, in three sentences: what it learned, what not, what to try."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from facealign.stages import CHANGES, OBJECTIVES

Row = Mapping[str, Any]

TASKS = {  # what a number that should be low measures, in plain words; and its unit
    "l1/reconstruction_u": ("to reconstruct images of U", "L1"),
    "l1/reconstruction_r": ("to reconstruct images of R", "L1"),
    "l1/swap": ("to make the image of R that belongs to one of U", "L1"),
    "l1/turned": ("to turn heads back that were turned away in 3D", "L1"),
    "l1/near": ("to mend portraits", "L1"),
    "l1/hidden": ("to fill in what the photo hid of the face", "L1"),
    "l1/seen": ("to keep what the photo showed of the face", "L1"),
    "l1/beside": ("to mend what is beside the face", "L1"),
    "eer/recognizer": ("to tell strangers apart", "equal error rate"),
    "landmarks/photos": ("to find landmarks in photos", "px"),
    "landmarks/turned": ("to find landmarks in turned photos", "px"),
    "yaw/photos": ("to read the yaw of heads in photos", "degrees"),
    "yaw/turned": ("to read the yaw of turned heads", "degrees"),
    "error/composed": ("to cut people out of composed photos", "mean error of a matte"),
    "error/outlines": ("to cut people out of real photos", "mean error of a matte"),
    "lost/faces": ("to rank faces above what is none", "1 - average precision"),
    "missed/faces": ("to find all faces", "share missed"),
    "invented/faces": ("to see no face where there is none", "false finds per canvas"),
    "turned/faces": ("to tell which way is up", "degrees off"),
    "lost/verified": ("to rank faces above what is none", "1 - average precision"),
    "missed/verified": ("to find all faces", "share missed"),
    "invented/verified": ("to see no face where there is none", "false finds per canvas"),
    "turned/verified": ("to tell which way is up", "degrees off"),
}
IMAGES = {  # kinds of outputs, in plain words
    "reconstruction_u": "reconstructions of U",
    "reconstruction_r": "reconstructions of R",
    "swap": "swaps (U's images by R's decoder)",
    "turned": "heads turned back",
}
LOOKED_TWICE = "verified"  # of the numbers of faces, those of both networks count
WELL, HARDLY = 0.6, 0.9  # of the best baseline: below is a success, above is none
BLURRED = 0.7  # of the sharpness of real photos of R
ROSE = 1.1  # times the lowest value of a stage: a number above was better before
FALLING = 0.95  # times an earlier value of the stage: a number that still falls


def find(
    config: ConfigDict, rows: Sequence[Row], baselines: Mapping[str, Row], best_step: int | None
) -> list[str]:
    """Three sentences.

    Args:
      config: of the run.
      rows: of metrics.jsonl.
      baselines: name -> numbers of the kind that an evaluation row has.
      best_step: of the best checkpoint, None if there is none.
    """
    evaluations = [row for row in rows if "trained_views" in row]
    last = evaluations[-1] if evaluations else {}
    learned, partly, missed = _compare(last, baselines)
    missed += _flaws(last, config.monitors.collapse)
    in_part = f" In part: {'; '.join(partly)}." if partly else ""
    return [
        f"Learned, on held-out examples: {'; '.join(learned) or 'nothing that is measured here'}."
        + in_part,
        f"Not learned: {'; '.join(missed) or 'nothing, of all that is measured here'}.",
        f"To try next: {_advise(config, rows, baselines, best_step)}.",
    ]


def best_baseline(name: str, baselines: Mapping[str, Row]) -> tuple[float, str] | None:
    """The lowest value of a number among baselines, and whose it is; None if none has it."""
    return min(((row[name], who) for who, row in baselines.items() if name in row), default=None)


def _compare(last: Row, baselines: Mapping[str, Row]) -> tuple[list[str], list[str], list[str]]:
    """What is far better than all baselines, what is better, and what is not."""
    learned, partly, missed = [], [], []
    for name, (task, unit) in TASKS.items():
        kind, of = name.split("/")
        if of != LOOKED_TWICE and f"{kind}/{LOOKED_TWICE}" in last:
            continue
        if name in last and (least := best_baseline(name, baselines)):
            value, (floor, who) = last[name], least
            text = f"{task} ({unit} {value:.3g}; without a network, {who}: {floor:.3g})"
            well, better = (value < share * floor for share in (WELL, HARDLY))
            (learned if well else partly if better else missed).append(text)
    return learned, partly, missed


def _flaws(last: Row, collapse: float) -> list[str]:
    """What is wrong with images, beside their distance to a target."""
    found = []
    for kind, words in IMAGES.items():
        if last.get(f"diversity/{kind}", 1) < collapse:
            found.append(f"different images of different inputs: {words} are nearly all the same")
        elif last.get(f"sharpness/{kind}", 1) < BLURRED:
            share = last[f"sharpness/{kind}"]
            found.append(f"sharpness: {words} have {share:.2f} of that of R's images")
        if f"sharpness/{kind}" in last and f"l1/{kind}" not in last:
            found.append(f"whether {words} are right is not measured, since no image says it")
    return found


def _advise(
    config: ConfigDict, rows: Sequence[Row], baselines: Mapping[str, Row], best_step: int | None
) -> str:
    """The most pressing change."""
    metric = config.best_metric
    seen = [row for row in rows if math.isfinite(row.get(metric, math.nan))]
    if not seen:
        return f"a run that measures {metric}, since nothing was measured here"
    last, name = seen[-1], seen[-1]["stage"]
    own = [row for row in seen if row["stage"] == name]
    lowest = min(own, key=lambda row: row[metric])
    floor, _ = best_baseline(metric, baselines) or (math.inf, "")
    middle = next(r for r in own if r["step"] >= (own[0]["step"] + last["step"]) / 2)
    before = middle if last[metric] < HARDLY * floor else own[0]  # a slow fall will do if it must
    alarms = {row["alarm"] for row in rows if "alarm" in row and row["stage"] == name}
    flag = f"--config.stages.{name}"
    steps, rate = config.stages[name].steps, config.stages[name].learning_rate
    if last[metric] > ROSE * lowest[metric]:
        kept = ", which is kept" if best_step == lowest["step"] else ""
        start = sum(config.stages[n].steps for n in config.run[: config.run.index(name)])
        refused = OBJECTIVES[config.stages[name].objective].alters
        also = "" if set(CHANGES) <= set(refused) else ", or more kinds of config.augment"
        return (
            f"fewer steps ({flag}.steps={lowest['step'] - start}){also}: {metric} was lowest at "
            f"step {lowest['step']} ({lowest[metric]:.3g}{kept}) and ends at {last[metric]:.3g}"
        )
    if last[metric] < FALLING * before[metric]:
        return (
            f"more steps ({flag}.steps={2 * steps}), since {metric} fell from "
            f"{before[metric]:.3g} at step {before['step']} to {last[metric]:.3g}"
        )
    if "saturation" in alarms:
        return (
            "a discriminator that learns slower "
            "(--config.optimizer.learning_rate_scale.discriminator=0.3), since it was nearly "
            "always right"
        )
    if alarms & {"collapse", "spike"}:
        return f"a lower learning rate ({flag}.learning_rate={rate / 3:.1g})"
    return "another seed (--config.seed=1), which shows by how much such numbers differ"
