"""Prepares datasets on disk. A dataset in a bucket also has a copy on this machine."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from etils import epath

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
      OSError: a folder cannot be used.
    """
    local = Path(data_dir if is_local(data_dir) else HOME).expanduser().resolve()
    builder = create_builder(str(local))
    if is_local(data_dir):
        builder.download_and_prepare()
        return builder
    here = epath.Path(builder.data_dir)
    there = data_dir / here.relative_to(local)
    if not here.exists() and (there / LAST).exists():
        unfinished = here.with_name(f".{here.name}")
        copy_files(there, unfinished)
        unfinished.rename(here)
        builder = create_builder(str(local))  # a new builder finds the copied files
    builder.download_and_prepare()
    if not (there / LAST).exists():
        copy_files(here, there)
    return builder


def copy_files(source: epath.Path, target: epath.Path) -> None:
    """Copies the files of a folder, without its subfolders; `LAST` comes last."""
    target.mkdir(parents=True, exist_ok=True)
    files = [path for path in source.iterdir() if not path.is_dir()]
    for path in sorted(files, key=lambda path: (path.name == LAST, path.name)):
        with path.open("rb") as read, (target / path.name).open("wb") as written:
            shutil.copyfileobj(read, written)
