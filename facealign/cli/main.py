"""Behind launch.py: every mistake of the user's becomes one line."""

import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from logging import WARNING, LogRecord
from pathlib import PurePath
from typing import Any, NamedTuple

from absl import app, flags, logging
from ml_collections import ConfigDict

from facealign.cli.memory import keep_freed_memory
from facealign.cli.supervisor import LOST, OWN_END, START_AGAIN, guard
from facealign.errors import UserError
from facealign.paths import cache_folder, open_path

PACKAGE = str(PurePath(__file__).parents[1])
MODES = ("train", "evaluate", "align", "demo", "export", "pack", "summary")
NEEDS = {
    "align": ("input", "output"),
    "demo": (),
    "export": ("output",),
}  # flags of modes without a config
OF_A_RUN = ("evaluate", "pack")  # they take its config from the workdir
OUT_OF_MEMORY = (
    "out of memory; lower config.data.batch_size, or compute it in parts by config.accumulate, or "
    "keep less by config.model.remat=True"
)
INTERRUPTED = 130  # exit code of what Ctrl-C ended, as shells have it


class Group(NamedTuple):
    """The processes of a run, where it has several, as flags name them."""

    distributed: bool = False
    coordinator: str = ""  # HOST:PORT of the first; "" where the cluster knows
    num_processes: int = 0
    process_id: int = -1  # of this one


ALONE = Group()


def run(
    mode: str,
    config: ConfigDict | None,
    config_path: str,
    workdir: str | None,
    device: str,
    group: Group = ALONE,
    **rest: Any,
) -> None:
    """Runs a mode; leaves with one line and exit code 1 if something goes wrong.

    A run that was preempted leaves with `START_AGAIN`. The rest is what `modes.Job`
    names.
    """
    have_come = guard() if group.distributed else None
    keep_freed_memory()
    with _one_line(group.distributed):
        # Takes seconds, which a misspelt flag should not cost.
        from facealign.cli import modes
        from facealign.parallel import processes

        _keep_programs()
        logging.get_absl_handler().addFilter(_is_ours)
        if not workdir:
            name = re.sub(r"\.py:?", "_", PurePath(config_path).name).strip("_")
            workdir = str(PurePath("runs", name))
        if have_come:
            processes.join(group.coordinator, group.num_processes, group.process_id)
            have_come()
        if device:
            _choose_device(device)
        job = modes.Job(config, open_path(workdir, "--workdir"), **rest)
        modes.MODES[mode](job)


@contextmanager
def _one_line(distributed: bool) -> Iterator[None]:
    """Whatever ends the program, the last line says what and what to do.

    An error that is none of the user's comes with a traceback above it, for us.
    """
    from jax.errors import JaxRuntimeError

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
        code, line = INTERRUPTED, "interrupted; the same command goes on from the last checkpoint"
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
                code, line = START_AGAIN, LOST
    except Exception as error:
        line = _unforeseen(error)
    if distributed:
        print(f"error: {' '.join(str(line).split())}", file=sys.stderr)
        processes.leave(OWN_END if code == 1 else code)
    _fail(line, code)


def _unforeseen(error: Exception) -> str:
    traceback.print_exc()
    return f"not foreseen, please report it with the lines above: {type(error).__name__}: {error}"


def parse_flags(argv: list[str]) -> list[str]:
    """As absl parses them, but a mistake is one line."""
    try:
        rest = app.parse_flags_with_usage(argv) if _asks_for_help(argv) else flags.FLAGS(argv)
        if len(rest) > 1:
            raise UserError(f"{rest[1]!r} is no flag; they are written --NAME=VALUE")
        values = flags.FLAGS.flag_values_dict()
        _check_group(values)
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


def _check_group(values: dict[str, Any]) -> None:
    """Raises `UserError` for flags about processes that say too little, or in vain."""
    group = Group(*(values[name] for name in Group._fields))
    given = [group.coordinator != "", group.num_processes > 0, group.process_id >= 0]
    if any(given) and not all(given):
        raise UserError("--coordinator, --num_processes and --process_id come together, or not at "
                        "all where the cluster says what they are")  # fmt: skip
    if any(given) and not group.distributed:
        raise UserError("--coordinator and the like take --distributed beside them")
    if all(given) and not group.process_id < group.num_processes:
        raise UserError(f"--process_id={group.process_id} must be below "
                        f"--num_processes={group.num_processes}; they count from 0")  # fmt: skip
    if group.coordinator and not re.fullmatch(r".+:\d+", group.coordinator):
        raise UserError(f"--coordinator={group.coordinator} is not HOST:PORT")
    if group.distributed and values["mode"] != "train":
        raise UserError(f"--mode={values['mode']} runs in one process; leave out --distributed")


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
    """Orbax and tfds log pages at INFO; the errors of Orbax, with tracebacks, are ours to tell."""
    ours = record.pathname.startswith(PACKAGE)
    return ours or (record.levelno > WARNING and "orbax" not in record.pathname)


def _asks_for_help(argv: list[str]) -> bool:
    return any(argument.lstrip("-").startswith("help") for argument in argv)


def _text(error: Exception) -> str:
    """What an error says; a KeyError says it in quotes, inside of another one too."""
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    return error.args[0] if isinstance(error, KeyError) else str(error)


def _fail(error: object, code: int = 1) -> None:
    print("error: " + " ".join(str(error).split()), file=sys.stderr)
    sys.exit(code)
