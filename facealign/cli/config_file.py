"""Reads a config file. It is a program, and what goes wrong in it is said in one line."""

import inspect
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from absl import flags
from ml_collections import ConfigDict

from facealign.errors import UserError
from facealign.paths import own_configs

MODULE = "config_file"  # name of the module that a config file becomes
LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))
REMEDIES = {
    type(None): "end it with return config",
    dict: "start it with config = base.get_config(), as configs/polygons_light.py does",
}


class ConfigFile(flags.ArgumentParser):
    """Parser of the flag --config: FILE, or FILE:VARIANT."""

    def parse(self, argument: str) -> ConfigDict:
        """The locked config that the file's `get_config` returns; errors as in `load_config`."""
        return load_config(argument)


def load_config(argument: str) -> ConfigDict:
    """The locked config that `get_config` of a file returns.

    Args:
      argument: FILE or FILE:VARIANT; FILE is also the name of an experiment that comes with
        facealign, as medium_gan or configs/medium_gan.py, from any folder.

    Raises:
      UserError: there is no such file, it fails, or it returns something else.
    """
    name, *variant = argument.split(":", 1)
    name = _find(name)
    _make_importable()
    module = ModuleType(MODULE)
    module.__file__ = name
    source = _read(name)
    with _explained(name):
        sys.modules[MODULE] = module
        if b"\0" in source:  # which Python names without a line until 3.11.4
            line = source[: source.index(b"\0")].count(b"\n") + 1
            raise SyntaxError("source code cannot contain null bytes", (name, line, None, None))
        exec(compile(source, name, "exec"), module.__dict__)
    get_config = getattr(module, "get_config", None)
    if not callable(get_config):
        raise UserError(
            f"--config={name} has no function get_config, which every config has: "
            "configs/polygons_light.py is an example"
        )
    line = getattr(getattr(get_config, "__code__", None), "co_firstlineno", 1)
    try:
        inspect.signature(get_config).bind(*variant)
    except TypeError as error:
        raise UserError(
            f"line {line} of {name}: {error} in get_config; --config=FILE gives it no argument, "
            "--config=FILE:VARIANT gives it one"
        ) from error
    with _explained(name):
        config = get_config(*variant)
    if not isinstance(config, ConfigDict):
        kind = type(config)
        raise UserError(
            f"line {line} of {name}: get_config returns {kind.__name__}, not a ConfigDict; "
            f"{REMEDIES.get(kind, REMEDIES[dict])}"
        )
    return config.lock()


def _find(name: str) -> str:
    """The path of a config file, or of facealign's own experiment of this name."""
    path = Path(name)
    own = own_configs() / path.with_suffix(".py").name
    if path.suffix in ("", ".py") and path.parent.name in ("", "configs"):
        return str(own) if own.exists() and not path.exists() else name
    return name


def _make_importable() -> None:
    """Lets configs import one another where they are no package of the path, as in a wheel."""
    if "configs" not in sys.modules and find_spec("configs") is None:
        sys.modules["configs"] = package = ModuleType("configs")
        package.__path__ = [str(own_configs())]


def _read(name: str) -> bytes:
    """The text of a config file, not yet decoded."""
    if Path(name).suffix == ".json":
        raise UserError(
            f"--config={name} is JSON, and a config is a Python file, configs/NAME.py; to go on "
            "with the run that wrote it, give --workdir and the config that it was started with"
        )
    try:
        return Path(name).read_bytes()
    except FileNotFoundError:
        own = sorted(path.stem for path in own_configs().glob("[!_]*.py") if path.stem != "base")
        raise UserError(
            f"--config={name} does not exist; give a file, or one of facealign's own experiments: "
            f"{', '.join(own)}"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"--config={name} cannot be read ({reason}); give a file, "
                        "configs/NAME.py") from error  # fmt: skip


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turns whatever a config file raises into a `UserError` that says where."""
    try:
        yield
    except (Exception, SystemExit) as error:
        text = error.msg if isinstance(error, SyntaxError) else text_of(error)
        reason = ": ".join(filter(None, (type(error).__name__, text)))
        raise UserError(f"{_place(error, name)}: {reason}") from error


def text_of(error: BaseException) -> str:
    """The message of an error, also if another error wraps it; without the quotes of KeyError."""
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)


def _place(error: BaseException, name: str) -> str:
    """The last line of a config file that ran, and the last one of a file that it imports."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno or 1} of {error.filename or name}"
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    own = [frame for frame in frames if frame[0] == name]
    others = [frame for frame in frames if not frame[0].startswith((*LIBRARIES, __file__, "<"))]
    places = dict.fromkeys(own[-1:] + others[-1:])
    return ", ".join(f"line {line} of {file}" for file, line in places) or name
