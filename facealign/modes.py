"""What launch.py can do."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
from etils import epath
from ml_collections import ConfigDict

from facealign.checkpoints import Checkpoints
from facealign.errors import UserError
from facealign.run_config import check_same, load_config
from facealign.stages import create_stages, roles_of
from facealign.summary import summarize
from facealign.train import train
from facealign.train_state import Network, TrainState, create_networks, create_state


class Job(NamedTuple):
    """What the flags ask for."""

    config: ConfigDict | None  # None: that of the workdir
    workdir: epath.Path
    step: int  # of the checkpoint; 0 is the newest
    profile: bool  # whether training writes a trace
    on: str = ""  # what to evaluate on, DATASET:SPLIT,SPLIT; "" is U's dataset and its test split


def run_train(job: Job) -> None:
    """Trains, or goes on training."""
    train(job.config, job.workdir, job.profile)
    print(f"wrote {job.workdir / 'report.md'}")


def run_evaluate(job: Job) -> None:
    """Judges a checkpoint on held-out people beside baselines; writes tables and a page."""
    from facealign.evaluation.run import run_evaluation  # its plots would slow down every mode

    config = load_config(job.workdir)
    if job.config:
        check_same(config, job.config, job.workdir)
        config = job.config
    networks = _networks(config)
    run_evaluation(config, networks, _restore(job, config, networks), job.workdir, job.on)


def run_pack(job: Job) -> None:
    """Writes the weights of a checkpoint that frontal photos need, to give away."""
    from facealign.weights import save_weights

    config, path = load_config(job.workdir), job.workdir / "weights.safetensors"
    save_weights(path, config, _restore(job, config, _networks(config)))
    print(f"wrote {path}, {path.stat().length / 1e6:.1f} MB")


def run_summary(job: Job) -> None:
    """Prints the networks of the config, their layers and parameters."""
    print(summarize(_networks(job.config), job.config.data.image_size))


MODES: dict[str, Callable[[Job], None]] = {
    "train": run_train,
    "evaluate": run_evaluate,
    "pack": run_pack,
    "summary": run_summary,
}


def _restore(job: Job, config: ConfigDict, networks: Mapping[str, Network]) -> TrainState:
    """The checkpoint of the workdir that the job asks for."""
    like = jax.eval_shape(lambda: create_state(networks, jax.random.key(0), config.data.image_size))
    with Checkpoints(job.workdir) as checkpoints:
        state = checkpoints.restore(like, job.step)
    if state is None:
        raise UserError(f"{job.workdir} has no checkpoint yet; let its training go on first")
    return state


def _networks(config: ConfigDict) -> Mapping[str, Network]:
    stages = create_stages(config)
    return create_networks(config, roles_of(stages), stages[0])
