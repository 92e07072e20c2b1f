"""A judgement as tables of words, as Markdown, and as JSON."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from facealign.evaluation.compare import FLOOR, Judgement
from facealign.evaluation.scoring import Score, Scores

Table = tuple[str, list[list[str]]]  # a title; lines of cells, the first is the head

PERCENT = ("found", "yaw < 8", "pitch < 8", "TAR", "EER", "rank-1", "TAR of outputs by outputs",
           "accuracy")  # fmt: skip
DEGREES = ("yaw median", "pitch median")
PARTS = {
    "In short": ("found", "yaw < 8", "TAR", "rank-1", "KID", "sharpness"),
    "Turned": ("photos", "found", "yaw median", "yaw < 8", "pitch median", "pitch < 8"),
    "The same person": ("TAR", "EER", "AUC", "rank-1", "to input", "to others",
                        "TAR of outputs by outputs"),
    "Like a photo": ("FD", "KID", "sharpness", "diversity", "novelty"),
}  # fmt: skip
BY_BIN = ("yaw < 8", "TAR", "rank-1")
WITH_INTERVAL = ("yaw < 8", "TAR", "rank-1", "FD", "KID", "EER", "AUC", "accuracy")
LEGEND = {
    "found": "share of the outputs in which a face is found",
    "yaw, pitch": "of the head in degrees, 0 looks into the camera; median of the absolute values, "
    "and the share below 8. People's pitch has no common zero: trust only how it changes",
    "TAR": "share of the outputs that are accepted as their person, by one real frontal photo "
    "each, at the threshold that lets 1 % of other people pass",
    "EER, AUC": "equal error rate, and area under the curve, of the same comparison",
    "rank-1": "share whose nearest real frontal photo is the right person's",
    "to input, to others": "median distance of the descriptor to that of the output's own input "
    "photo, and to those of other people; of two photos of one person, see the oracle",
    "TAR of outputs by outputs": "shown as a warning: handing back the same stranger for every "
    "photo of a person makes it perfect",
    "FD, KID": "Frechet and kernel distance (times 1000) of descriptors to real frontal photos of "
    "other people, mean and spread over halvings of the people; the floor is what real photos get",
    "sharpness": "gradient energy as a share of that of real frontal photos",
    "diversity": "mean distance between outputs of different people as a share of the inputs'",
    "novelty": "median distance to the nearest R photo of training, as a share of what real "
    "frontal photos have; 0 is a copy of a training photo",
}


def tables(judgement: Judgement) -> list[Table]:
    """All tables; columns that no system has are left out."""
    scores = {name: system.scores["all"] for name, system in judgement.systems.items()}
    scores[FLOOR] = judgement.floor
    found = []
    for title, columns in PARTS.items():
        present = [c for c in columns if any(c in row for row in scores.values())]
        rows = {name: row for name, row in scores.items() if any(c in row for c in present)}
        found.append((title, _lines(rows, present)))
    found += _by_bin(judgement)
    if judgement.folds:
        columns = ("folds", "accuracy", "EER", "AUC")
        found.append(("CFP frontal-profile protocol", _lines(judgement.folds, columns)))
    return found


def markdown(judgement: Judgement, facts: Sequence[str]) -> str:
    """The page evaluation.md."""
    parts = ["# Evaluation", *facts]
    for title, lines in tables(judgement):
        parts += [f"## {title}", markdown_table(lines)]
    parts += ["## What the words mean", "\n".join(f"- **{k}**: {v}." for k, v in LEGEND.items())]
    if judgement.notes:
        parts += ["## To know", "\n".join(f"- {note}" for note in judgement.notes)]
    return "\n\n".join(parts) + "\n"


def markdown_table(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells, the first column to the left, the others to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    return "\n".join(
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in (lines[0], rule, *lines[1:])
    )


def to_json(judgement: Judgement) -> dict[str, Any]:
    """Everything as plain values; null for what is no number, with the reason under "why"."""
    return {
        "dataset": judgement.bench.photos.dataset,
        "splits": list(judgement.bench.photos.splits),
        "photos": len(judgement.bench.person),
        "people": judgement.bench.people,
        "people_in_gallery": int((judgement.bench.gallery >= 0).sum()),
        "systems": {
            name: {part: _plain(scores) for part, scores in system.scores.items()}
            for name, system in judgement.systems.items()
        },
        "floor": _plain(judgement.floor),
        "folds": {name: _plain(scores) for name, scores in judgement.folds.items()},
        "notes": judgement.notes,
    }


def cell(name: str, score: Score | None, interval: bool = True) -> str:
    """A score as it stands in a table."""
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


def _by_bin(judgement: Judgement) -> list[Table]:
    bins = [b for b in next(iter(judgement.systems.values())).scores if b != "all"]
    found = []
    for name in BY_BIN:
        if not any(name in system.scores["all"] for system in judgement.systems.values()):
            continue
        counts = next(iter(judgement.systems.values())).scores
        head = ["", *(f"{b} ({counts[b]['photos'].value:.0f})" for b in bins)]
        lines = [
            [system, *(cell(name, part.scores.get(b, {}).get(name), False) for b in bins)]
            for system, part in judgement.systems.items()
        ]
        found.append((f"{name} by the yaw of the input, degrees (photos)", [head, *lines]))
    return found


def _lines(rows: Mapping[str, Scores], columns: Sequence[str]) -> list[list[str]]:
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
