"""The last page of a run, report.md and report.html."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from etils import epath
from ml_collections import ConfigDict

from facealign.names import DOMAINS
from facealign.workdir.findings import find
from facealign.workdir.legends import describe_numbers, describe_pictures
from facealign.workdir.page import (
    Heading,
    Part,
    Picture,
    Points,
    Table,
    Text,
    Title,
    markdown_table,
    write_page,
)

Numbers = Mapping[str, float]


def number_table(rows: Mapping[str, Numbers]) -> str:
    """A Markdown table of numbers by row and column name; - where a row has none."""
    return markdown_table(number_lines(rows))


def number_lines(rows: Mapping[str, Numbers]) -> list[list[str]]:
    """The same as lines of cells."""
    columns = list(dict.fromkeys(column for numbers in rows.values() for column in numbers))
    lines = [["", *columns]]
    for name, numbers in rows.items():
        lines.append([name, *(f"{numbers[c]:.4f}" if c in numbers else "-" for c in columns)])
    return lines


def write_report(
    workdir: epath.Path,
    config: ConfigDict,
    data: Mapping[str, Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    baselines: Mapping[str, Numbers],
    best_step: int | None,
) -> None:
    """Writes report.md and report.html: pictures, what they say, curves, then tables.

    Args:
      workdir: of the run; the page has the pictures in it.
      config: of the run.
      data: the training examples by domain.
      rows: of metrics.jsonl.
      baselines: name -> numbers of the kind that an evaluation row has.
      best_step: of the best checkpoint, None if there is none.
    """
    stages = {row["stage"]: row for row in rows if "timing" in row}
    evaluations = {row["stage"]: row for row in rows if "trained_views" in row}
    alarms = [f"step {r['step']}, {r['alarm']}: {r['text']}" for r in rows if "alarm" in r]
    last = max(row["step"] for row in rows)
    measured = _numbers(evaluations)
    names = [name for row in measured.values() for name in row]
    legend = describe_pictures(names)
    parts: list[Part] = [
        Title(workdir.name),
        *_pictures(last, best_step, config.best_metric),
        *([Text(legend)] if legend else []),
        Heading("What the numbers say"),
        Text(_describe(config, data)),
        Points(find(config, rows, baselines, best_step)),
        Heading("Curves"),
        Picture("curves.png", "Dashed: values to compare with, named at their right end."),
        Heading("Held-out examples, at the end of each stage"),
        *([Text(f"{describe_numbers(names)}. In brackets what needs no network.")] * bool(names)),
        Table(number_lines(measured | {f"({n})": r for n, r in baselines.items()})),
        Heading("Training, last row of each stage"),
        Table(number_lines(_numbers(stages))),
        Heading("Alarms"),
        Points(alarms) if alarms else Text("None."),
        Heading("What ran"),
        Text(
            f"Model {config.model.name}; {config.data.image_size} px, batches of "
            f"{config.data.batch_size} per domain, seed {config.seed}. Step {last}; the best "
            f"checkpoint by {config.best_metric} is step {best_step}."
        ),
        Picture("fetch_times.png", "Time to fetch batches."),
    ]
    write_page(workdir, "report", parts)


def _pictures(last: int, best_step: int | None, metric: str) -> list[Picture]:
    """The samples of the end; and those of the best step, if that is another one."""
    captions = {last: "At the end"}
    if best_step == last:
        captions = {last: f"At the end, where {metric} is lowest too"}
    elif best_step is not None:
        captions[best_step] = f"Where {metric} was lowest (--step={best_step} takes it)"
    return [
        Picture(f"samples/step_{step:06d}.png", f"{caption}, step {step}.")
        for step, caption in captions.items()
    ]


def _describe(config: ConfigDict, data: Mapping[str, Mapping[str, Any]]) -> str:
    """How many training images of how many people each domain has."""
    counts = []
    for letter, domain in zip("UR", DOMAINS, strict=True):
        subjects = data[domain]["subject"]
        people, name = len(np.unique(subjects)), config.data[domain]
        of = f" of {people:,} people" if people < len(subjects) else ""
        counts.append(f"{letter} is {name}, {len(subjects):,} images{of}")
    return f"Trained on two sets: {'; '.join(counts)}."


def _numbers(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """The floats of each row."""
    return {
        name: {key: value for key, value in row.items() if isinstance(value, float)}
        for name, row in rows.items()
    }
