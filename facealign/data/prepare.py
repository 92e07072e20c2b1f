"""Datasets prepared on disk. Of one whose folder is in a bucket there is a copy on this machine."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from etils import epath

from facealign.paths import is_local

HOME = "~/tensorflow_datasets"  # where datasets lie unless the user says otherwise
LAST = "dataset_info.json"  # what a whole copy has


def prepare(create_builder: Callable[[str], Any], data_dir: epath.Path) -> Any:
    """A tfds builder whose files are whole and on this machine.

    array_record reads and writes local files alone. So a dataset for a bucket is prepared in
    `HOME` and copied into the bucket, and where the bucket has it, it is copied from there.

    Args:
      create_builder: from the folder that holds all datasets.
      data_dir: that folder, of any kind.

    Raises:
      OSError: a folder that cannot be used.
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
        builder = create_builder(str(local))  # which looks for its files when it is created
    builder.download_and_prepare()
    if not (there / LAST).exists():
        copy_files(here, there)
    return builder


def copy_files(source: epath.Path, target: epath.Path) -> None:
    """Copies the files of a folder, not those of folders in it; `LAST` comes last."""
    target.mkdir(parents=True, exist_ok=True)
    files = [path for path in source.iterdir() if not path.is_dir()]
    for path in sorted(files, key=lambda path: (path.name == LAST, path.name)):
        with path.open("rb") as read, (target / path.name).open("wb") as written:
            shutil.copyfileobj(read, written)
