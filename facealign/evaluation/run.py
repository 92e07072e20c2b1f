"""Evaluates a checkpoint and writes evaluation.json, evaluation.md and evaluation.html."""

from collections.abc import Mapping, Sequence

from etils import epath

from facealign.data.load import data_folder, load_data
from facealign.data.rotated_pairs import create_views, with_rotated
from facealign.errors import UserError
from facealign.evaluation.baselines import comes_aligned
from facealign.evaluation.compare import Comparison, compare
from facealign.evaluation.evaluation_set import load_photos
from facealign.evaluation.html_page import html
from facealign.evaluation.tables import markdown, tables, to_json
from facealign.faces.measurement_cache import MeasurementCache
from facealign.images import to_uint8
from facealign.names import DOMAINS
from facealign.paths import cache_folder, write_json, write_whole
from facealign.stages import has_objective
from facealign.training.evaluator import evaluate
from facealign.training.saved_model import SavedModel, check_crops
from facealign.training.translate import make_translate
from facealign.workdir.page import markdown_table
from facealign.workdir.report import Numbers, number_table


def run_evaluation(model: SavedModel, workdir: epath.Path, on: str) -> None:
    """Evaluates a model beside baselines: prints the first table and writes all of them.

    Args:
      model: whose swaps are evaluated: photos of U through R's decoder.
      workdir: of its run; the files are written there.
      on: the photos, `DATASET:SPLIT,SPLIT`; "" is the test split of the dataset of U. Then L1 and
        the like, where the target is known, are measured too.

    Raises:
      UserError: the model makes no frontal photos, or not of gray canonical crops.
    """
    _, config, stages, networks, state = model
    if "decoder_r" not in networks:
        raise UserError(
            f"{model.name} makes no frontal photos to evaluate, since it has no decoder of R; the "
            f"run's report.md has the numbers of its {', '.join(networks)}"
        )
    check_crops(config, model.name)
    train_data, rows = load_data(config.data, "train"), {}
    if not on:
        parts = [train_data, load_data(config.data, "test")]
        if has_objective(stages, "frontalize"):
            views = create_views(cache_folder())
            parts = [with_rotated(part, views, config.seed) for part in parts]
        rows = evaluate(config, networks, state, *parts)
    translate = make_translate(networks)
    comparison = compare(
        config.model.name,
        lambda images: to_uint8(translate(state, images, "decoder_r")),
        load_photos(config.data, on),
        train_data,
        config.data.frontal_yaw,
        lambda: MeasurementCache(data_folder(config.data)),
        canonical=all(comes_aligned(config.data[domain]) for domain in DOMAINS),
    )
    step = int(state.step)
    facts = describe(comparison, model.name)
    write_evaluation(workdir, comparison, facts, step, rows)
    print(for_terminal(comparison, facts))
    if rows:
        print(number_table(rows))
    print(f"wrote {workdir / 'evaluation.html'}, evaluation.md and evaluation.json")


def describe(comparison: Comparison, model: str) -> list[str]:
    """Sentences that say what was evaluated, on what; `model` names the model and its step."""
    eval_set = comparison.eval_set
    splits = " and ".join(eval_set.photos.splits)
    enrolled = (eval_set.gallery >= 0).sum()
    return [
        f"{model}.",
        f"{len(eval_set.person)} photos of {eval_set.people} people: {eval_set.photos.dataset}, "
        f"{splits}. {enrolled} people are enrolled with one real frontal photo each. "
        "Intervals cover 95 % under redrawing of the people.",
    ]


def write_evaluation(
    workdir: epath.Path,
    comparison: Comparison,
    facts: Sequence[str],
    step: int,
    rows: Mapping[str, Numbers],
) -> None:
    """Writes evaluation.json, evaluation.md and evaluation.html.

    Args:
      workdir: of the run.
      comparison: what they show.
      facts: sentences that say what was evaluated, on what.
      step: of the checkpoint.
      rows: name -> numbers where the target is known, as L1 of reconstructions; may be empty.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    content = {"step": step, "facts": list(facts), "rows": rows, **to_json(comparison)}
    page = markdown(comparison, facts)
    if rows:
        page += f"\n## Where the target is known\n\n{number_table(rows)}\n"
    write_json(workdir / "evaluation.json", content)
    write_whole(workdir / "evaluation.md", page.encode())
    write_whole(workdir / "evaluation.html", html(comparison, facts).encode())


def for_terminal(comparison: Comparison, facts: Sequence[str]) -> str:
    """The facts, the first table and the notes, for the terminal."""
    title, lines = tables(comparison)[0]
    return "\n".join([*facts, title, markdown_table(lines), *comparison.notes])
