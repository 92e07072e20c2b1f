"""Behind launch.py: every mistake of the user's becomes one line."""

import re
import sys
from logging import WARNING, LogRecord
from pathlib import PurePath
from typing import Any

from absl import app, flags, logging
from ml_collections import ConfigDict

from facealign.errors import UserError
from facealign.memory import keep_freed_memory
from facealign.paths import cache_folder, open_path

PACKAGE = str(PurePath(__file__).parent)
MODES = ("train", "evaluate", "align", "demo", "export", "pack", "summary")
NEEDS = {
    "align": ("input", "output"),
    "demo": (),
    "export": ("output",),
}  # flags of modes without a config
OF_A_RUN = ("evaluate", "pack")  # they take its config from the workdir


def run(
    mode: str,
    config: ConfigDict | None,
    config_path: str,
    workdir: str | None,
    device: str,
    **rest: Any,
) -> None:
    """Runs a mode; leaves with one line and exit code 1 if the user can mend what went wrong.

    The rest is what `modes.Job` names.
    """
    keep_freed_memory()
    from facealign import modes  # takes seconds, which a misspelt flag should not cost

    _keep_programs()
    logging.get_absl_handler().addFilter(_is_ours)
    if not workdir:
        name = re.sub(r"\.py:?", "_", PurePath(config_path).name).strip("_")
        workdir = str(PurePath("runs", name))
    try:
        if device:
            _choose_device(device)
        job = modes.Job(config, open_path(workdir, "--workdir"), **rest)
        modes.MODES[mode](job)
    except UserError as error:
        _fail(error)


def parse_flags(argv: list[str]) -> list[str]:
    """As absl parses them, but a mistake is one line."""
    try:
        rest = app.parse_flags_with_usage(argv) if _asks_for_help(argv) else flags.FLAGS(argv)
        if len(rest) > 1:
            raise UserError(f"{rest[1]!r} is no flag; they are written --NAME=VALUE")
        values = flags.FLAGS.flag_values_dict()
        if values["mode"] in NEEDS:
            for name in NEEDS[values["mode"]]:
                if not values[name]:
                    raise UserError(f"--mode={values['mode']} needs --{name}=FOLDER")
        elif values["config"] is not None:
            _ = values["config"].is_locked  # where it could not be loaded, any use of it says so
        elif values["mode"] not in OF_A_RUN or not values["workdir"]:
            raise UserError("which experiment? Give --config=configs/NAME.py, for instance "
                            "--config=configs/medium_gan.py, or for --mode=evaluate and pack "
                            "the --workdir of a run")  # fmt: skip
        return rest
    except Exception as error:  # a config file is a program, and may raise anything
        # Its own error comes with a traceback, of which the last line says it all.
        _fail(re.sub(r"Traceback .*\n\w+Error: ", "", _text(error), flags=re.DOTALL))


def _choose_device(device: str) -> None:
    """Raises `UserError` if JAX has no such device here."""
    import jax

    jax.config.update("jax_platforms", device)
    try:
        jax.devices()
    except RuntimeError as error:
        raise UserError(f"--device={device}: {error}") from error


def _keep_programs() -> None:
    """Compiled programs are kept on disk, so that the next start is fast."""
    import jax

    if jax.config.jax_compilation_cache_dir is None:  # or the user's own choice
        jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "compiled"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


def _is_ours(record: LogRecord) -> bool:
    """Orbax and tfds log pages at INFO."""
    return record.pathname.startswith(PACKAGE) or record.levelno > WARNING


def _asks_for_help(argv: list[str]) -> bool:
    return any(argument.lstrip("-").startswith("help") for argument in argv)


def _text(error: Exception) -> str:
    """What an error says; a KeyError says it in quotes, inside of another one too."""
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    return error.args[0] if isinstance(error, KeyError) else str(error)


def _fail(error: object) -> None:
    sys.exit("error: " + " ".join(str(error).split()))
