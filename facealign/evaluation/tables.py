"""A comparison as tables of words, as Markdown, and as JSON."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from facealign.evaluation.compare import FLOOR, Comparison
from facealign.metrics.bootstrap import Score, Scores
from facealign.workdir.page import markdown_table

Table = tuple[str, list[list[str]]]  # a title; lines of cells, the first line is the head

PERCENT = ("found", "yaw < 8", "pitch < 8", "TAR", "EER", "rank-1", "TAR of outputs by outputs",
           "accuracy")  # fmt: skip
DEGREES = ("yaw median", "pitch median", "pitch off", "roll off")
PARTS = {
    "Summary": ("found", "yaw < 8", "TAR", "rank-1", "KID", "sharpness"),
    "Pose": ("photos", "found", "yaw median", "yaw < 8", "pitch median", "pitch < 8",
             "pitch off", "roll off"),
    "Identity": ("TAR", "EER", "AUC", "rank-1", "to input", "kept", "to others",
                 "TAR of outputs by outputs"),
    "Realism": ("FD", "KID", "sharpness", "diversity", "novelty"),
}  # fmt: skip
BY_BIN = ("yaw < 8", "TAR", "rank-1", "pitch off", "roll off")
WITH_INTERVAL = ("yaw < 8", "TAR", "rank-1", "FD", "KID", "EER", "AUC", "accuracy")
LEGEND = {
    "found": "share of outputs in which a face is found",
    "yaw, pitch": "of the head in degrees, 0 looks into the camera: median of the absolute values, "
    "and share below 8. Pitch 0 differs from person to person, so trust only changes of pitch",
    "pitch off, roll off": "how far the median angle of the outputs is from that of real frontal "
    "photos, degrees",
    "TAR": "true accept rate: share of outputs accepted as their person, each compared with one "
    "real frontal photo of that person, at the threshold that accepts 1 % of other people",
    "EER, AUC": "equal error rate, and area under the ROC curve, of the same comparisons",
    "rank-1": "share of outputs whose nearest real frontal photo shows the right person",
    "to input, to others": "median distance of descriptors from an output to its own input, and to "
    "inputs of other people; the oracle's shows how far two photos of one person are apart",
    "kept": "median distance to the input of photos that are less than 8 degrees aside already",
    "TAR of outputs by outputs": "TAR against the outputs for the real frontal photos. Do not rely "
    "on it: the same stranger for every photo of a person gets 100 %",
    "FD, KID": "Frechet distance and kernel distance (times 1000) of descriptors to real frontal "
    "photos of other people: mean and standard deviation over random halves of the people; the "
    "floor is that of real frontal photos",
    "sharpness": "gradient energy, divided by that of real frontal photos",
    "diversity": "mean distance between outputs of different people, divided by that of the inputs",
    "novelty": "median distance to the nearest R photo of training, divided by that of real "
    "frontal photos; 0 is a copy of a training photo",
}


def tables(comparison: Comparison) -> list[Table]:
    """All tables; columns that no system has are left out."""
    scores = {name: system.scores["all"] for name, system in comparison.systems.items()}
    scores[FLOOR] = comparison.floor
    found = []
    for title, columns in PARTS.items():
        present = [c for c in columns if any(c in row for row in scores.values())]
        rows = {name: row for name, row in scores.items() if any(c in row for c in present)}
        found.append((title, _lines(rows, present)))
    found += _by_bin(comparison)
    if comparison.cfp_protocol:
        columns = ("folds", "accuracy", "EER", "AUC")
        found.append(("CFP frontal-profile protocol", _lines(comparison.cfp_protocol, columns)))
    return found


def markdown(comparison: Comparison, facts: Sequence[str]) -> str:
    """The page evaluation.md; `facts` are sentences for its top."""
    parts = ["# Evaluation", *facts]
    for title, lines in tables(comparison):
        parts += [f"## {title}", markdown_table(lines)]
    parts += ["## What the columns mean", "\n".join(f"- **{k}**: {v}." for k, v in LEGEND.items())]
    if comparison.notes:
        parts += ["## Notes", "\n".join(f"- {note}" for note in comparison.notes)]
    return "\n\n".join(parts) + "\n"


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Everything as plain values; null where there is no number, with the reason under "why"."""
    eval_set = comparison.eval_set
    return {
        "dataset": eval_set.photos.dataset,
        "splits": list(eval_set.photos.splits),
        "photos": len(eval_set.person),
        "people": eval_set.people,
        "people_in_gallery": int((eval_set.gallery >= 0).sum()),
        "systems": {
            name: {part: _plain(scores) for part, scores in system.scores.items()}
            for name, system in comparison.systems.items()
        },
        "floor": _plain(comparison.floor),
        "folds": {name: _plain(scores) for name, scores in comparison.cfp_protocol.items()},
        "notes": comparison.notes,
    }


def cell(name: str, score: Score | None, interval: bool = True) -> str:
    """A score as a table shows it, with or without its interval; - where there is none."""
    if score is None or math.isnan(score.value):
        return "-"
    if name in ("photos", "folds"):
        return f"{score.value:.0f}"
    if math.isinf(score.value):
        return "no face"
    text = _number(name, score.value)
    if interval and name in WITH_INTERVAL and not math.isnan(score.low):
        low, high = (_number(name, end).removesuffix(" %") for end in (score.low, score.high))
        text += f" ({low} to {high})"
    return text


def _by_bin(comparison: Comparison) -> list[Table]:
    """A table for each of `BY_BIN`, with a column for each bin of the input's yaw."""
    counts = comparison.evaluated.scores
    bins = [b for b in counts if b != "all"]
    head = ["", *(f"{b} ({counts[b]['photos'].value:.0f})" for b in bins)]
    found = []
    for name in BY_BIN:
        if not any(name in system.scores["all"] for system in comparison.systems.values()):
            continue
        lines = [
            [title, *(cell(name, system.scores.get(b, {}).get(name), False) for b in bins)]
            for title, system in comparison.systems.items()
        ]
        found.append((f"{name} by |yaw| of the input in degrees (photos)", [head, *lines]))
    return found


def _lines(rows: Mapping[str, Scores], columns: Sequence[str]) -> list[list[str]]:
    """The lines of a table with a row for each system."""
    lines = [[name, *(cell(c, row.get(c)) for c in columns)] for name, row in rows.items()]
    return [["", *columns], *lines]


def _number(name: str, value: float) -> str:
    if math.isinf(value):
        return "no face"
    if name in PERCENT:
        return f"{100 * value:.0f} %"
    if name in DEGREES:
        return f"{value:.1f}"
    return f"{1000 * value:.1f}" if name == "KID" else f"{value:.2f}"


def _plain(scores: Scores) -> dict[str, Any]:
    return {
        name: {
            key: value if isinstance(value, str) or math.isfinite(value) else None
            for key, value in score._asdict().items()
        }
        for name, score in scores.items()
    }
