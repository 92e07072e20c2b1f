"""Paths that etils.epath opens: folders, mounted drives, cloud buckets."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from etils import epath

from facealign.errors import UserError


def open_path(text: str, where: str) -> epath.Path:
    """The path of the flag or config field `where`; it need not exist.

    Raises:
      UserError: an unknown kind of path, or a missing package or credentials.
    """
    try:
        path = epath.Path(text).expanduser()
        if str(path).startswith("~"):
            raise RuntimeError("this user has no home folder, or HOME is not set")
        path.exists()  # the first access to a bucket shows whether it can be used
        return path
    except Exception as error:  # the packages behind epath raise many types
        reason = f"no path starts with {error}" if isinstance(error, KeyError) else error
        raise UserError(f"cannot open {where}={text}: {reason}") from error


def cache_folder() -> Path:
    """The folder of files that every run can make again; of a user without a home, temporary."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "facealign"
    except RuntimeError:
        return Path(tempfile.gettempdir(), f"facealign_of_{os.getuid()}")


def shipped(name: str) -> Path:
    """A weights file that comes with facealign: in the package, else in the repository."""
    here = Path(__file__).parent
    return here / name if (here / name).exists() else here.parent / "weights" / name


def own_configs() -> Path:
    """The folder of the experiments that come with facealign."""
    here = Path(__file__).parent
    return next(path for path in (here / "configs", here.parent / "configs") if path.exists())


def is_local(path: epath.PathLike) -> bool:
    """Whether libraries other than epath can open the path."""
    return "://" not in str(path)


def write_whole(path: epath.Path, content: bytes) -> None:
    """Writes a file whole or not at all; a reader never sees half of it."""
    unfinished = path.with_name(f".{path.name}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)  # leaves no half file on a full disk
        raise


def write_json(path: epath.Path, value: Mapping[str, Any]) -> None:
    """Writes JSON, whole or not at all."""
    write_whole(path, (json.dumps(value, indent=2) + "\n").encode())
