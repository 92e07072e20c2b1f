"""The three files of an evaluation."""

from collections.abc import Mapping, Sequence

from etils import epath

from facealign.evaluation.compare import Judgement
from facealign.evaluation.html_page import html
from facealign.evaluation.tables import markdown, markdown_table, tables, to_json
from facealign.paths import write_whole
from facealign.workdir.log import write_json
from facealign.workdir.report import table

Rows = Mapping[str, Mapping[str, float]]


def write_evaluation(
    workdir: epath.Path, judgement: Judgement, facts: Sequence[str], step: int, rows: Rows
) -> None:
    """Writes evaluation.json, evaluation.md and evaluation.html.

    Args:
      workdir: of the run.
      judgement: what they show.
      facts: sentences that say what was evaluated, on what.
      step: of the checkpoint.
      rows: name -> numbers where the target is known (reconstruction, drawn pairs); may be empty.
    """
    content = {"step": step, "facts": list(facts), "rows": rows, **to_json(judgement)}
    page = markdown(judgement, facts)
    if rows:
        page += f"\n## Where the target is known\n\n{table(rows)}\n"
    write_json(workdir / "evaluation.json", content)
    write_whole(workdir / "evaluation.md", page.encode())
    write_whole(workdir / "evaluation.html", html(judgement, facts).encode())


def describe(judgement: Judgement, name: str, step: int) -> list[str]:
    """Sentences that say what was evaluated, on what."""
    bench = judgement.bench
    splits = " and ".join(bench.photos.splits)
    return [
        f"{judgement.name} of {name}, step {step}.",
        f"{len(bench.person)} photos of {bench.people} people: {bench.photos.dataset}, {splits}. "
        f"{(bench.gallery >= 0).sum()} people are enrolled with one real frontal photo each. "
        "Intervals cover 95 % under redrawing of the people.",
    ]


def for_terminal(judgement: Judgement, facts: Sequence[str]) -> str:
    """The first table and what to know of it."""
    title, lines = tables(judgement)[0]
    return "\n".join([*facts, title, markdown_table(lines), *judgement.notes])
