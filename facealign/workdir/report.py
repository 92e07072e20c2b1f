"""The closing page of a run, and tables for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from etils import epath
from ml_collections import ConfigDict

from facealign.data.load import Examples
from facealign.names import DOMAINS

Numbers = Mapping[str, float]


def table(rows: Mapping[str, Numbers]) -> str:
    """A Markdown table: one line a name, one column a number, a dash where a line has none."""
    columns = list(dict.fromkeys(column for numbers in rows.values() for column in numbers))
    lines = [["", *columns]]
    for name, numbers in rows.items():
        cells = [f"{numbers[c]:.4f}" if c in numbers else "-" for c in columns]
        lines.append([name, *cells])
    lines.insert(1, ["---"] + ["---:"] * len(columns))
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns) + 1)]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )


def write_report(
    workdir: epath.Path,
    config: ConfigDict,
    data: Mapping[str, Examples],
    rows: Sequence[Mapping[str, Any]],
    baselines: Mapping[str, Numbers],
    best_step: int | None,
) -> None:
    """Writes report.md: what ran, the last numbers beside baselines, alarms, pictures.

    Args:
      workdir: of the run; its pictures are shown by their relative paths.
      config: of the run.
      data: the training examples by domain.
      rows: of metrics.jsonl.
      baselines: name -> numbers of the kind that an evaluation row has.
      best_step: of the best checkpoint.
    """
    stages = {row["stage"]: row for row in rows if "timing" in row}
    evaluations = {row["stage"]: row for row in rows if "trained_views" in row}
    last = max(row["step"] for row in rows)
    lines = [
        f"# {workdir.name}",
        f"Model {config.model.name}; {config.data.image_size} px, batches of "
        f"{config.data.batch_size} a domain, seed {config.seed}. {_photos(config, data)} "
        f"Step {last}; the best checkpoint by {config.best_metric} is step {best_step}.",
        f"![samples](samples/step_{last:06d}.png)",
        "## Held-out people, at the end of each stage",
        "L1 of images in [-1, 1]; diversity as a share of the inputs'; change since the evaluation "
        "before.",
        table({**_numbers(evaluations), **{f"({name})": row for name, row in baselines.items()}}),
        "## Training, last row of each stage",
        table(_numbers(stages)),
        "![curves](curves.png)",
        "## Alarms",
        "\n".join(f"- step {r['step']}, {r['alarm']}: {r['text']}" for r in rows if "alarm" in r)
        or "None.",
        "## Reading",
        "![fetch times](fetch_times.png)",
    ]
    (workdir / "report.md").write_text("\n\n".join(lines) + "\n")


def _photos(config: ConfigDict, data: Mapping[str, Examples]) -> str:
    """How many photos of how many people each domain is learned from."""
    counts = []
    for letter, domain in zip("UR", DOMAINS, strict=True):
        subjects = data[domain]["subject"]
        people = len(np.unique(subjects))
        name = config.data[domain]
        counts.append(f"{letter} is {name}, {len(subjects):,} photos of {people:,} people")
    return "; ".join(counts) + "."


def _numbers(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    return {
        name: {key: value for key, value in row.items() if isinstance(value, float)}
        for name, row in rows.items()
    }
