"""What launch.py can do."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
from etils import epath
from ml_collections import ConfigDict

from facealign.checkpoints import Checkpoints
from facealign.errors import UserError
from facealign.evaluate import evaluate, make_translate
from facealign.evaluation.bench import load_photos
from facealign.evaluation.judge import judge
from facealign.evaluation.write import describe, for_terminal, write_evaluation
from facealign.input_pipeline import data_folder, load_data, to_uint8
from facealign.measurements import Meter
from facealign.report import table
from facealign.run_config import check_same, load_config
from facealign.stages import create_stages, roles_of
from facealign.summary import summarize
from facealign.train import train
from facealign.train_state import Network, create_networks, create_state


class Job(NamedTuple):
    """What the flags ask for."""

    config: ConfigDict | None  # None: that of the workdir
    workdir: epath.Path
    step: int  # of the checkpoint; 0 is the newest
    on: str = ""  # what to evaluate on, DATASET:SPLIT,SPLIT; "" is U's dataset and its test split


def run_train(job: Job) -> None:
    """Trains, or goes on training."""
    train(job.config, job.workdir)
    print(f"wrote {job.workdir / 'report.md'}")


def run_evaluate(job: Job) -> None:
    """Judges a checkpoint on held-out people beside baselines; writes tables and a page."""
    config = load_config(job.workdir)
    if job.config:
        check_same(config, job.config, job.workdir)
        config = job.config
    networks = _networks(config)
    like = jax.eval_shape(lambda: create_state(networks, jax.random.key(0), config.data.image_size))
    with Checkpoints(job.workdir) as checkpoints:
        state = checkpoints.restore(like, job.step)
    if state is None:
        raise UserError(f"{job.workdir} has no checkpoint yet; let its training go on first")
    train_data = load_data(config.data, "train")
    rows = {}
    if not job.on:
        test_data = load_data(config.data, "test")
        rows = evaluate(config, networks, state, train_data, test_data)
    translate = make_translate(networks)
    judgement = judge(
        config.model.name,
        lambda images: to_uint8(translate(state, images, "decoder_r")),
        load_photos(config.data, job.on),
        train_data,
        config.data.frontal_yaw,
        lambda: Meter(data_folder(config.data)),
    )
    facts = describe(judgement, job.workdir.name, int(state.step))
    write_evaluation(job.workdir, judgement, facts, int(state.step), rows)
    print(for_terminal(judgement, facts))
    if rows:
        print(table(rows))
    print(f"wrote {job.workdir / 'evaluation.html'}, evaluation.md and evaluation.json")


def run_summary(job: Job) -> None:
    """Prints the networks of the config, their layers and parameters."""
    print(summarize(_networks(job.config), job.config.data.image_size))


MODES: dict[str, Callable[[Job], None]] = {
    "train": run_train,
    "evaluate": run_evaluate,
    "summary": run_summary,
}


def _networks(config: ConfigDict) -> Mapping[str, Network]:
    stages = create_stages(config)
    return create_networks(config, roles_of(stages), stages[0])
