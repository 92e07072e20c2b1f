"""The photos to align, and the folder for their portraits."""

from collections.abc import Container
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from absl import logging

from facealign.data.datasets.archives import printable, walk_folder
from facealign.errors import UserError
from facealign.images import is_photo
from facealign.portraits.photo_files import begins_as_photo, count_kinds


class Folders(NamedTuple):
    """The photos to align, and the folder for portraits."""

    photos: dict[str, Path]  # by name, which is the path below the input folder
    output: Path
    source: Path  # where the photos are


def find_photos(source: Path, output: Path, recursive: bool = True) -> Folders:
    """The photos of a folder, or a single photo, by name.

    Raises:
      UserError: there is no photo, or one of the folders is inside the other.
    """
    source, output = source.expanduser(), output.expanduser()
    here, there = source.resolve(), output.resolve()
    if source.is_file() and here != there:
        return Folders({printable(source.name): source}, output, here.parent)
    if here == there or here in there.parents or there in here.parents:
        raise UserError(
            f"--output={output} and --input={source} must not be nested; choose another --output"
        )
    if not source.is_dir():
        raise UserError(f"--input={source} is neither a folder nor a photo; check the path")
    photos, others = {}, []
    for name, path in walk_folder(source, without=there):
        if "/" in name and not recursive:
            continue
        if is_photo(name) or begins_as_photo(path):
            photos[_unlike(name, photos)] = path
        else:
            others.append(name)
    if not photos:
        only = f", only {count_kinds(others)}" if others else ""
        raise UserError(
            f"--input={source} has no photo{only}; photos have names like *.jpg or *.png"
        )
    if others:
        logging.info("files that are no photos: %s", count_kinds(others))
    return Folders(photos, output, here)


def _unlike(name: str, names: Container[str]) -> str:
    """The name of a photo, with a number if `printable` made it one of `names`."""
    path, other, number = PurePosixPath(name), name, 2
    while other in names:
        other, number = str(path.with_stem(f"{path.stem}~{number}")), number + 1
    return other
