"""Behind launch.py: modes, and every mistake of the user's as one line."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
from absl import app, flags, logging
from ml_collections import ConfigDict

from facealign.checkpoints import Checkpoints
from facealign.errors import UserError
from facealign.evaluate import evaluate
from facealign.input_pipeline import load_data
from facealign.report import table
from facealign.run_config import check_same, load_config
from facealign.run_log import write_json
from facealign.stages import create_stages, roles_of
from facealign.summary import summarize
from facealign.train import train
from facealign.train_state import create_networks, create_state


class Job(NamedTuple):
    """What the flags ask for."""

    config: ConfigDict
    workdir: Path
    step: int  # of the checkpoint; 0 is the newest


def run_train(job: Job) -> None:
    """Trains, or goes on training."""
    train(job.config, job.workdir)
    print(f"wrote {job.workdir / 'report.md'}")


def run_evaluate(job: Job) -> None:
    """Prints what a checkpoint scores on the test split, beside baselines; writes it as JSON."""
    check_same(load_config(job.workdir), job.config, job.workdir)
    networks = _networks(job.config)
    like = jax.eval_shape(
        lambda: create_state(networks, jax.random.key(0), job.config.data.image_size)
    )
    with Checkpoints(job.workdir) as checkpoints:
        state = checkpoints.restore(like, job.step)
    if state is None:
        raise UserError(f"{job.workdir} has no checkpoint yet; let its training go on first")
    train_data, test_data = (load_data(job.config.data, split) for split in ("train", "test"))
    rows = evaluate(job.config, networks, state, train_data, test_data)
    print(f"test split, checkpoint of step {state.step}")
    print(table(rows))
    write_json(job.workdir / "evaluation.json", {"step": int(state.step), "rows": rows})


def run_summary(job: Job) -> None:
    """Prints the networks of the config, their layers and parameters."""
    print(summarize(_networks(job.config), job.config.data.image_size))


MODES: dict[str, Callable[[Job], None]] = {
    "train": run_train,
    "evaluate": run_evaluate,
    "summary": run_summary,
}


def run(mode: str, config: ConfigDict, config_path: str, workdir: str | None, step: int) -> None:
    """Runs a mode; leaves with one line and exit code 1 if the user can mend what went wrong."""
    logging.get_absl_handler().addFilter(_is_ours)
    default = Path("runs") / re.sub(r"\.py:?", "_", Path(config_path).name).strip("_")
    try:
        MODES[mode](Job(config, Path(workdir) if workdir else default, step))
    except UserError as error:
        _fail(error)


def parse_flags(argv: list[str]) -> list[str]:
    """As absl parses them, but a mistake is one line."""
    try:
        rest = app.parse_flags_with_usage(argv) if _asks_for_help(argv) else flags.FLAGS(argv)
        config = flags.FLAGS["config"].value
        if config is None:
            raise UserError("which experiment? Give --config=configs/NAME.py, for instance "
                            "--config=configs/medium_gan.py")  # fmt: skip
        _ = config.is_locked  # where the file could not be loaded, any use of it says so
        return rest
    except (
        UserError,
        flags.Error,
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        OSError,
    ) as error:
        # A config file's own error comes with a traceback, of which the last line says it all.
        _fail(re.sub(r"Traceback .*\n\w+Error: ", "", str(error), flags=re.DOTALL))


def _networks(config: ConfigDict):
    stages = create_stages(config)
    return create_networks(config, roles_of(stages), stages[0])


def _is_ours(record) -> bool:
    """Orbax and tfds log pages at INFO."""
    return "facealign" in record.pathname or record.levelno >= logging.converter.STANDARD_ERROR


def _asks_for_help(argv: list[str]) -> bool:
    return any(argument.lstrip("-").startswith("help") for argument in argv)


def _fail(error: object) -> None:
    sys.exit("error: " + " ".join(str(error).split()))
