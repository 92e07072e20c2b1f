"""Any folder of photos. A subfolder is a person, unless index.csv says who is in a photo."""

import functools
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facealign import images
from facealign.data.datasets import archives, crops, photo_set, pupil_index, schema
from facealign.errors import UserError


def create_builder(data: Any, data_dir: str) -> photo_set.PhotoSet:
    """The builder for the folder `config.data.manual_dir`, prepared anew when a file changes.

    The photos belong to the domain for which `config.data` names "folder".

    Raises:
      UserError: `config.data.faces` is unknown.
    """
    folder = photo_set.manual_folder(data, data_dir)
    of_u, of_r = ("folder" in data[name].split("+") for name in ("unrestricted", "restricted"))
    domain = "restricted" if of_r and not of_u else "unrestricted"
    return photo_set.create_photo_set(
        f"folder_{domain}_{fingerprint(folder)}",
        "1.0.0",
        f"photos in {folder}",
        functools.partial(list_folder, folder, domain),
        data_dir,
        photo_set.detects(data),
        crops.create_style(data),
    )


def fingerprint(folder: Path) -> str:
    """Eight hex digits that change with the name, size or date of a photo or index.csv."""
    digest = hashlib.sha256(str(folder).encode("utf-8", "surrogateescape"))
    for name, path in archives.walk_folder(folder):
        if images.is_photo(name) or path.name == pupil_index.INDEX:
            status = path.lstat()
            digest.update(f"\n{name} {status.st_size} {status.st_mtime_ns}".encode())
    return digest.hexdigest()[:8]


def list_folder(source: Path, domain: str) -> Iterator[photo_set.Photo]:
    """The photos of a folder or archive.

    With an index.csv, subject, pupils and pose come from it, and photos not in it are rejected.
    Without one, `subject_of` gives the subject, and the position of the face is unknown.

    Raises:
      UserError: there is no photo, or index.csv has no columns `file` and `subject`.
    """
    index = pupil_index.read_index(source) if source.exists() else None
    places = dict(pupil_index.locate_all(source, index)) if index else {}
    empty = True
    for name, read in archives.walk(source) if source.exists() else ():
        if not images.is_photo(name):
            continue
        empty = False
        if index is None:
            subject, locate, pose = subject_of(name), None, {}
        elif name in index:
            row = index[name]
            subject, locate = row["subject"] or subject_of(name), places[name]
            pose = pupil_index.pose_of(row)
        else:
            subject, pose = subject_of(name), {}
            locate = crops.refuse(f"not in {pupil_index.INDEX}")
        yield photo_set.Photo(name, subject, domain, read, locate, **pose)
    if empty:
        raise UserError(
            f"no photo in {source}; put photos ({', '.join(images.SUFFIXES)}) there, one "
            "folder for each person, or set config.data.manual_dir to where they are"
        )


def subject_of(name: str) -> str:
    """The subject of a photo, from its name in the folder.

    `00012_1_F.png` of NIST Special Database 18 -> 00012, in any folder. Otherwise the folder
    that holds the photo; at the top, the file name without its number: `anna_02.jpg` -> anna.
    """
    *folders, file = name.split("/")
    stem = file.rsplit(".", 1)[0]
    mugshot = re.fullmatch(r"(\d+)_\d+_[A-Z]", stem)
    if mugshot:
        return mugshot[1]
    return schema.subject_name(folders[-1] if folders else re.sub(r"[ _-]*\d+$", "", stem) or stem)
