"""Frontal portraits: an archive with pupils in index.csv, NIST SD18, or any folder of photos."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facealign.data.datasets import archives, crops, folder, photo_set
from facealign.errors import UserError

SOURCES = ("mugshots*.tar*", "mugshots*.tgz", "mugshots*.zip", "mugshots", "sd18*", "SD18*")


def create_builder(data: Any, data_dir: str) -> photo_set.PhotoSet:
    """The builder for mugshots.tar or a folder mugshots/ in `config.data.manual_dir`.

    Raises:
      UserError: `config.data.faces` is unknown.
    """
    place = photo_set.manual_folder(data, data_dir)
    return photo_set.create_photo_set(
        f"mugshots_{photo_set.source_key(data)}",
        "1.0.0",
        f"frontal portraits in {place}",
        lambda: list_mugshots(place),
        data_dir,
        photo_set.detects(data),
        crops.create_style(data),
        lambda: archives.find_source([place], SOURCES),
    )


def list_mugshots(place: Path) -> Iterator[photo_set.Photo]:
    """The portraits of the first archive or folder found, all restricted.

    Raises:
      UserError: there is no archive or folder.
    """
    source = archives.find_source([place], SOURCES)
    if source is None:
        raise UserError(
            f"no mugshots in {place}; put mugshots.tar or a folder mugshots/ with photos there, "
            "or set config.data.manual_dir to where it is"
        )
    for photo in folder.list_folder(source, "restricted"):
        # NIST SD18 names its photos PERSON_NUMBER_F (front) and PERSON_NUMBER_P (profile).
        if re.search(r"\d+_\d+_P\.\w+$", photo.file_name):
            photo = photo._replace(locate=crops.refuse("a profile, by its name"))
        yield photo
