"""Behind launch.py: every mistake of the user's becomes one line."""

import re
import sys
from logging import WARNING, LogRecord
from pathlib import Path

from absl import app, flags, logging
from ml_collections import ConfigDict

from facealign.errors import UserError
from facealign.memory import keep_freed_memory

MODES = ("train", "evaluate", "summary")


def run(mode: str, config: ConfigDict, config_path: str, workdir: str | None, step: int) -> None:
    """Runs a mode; leaves with one line and exit code 1 if the user can mend what went wrong."""
    keep_freed_memory()
    from facealign import modes  # takes seconds, which a misspelt flag should not cost

    logging.get_absl_handler().addFilter(_is_ours)
    default = Path("runs") / re.sub(r"\.py:?", "_", Path(config_path).name).strip("_")
    try:
        modes.MODES[mode](modes.Job(config, Path(workdir) if workdir else default, step))
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


def _is_ours(record: LogRecord) -> bool:
    """Orbax and tfds log pages at INFO."""
    return "facealign" in record.pathname or record.levelno > WARNING


def _asks_for_help(argv: list[str]) -> bool:
    return any(argument.lstrip("-").startswith("help") for argument in argv)


def _fail(error: object) -> None:
    sys.exit("error: " + " ".join(str(error).split()))
