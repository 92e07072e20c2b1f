"""Arrays cached on disk: photos are decoded once, and memory-mapped afterwards."""

import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from absl import logging

Arrays = dict[str, np.ndarray]
MAPPED = "image"  # the only large array
OWN = ("key", "has_image")  # entries of fields.npz for the cache itself


def load_or_build(folder: Path, key: str, build: Callable[[], Mapping[str, np.ndarray]]) -> Arrays:
    """Loads the arrays of a cache folder; if they are damaged or have another key, rebuilds them.

    Args:
      folder: of this cache only; always replaced as a whole. If it cannot be written, a warning
        is logged.
      key: everything that the content depends on.
      build: returns arrays without objects; the one named "image" comes back memory-mapped and
        read-only.
    """
    found = _load(folder, key)
    if found is not None:
        return found
    arrays = dict(build())
    try:
        _save(folder, key, arrays)
    except OSError as error:
        if (found := _load(folder, key)) is not None:  # another process was faster
            return found
        logging.warning("photos are decoded at every start: cannot write %s: %s", folder, error)
        return arrays
    found = _load(folder, key)
    return arrays if found is None else found


def _load(folder: Path, key: str) -> Arrays | None:
    """The cached arrays; None for no cache, another key, or a damaged one."""
    try:
        with (folder / "fields.npz").open("rb") as file, np.load(file) as fields:
            if str(fields["key"]) != key:
                return None
            arrays = {name: fields[name] for name in fields.files if name not in OWN}
            if not fields["has_image"]:
                return arrays
        # Mapping a file fails if it is shorter than its header says.
        mapped = np.load(folder / f"{MAPPED}.npy", mmap_mode="r")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return arrays | {MAPPED: np.asarray(mapped)}


def _save(folder: Path, key: str, arrays: Arrays) -> None:
    """Writes a new folder and renames it, so that a killed process leaves no partial cache."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        fields = {name: array for name, array in arrays.items() if name != MAPPED}
        own = {"key": np.array(key), "has_image": np.array(MAPPED in arrays)}
        np.savez(part / "fields.npz", **own, **fields)
        if MAPPED in arrays:
            np.save(part / f"{MAPPED}.npy", arrays[MAPPED])
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
