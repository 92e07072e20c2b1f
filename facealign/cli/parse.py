"""Parses and checks flags; a mistake ends in one line. Prints --help."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from ml_collections import ConfigDict

from facealign.cli.config_file import load_config, text_of
from facealign.cli.flags import FLAGS, MODES, PROCESSES, modes_of
from facealign.errors import UserError, lookup

HELP = re.compile(r"--?(h|help|helpshort|helpfull|helpxml)(=.*)?")
COMMANDS = {"launch.py": "python launch.py", "__main__.py": "python -m facealign"}
VALUES = {  # of flags that a mode needs; all others are folders
    "config": "configs/NAME.py, for instance --config=configs/medium_gan.py"
}


def parse_flags(argv: list[str]) -> list[str]:
    """As absl parses them; a mistake ends the process with one line and code 1, --help with 0.

    Args:
      argv: file that was started, and its arguments.

    Returns:
      What absl leaves: the file alone.
    """
    if argv[1:2] == ["help"] or any(map(HELP.fullmatch, argv[1:])):
        _print_help(Path(argv[0]).name)
    try:
        _forget_earlier_call()
        _check_one_config(argv)
        rest = FLAGS(argv)
        if len(rest) > 1:
            raise UserError(f"{rest[1]!r} is no flag; they are written --NAME=VALUE")
        values = FLAGS.flag_values_dict()
        _check_mode(values)
        _check_processes(values)
        _check_needs(values)
        return rest
    except Exception as error:  # a wrong --config.FIELD raises many types
        print_error(_missing_field(argv) or text_of(error))
        sys.exit(1)


def help_text(file: str) -> str:
    """What to type first, and every flag in a line of its own, below the mode that reads it.

    Args:
      file: name of the file that was started.
    """
    command = COMMANDS.get(file, "facealign")
    lines = [
        f"portraits: {command} --mode=align --input=PHOTOS --output=PORTRAITS --sheet",
        f"training:  {command} --config=configs/polygons_light.py",
    ]
    shared = [name for name in FLAGS if len(modes_of(name)) > 1]
    for name, mode in MODES.items():
        needed = [*mode.needs, *mode.needs_one]
        takes = [flag for flag in mode.flags if flag in shared and flag not in needed]
        needs = _join(mode.needs, " and ") + _join(mode.needs_one, " or ")
        words = [f"needs {needs}" * bool(needs), f"also takes {_join(takes)}" * bool(takes)]
        lines += ["", f"--mode={name}: {mode.does}", "  " + "; ".join(filter(None, words))]
        lines += [_line(flag) for flag in mode.flags if flag not in shared]
    return "\n".join([*lines, "", "flags of several modes:", *map(_line, shared)])


def print_error(error: object) -> None:
    """Prints an error in one line."""
    print("error: " + " ".join(str(error).split()), file=sys.stderr)


def _print_help(file: str) -> NoReturn:
    print(help_text(file))
    sys.exit(0)


def _line(name: str) -> str:
    flag = FLAGS[name]
    text = re.sub(r"^<.*?>: ", "", flag.help)  # absl's list of choices
    default = "" if flag.default in (None, "", 0, -1, True) else f" [{flag.default}]"
    return f"  --{name:<17}{text}{default}"


def _join(names: Sequence[str], separator: str = ", ") -> str:
    return separator.join(f"--{name}" for name in names)


def _forget_earlier_call() -> None:
    """Sets flags to their defaults: a notebook may call facealign several times."""
    for name in list(FLAGS):
        if name.startswith("config."):  # defined by a config, for its fields
            delattr(FLAGS, name)
        elif modes_of(name):
            FLAGS[name].unparse()


def _check_one_config(argv: Sequence[str]) -> None:
    """Raises `UserError` for a second --config, the fields of which absl would define twice."""
    given = [argument for argument in argv[1:] if re.match(r"--?config(=|$)", argument)]
    if len(given) > 1:
        raise UserError(f"--config is given {len(given)} times ({' '.join(given)}); give it once")


def _missing_field(argv: Sequence[str]) -> str:
    """What is wrong with the first --config.FIELD that the config lacks; "" if it has all."""
    given = re.search(r"(?:^|\n)--?config[=\n](.+)", "\n".join(argv[1:]))
    fields = [re.match(r"--?(config\.[^=\[]+)(?:\[(\d+)\])?", each) for each in argv[1:]]
    try:
        config = load_config(given[1]) if given else None
        for field, index in (match.groups() for match in fields if match and given):
            where, value = "config", config
            for name in field.split(".")[1:]:
                if not isinstance(value, ConfigDict):
                    return f"--{field}: {where} is a value and has no fields; set {where} itself"
                value = lookup(value, name, f"--{field}, in {where}")
                where += f".{name}"
            if index and isinstance(value, tuple) and int(index) >= len(value):
                return f"--{field}[{index}]: {where} has {len(value)} values, counted from 0"
    except UserError as error:
        return str(error)
    return ""


def _check_mode(values: dict[str, Any]) -> None:
    """Raises `UserError` for a flag that the mode does not read."""
    for name in values:
        modes = modes_of(name)
        if modes and FLAGS[name].present and values["mode"] not in modes:
            default = "" if FLAGS["mode"].present else ", which is the default"
            raise UserError(f"--{name} belongs to --mode={' or '.join(modes)}, not to "
                            f"--mode={values['mode']}{default}")  # fmt: skip


def _check_processes(values: dict[str, Any]) -> None:
    """Raises `UserError` for flags about processes that say too little, or in vain."""
    distributed, coordinator, count, index = (values[name] for name in PROCESSES)
    given = [coordinator != "", count > 0, index >= 0]
    if any(given) and not all(given):
        raise UserError("--coordinator, --num_processes and --process_id come together, or not at "
                        "all where the cluster says what they are")  # fmt: skip
    if any(given) and not distributed:
        raise UserError("--coordinator, --num_processes and --process_id need --distributed too")
    if all(given) and not index < count:
        raise UserError(f"--process_id={index} must be below --num_processes={count}; they count "
                        "from 0")  # fmt: skip
    if coordinator and not re.fullmatch(r".+:\d+", coordinator):
        raise UserError(f"--coordinator={coordinator} is not HOST:PORT")


def _check_needs(values: dict[str, Any]) -> None:
    """Raises `UserError` if the mode lacks a flag."""
    name, mode = values["mode"], MODES[values["mode"]]
    for choices in [*((flag,) for flag in mode.needs), mode.needs_one]:
        if choices and not any(values[flag] for flag in choices):
            wanted = " or ".join(f"--{flag}={VALUES.get(flag, 'FOLDER')}" for flag in choices)
            raise UserError(f"--mode={name} needs {wanted}; --help lists all modes")
