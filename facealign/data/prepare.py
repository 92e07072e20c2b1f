"""Prepares datasets on disk. A dataset in a bucket also has a copy on this machine."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from absl import logging
from etils import epath

from facealign.errors import UserError
from facealign.paths import is_local

HOME = "~/tensorflow_datasets"  # default folder of datasets
LAST = "dataset_info.json"  # only a complete copy has it


def prepare(create_builder: Callable[[str], Any], data_dir: epath.Path) -> Any:
    """A tfds builder whose files are complete and on this machine.

    array_record reads and writes only local files. So a dataset for a bucket is prepared in
    `HOME` and copied to the bucket; if the bucket already has it, it is copied to `HOME`.

    Args:
      create_builder: takes the folder of all datasets.
      data_dir: that folder, local or in a bucket.

    Raises:
      OSError, RuntimeError: a folder cannot be used.
      UserError: the dataset is damaged.
    """
    local = Path(data_dir if is_local(data_dir) else HOME).expanduser().resolve()
    str(local).encode()  # fails for a path that is not UTF-8, as array_record does later
    builder = _create(create_builder, local)
    here = epath.Path(builder.data_dir)
    there = data_dir / here.relative_to(local)
    with alone(local / f".{'_'.join(here.relative_to(local).parts)}.lock"):
        if not is_local(data_dir) and not here.exists() and (there / LAST).exists():
            unfinished = here.with_name(f".{here.name}")
            copy_files(there, unfinished)
            unfinished.rename(here)
        builder = _create(create_builder, local)  # a new builder finds files that came meanwhile
        builder.download_and_prepare()
        if not (here / LAST).exists():
            raise UserError(_damaged(here, f"{LAST} is missing"))
        if not (there / LAST).exists():
            copy_files(here, there)
    return builder


@contextmanager
def intact(folder: Path) -> Iterator[None]:
    """In this context, what goes wrong is due to damaged files of a prepared dataset.

    Raises:
      UserError: something went wrong.
    """
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:  # tfds, array_record and PIL raise many types over damaged files
        raise UserError(_damaged(folder, error)) from error


def _damaged(folder: Path, reason: object) -> str:
    return (
        f"the prepared dataset in {folder} is damaged ({reason}); delete that folder, or move it "
        "away, and the same command prepares it anew"
    )


def _create(create_builder: Callable[[str], Any], local: Path) -> Any:
    """A builder. It reads `LAST` of its dataset, and does not say where if that is damaged."""
    try:
        return create_builder(str(local))
    except Exception as error:  # protobuf has a type of its own
        for path in local.glob(f"*/*/*/{LAST}"):
            try:
                json.loads(path.read_text(encoding="utf-8"))["version"]
            except (OSError, ValueError, LookupError, TypeError) as reason:
                raise UserError(_damaged(path.parent, f"{LAST}: {reason!r}")) from error
        raise


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Lets one process at a time in; others wait for it. The system unlocks what is killed.

    `path` is a file of the lock alone, and stays.
    """
    import fcntl  # missing on Windows

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError:  # where nothing can be written, nothing can be prepared either
        yield
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logging.info("another process prepares the same; waiting for it (%s)", path)
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:  # on some network drives
            logging.warning("%s cannot be locked: %s", path, error)
        yield


def copy_files(source: epath.Path, target: epath.Path) -> None:
    """Copies the files of a folder, without its subfolders; `LAST` comes last."""
    target.mkdir(parents=True, exist_ok=True)
    files = [path for path in source.iterdir() if not path.is_dir()]
    for path in sorted(files, key=lambda path: (path.name == LAST, path.name)):
        with path.open("rb") as read, (target / path.name).open("wb") as written:
            shutil.copyfileobj(read, written)
