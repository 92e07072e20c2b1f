"""Runs a mode; whatever ends it, the last line says what happened and what to do."""

import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from logging import WARNING, LogRecord
from pathlib import PurePath
from typing import Any

from absl import logging
from etils import epath
from ml_collections import config_flags

from facealign.cli import interrupts
from facealign.cli.config_file import text_of
from facealign.cli.flags import FLAGS, MODES, PROCESSES
from facealign.cli.memory import keep_freed_memory
from facealign.cli.parse import print_error
from facealign.cli.supervisor import EXPLAINED, PROCESS_LOST, START_AGAIN, supervise
from facealign.errors import UserError
from facealign.paths import cache_folder, open_path

PACKAGE = str(PurePath(__file__).parents[1])
OUT_OF_MEMORY = (
    "out of memory; in training, lower config.data.batch_size, or compute it in parts by "
    "config.accumulate, or keep less by config.model.remat=True; for portraits, lower --jobs or "
    "--size"
)


def run() -> None:
    """Runs the mode that the flags name.

    If something goes wrong, the process ends with one line and exit code 1; with `START_AGAIN` if
    it was preempted, with 130 or 143 if it was interrupted.
    """
    distributed, *own = (FLAGS[name].value for name in PROCESSES)
    all_joined = supervise() if distributed else None
    keep_freed_memory()
    with _explained(distributed):
        # Takes seconds, which a misspelt flag should not cost.
        from facealign.cli import modes
        from facealign.parallel import processes

        logging.get_absl_handler().addFilter(_is_worth_a_line)
        function = getattr(modes, f"run_{FLAGS.mode}")
        with interrupts.raised():
            if all_joined:
                processes.join(*own)
                all_joined()
            _prepare_jax(FLAGS.device)
            function(**_parameters())


def _parameters() -> dict[str, Any]:
    """The values of the flags that the mode reads."""
    names = [name for name in MODES[FLAGS.mode].flags if name not in PROCESSES]
    values = {name: FLAGS[name].value for name in names}
    if "workdir" in values:
        values["workdir"] = _open_workdir(values["workdir"] or _default_workdir())
    return values


def _open_workdir(name: str) -> epath.Path:
    """Raises `UserError` for a path that cannot be opened, or where Orbax cannot write."""
    path = os.path.abspath(name)
    try:
        path.encode()
    except UnicodeEncodeError:  # bytes that are no letters
        raise UserError(f"--workdir={path} is not UTF-8, and checkpoints cannot be written there; "
                        "choose another folder") from None  # fmt: skip
    return open_path(name, "--workdir")


def _default_workdir() -> str:
    """runs/NAME of configs/NAME.py, runs/NAME_VARIANT of configs/NAME.py:VARIANT."""
    config = PurePath(config_flags.get_config_filename(FLAGS["config"]))
    return str(PurePath("runs", re.sub(r"\.py:?|:", "_", config.name).strip("_")))


@contextmanager
def _explained(distributed: bool) -> Iterator[None]:
    """Turns an error into one line and an exit code.

    The code is 75, `START_AGAIN`, if the run was preempted or lost another process; 130 or 143 if
    it was interrupted; else 1. An error that the user cannot fix has its traceback above the line,
    for us.
    """
    try:
        from jax.errors import JaxRuntimeError
    except ValueError as error:  # an environment variable of JAX's with a wrong value
        print_error(error)
        sys.exit(1)

    from facealign.parallel import processes
    from facealign.parallel.preemption import Preempted

    code = 1
    try:
        yield
        return
    except Preempted as end:
        print(end, file=sys.stderr)
        sys.exit(START_AGAIN)
    except KeyboardInterrupt:
        code, line = _interrupted()
    except UserError as error:
        line = error
    except OSError as error:
        line = f"{error}; nothing that was saved before is harmed"
    except MemoryError:
        line = OUT_OF_MEMORY
    except JaxRuntimeError as error:
        line = OUT_OF_MEMORY
        if "RESOURCE_EXHAUSTED" not in str(error):
            line = _unforeseen(error)
            if distributed:  # a collective that failed
                code, line = START_AGAIN, PROCESS_LOST
    except Exception as error:
        line = _lacks_value(error) or _unforeseen(error)
    print_error(line)
    if distributed:
        processes.leave(EXPLAINED if code == 1 else code)
    if interrupts.told():
        interrupts.leave(code)
    sys.exit(code)


def _interrupted() -> tuple[int, str]:
    """Exit code and line of an interrupt."""
    code, word = interrupts.told() or (interrupts.INTERRUPTED, "interrupted")  # of a notebook
    rest = MODES[FLAGS.mode].interrupted
    return code, word + f"; the same command {rest}" * bool(rest)


def _unforeseen(error: Exception) -> str:
    traceback.print_exc()
    return f"not foreseen, please report it with the lines above: {type(error).__name__}: {error}"


def _lacks_value(error: Exception) -> str:
    """What to say if a config of the user's own lacks a value; "" for other errors."""
    raised_in = PurePath(traceback.extract_tb(error.__traceback__)[-1].filename)
    if isinstance(error, AttributeError) and "ml_collections" in raised_in.parts:
        return (
            f"the config lacks a value: {text_of(error)}; start it with config = "
            "base.get_config(), as configs/polygons_light.py does"
        )
    return ""


def _prepare_jax(device: str) -> None:
    """Chooses the device; keeps compiled programs on disk, so that the next start is fast.

    Raises:
      UserError: JAX has no such device here.
    """
    import jax

    if jax.config.jax_compilation_cache_dir is None:  # or the user's own choice
        jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "compiled"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    if device:
        jax.config.update("jax_platforms", device)
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:
        asked = f"--device={device}" if device else _asked_for()
        jax.config.update("jax_platforms", None)
        reason = str(error).split(" (")[0]  # then comes advice, for programmers
        known = f" ({reason})" * bool(reason and "known backends" not in reason)
        raise UserError(
            f"{asked} cannot be used here{known}; choose from: {', '.join(_platforms())}"
        ) from error


def _asked_for() -> str:
    """The environment variable that chooses JAX's platform."""
    names = ("JAX_PLATFORMS", "JAX_PLATFORM_NAME")
    given = [f"{name}={os.environ[name]}" for name in names if os.environ.get(name)]
    return " ".join(given) or "the device that JAX chooses"


def _platforms() -> list[str]:
    """The platforms that JAX finds."""
    from jax.extend.backend import backends

    try:
        return sorted(backends())
    except RuntimeError:  # a driver that does not fit
        return ["cpu"]


def _is_worth_a_line(record: LogRecord) -> bool:
    """Orbax and tfds log pages at INFO; the errors of Orbax, with tracebacks, are ours to tell.

    So are those of its event loop, one for each array that nobody waited for.
    """
    ours = record.pathname.startswith(PACKAGE)
    theirs = "orbax" in record.pathname or record.name == "asyncio"
    return ours or (record.levelno > WARNING and not theirs)
