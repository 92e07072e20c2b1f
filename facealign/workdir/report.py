"""The last page of a run, report.md, and Markdown tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from etils import epath
from ml_collections import ConfigDict

from facealign.names import DOMAINS
from facealign.paths import write_whole

Numbers = Mapping[str, float]


def markdown_table(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells as a Markdown table: the first line is the head, the first column the names.

    Padded, so that a terminal shows a table too. Names are aligned to the left, the rest to the
    right.
    """
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(lines[0]))]
    rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    return "\n".join(
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in (lines[0], rule, *lines[1:])
    )


def number_table(rows: Mapping[str, Numbers]) -> str:
    """A Markdown table of numbers by row and column name; - where a row has none."""
    columns = list(dict.fromkeys(column for numbers in rows.values() for column in numbers))
    lines = [["", *columns]]
    for name, numbers in rows.items():
        lines.append([name, *(f"{numbers[c]:.4f}" if c in numbers else "-" for c in columns)])
    return markdown_table(lines)


def write_report(
    workdir: epath.Path,
    config: ConfigDict,
    data: Mapping[str, Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    baselines: Mapping[str, Numbers],
    best_step: int | None,
) -> None:
    """Writes report.md: what ran, the last numbers beside baselines, alarms, pictures.

    Args:
      workdir: of the run; the page links to the pictures in it.
      config: of the run.
      data: the training examples by domain.
      rows: of metrics.jsonl.
      baselines: name -> numbers of the kind that an evaluation row has.
      best_step: of the best checkpoint, None if there is none.
    """
    stages = {row["stage"]: row for row in rows if "timing" in row}
    evaluations = {row["stage"]: row for row in rows if "trained_views" in row}
    last = max(row["step"] for row in rows)
    lines = [
        f"# {workdir.name}",
        f"Model {config.model.name}; {config.data.image_size} px, batches of "
        f"{config.data.batch_size} per domain, seed {config.seed}. {_describe(config, data)} "
        f"Step {last}; the best checkpoint by {config.best_metric} is step {best_step}.",
        f"![samples](samples/step_{last:06d}.png)",
        "## Held-out people, at the end of each stage",
        "L1 of images in [-1, 1]; diversity divided by that of the inputs; change since the "
        "previous evaluation.",
        number_table(_numbers(evaluations) | {f"({name})": row for name, row in baselines.items()}),
        "## Training, last row of each stage",
        number_table(_numbers(stages)),
        "![curves](curves.png)",
        "## Alarms",
        "\n".join(f"- step {r['step']}, {r['alarm']}: {r['text']}" for r in rows if "alarm" in r)
        or "None.",
        "## Time to fetch batches",
        "![fetch times](fetch_times.png)",
    ]
    write_whole(workdir / "report.md", ("\n\n".join(lines) + "\n").encode())


def _describe(config: ConfigDict, data: Mapping[str, Mapping[str, Any]]) -> str:
    """How many training photos of how many people each domain has."""
    counts = []
    for letter, domain in zip("UR", DOMAINS, strict=True):
        subjects = data[domain]["subject"]
        people = len(np.unique(subjects))
        name = config.data[domain]
        counts.append(f"{letter} is {name}, {len(subjects):,} photos of {people:,} people")
    return "; ".join(counts) + "."


def _numbers(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """The floats of each row."""
    return {
        name: {key: value for key, value in row.items() if isinstance(value, float)}
        for name, row in rows.items()
    }
