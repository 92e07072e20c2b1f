"""From a checkpoint to the files of its evaluation."""

from collections.abc import Mapping

from etils import epath
from ml_collections import ConfigDict

from facealign.data.load import data_folder, load_data, to_uint8
from facealign.data.rotated_pairs import create_views, with_turned
from facealign.errors import UserError
from facealign.evaluation.baselines import comes_aligned
from facealign.evaluation.compare import judge
from facealign.evaluation.test_photos import load_photos
from facealign.evaluation.write import describe, for_terminal, write_evaluation
from facealign.faces.measure import Meter
from facealign.names import DOMAINS
from facealign.paths import cache_folder
from facealign.stages import learns
from facealign.training.evaluator import evaluate, make_translate
from facealign.training.state import Network, TrainState
from facealign.workdir.report import table


def run_evaluation(
    config: ConfigDict,
    networks: Mapping[str, Network],
    state: TrainState,
    workdir: epath.Path,
    on: str,
) -> None:
    """Judges a state beside baselines, prints the first table and writes all of them.

    Args:
      config: of its run.
      networks: of its run.
      state: whose swaps, photos of U through R's decoder, are judged.
      workdir: of its run; the files go there.
      on: the photos, `DATASET:SPLIT,SPLIT`; "" is the dataset of U and its test split.

    Raises:
      UserError: the run makes no frontal photos.
    """
    if "decoder_r" not in networks:
        raise UserError(
            f"{workdir} has no decoder of R, which makes the photos to judge; what its "
            f"{', '.join(networks)} can do stands in its report.md"
        )
    train_data, rows = load_data(config.data, "train"), {}
    if not on:
        parts = [train_data, load_data(config.data, "test")]
        if learns(config, "frontalize"):
            views = create_views(cache_folder())
            parts = [with_turned(part, views, config.seed) for part in parts]
        rows = evaluate(config, networks, state, *parts)
    translate = make_translate(networks)
    judgement = judge(
        config.model.name,
        lambda images: to_uint8(translate(state, images, "decoder_r")),
        load_photos(config.data, on),
        train_data,
        config.data.frontal_yaw,
        lambda: Meter(data_folder(config.data)),
        canonical=all(comes_aligned(config.data[domain]) for domain in DOMAINS),
    )
    step = int(state.step)
    facts = describe(judgement, workdir.name, step)
    write_evaluation(workdir, judgement, facts, step, rows)
    print(for_terminal(judgement, facts))
    if rows:
        print(table(rows))
    print(f"wrote {workdir / 'evaluation.html'}, evaluation.md and evaluation.json")
