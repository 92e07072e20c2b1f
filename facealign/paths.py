"""Paths of any kind that etils.epath opens: folders, mounted drives, cloud buckets."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from etils import epath

from facealign.errors import UserError


def open_path(text: str, where: str) -> epath.Path:
    """The path that a flag or config field `where` names; whether it is there, nobody asks yet.

    Raises:
      UserError: an unknown kind of path, or its package or credentials are missing.
    """
    try:
        path = epath.Path(text).expanduser()
        path.exists()  # the first use of a bucket shows whether it can be used at all
        return path
    except Exception as error:  # whatever the packages behind epath raise
        reason = f"no path starts with {error}" if isinstance(error, KeyError) else error
        raise UserError(f"cannot open {where}={text}: {reason}") from error


def cache_folder() -> Path:
    """Where things are kept that every run can make again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "facealign"


def shipped(name: str) -> Path:
    """A file of weights that comes with facealign: in the package, or else in the repository."""
    here = Path(__file__).parent
    return here / name if (here / name).exists() else here.parent / "weights" / name


def is_local(path: epath.PathLike) -> bool:
    """Whether other libraries can open the path too."""
    return "://" not in str(path)


def write_whole(path: epath.Path, content: bytes) -> None:
    """Writes a file so that a reader never sees half of it."""
    unfinished = path.with_name(f".{path.name}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)  # a full disk should not keep half a file
        raise


def write_json(path: epath.Path, value: Mapping[str, Any]) -> None:
    """Writes JSON, whole or not at all."""
    write_whole(path, (json.dumps(value, indent=2) + "\n").encode())
