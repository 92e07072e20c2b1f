"""Files of photos: in a folder, a tar or a zip archive, and whatever else is named .jpg."""

import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from facealign.errors import UserError

DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, OSError)


def find_source(folders: Sequence[Path], patterns: Sequence[str]) -> Path | None:
    """The first archive or folder that a pattern names; earlier folders and patterns win."""
    for folder in folders:
        for pattern in patterns:
            for path in sorted(folder.glob(pattern)):
                return path
    return None


def walk(source: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Name and reader of every file in a folder or archive, in an order that stays the same.

    Names are relative to the folder or archive, with "/"; those of an archive have to be read
    before the next one is asked for.

    Raises:
      UserError: the archive is damaged, or cannot be opened.
    """
    if source.is_dir():
        for name, path in walk_folder(source):
            yield name, path.read_bytes
        return
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as archive:
                for name in archive.namelist():
                    if not name.endswith("/"):
                        yield name, lambda name=name: archive.read(name)
        else:
            with tarfile.open(source) as archive:
                for member in archive:
                    if member.isfile():
                        yield member.name, lambda member=member: archive.extractfile(member).read()
    except DAMAGED as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"cannot read the archive {source} ({reason}); it is damaged or cut short: "
            "fetch it again"
        ) from error


def read_all(source: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """The content of all files of a folder or archive whose names are wanted.

    Raises:
      UserError: one of them, or the archive, cannot be read.
    """
    content = {}
    for name, read in walk(source):
        if wanted(name):
            try:
                content[name] = read()
            except DAMAGED as error:
                raise UserError(f"cannot read {name} in {source} ({error}); mend it") from error
    return content


def walk_folder(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and path of every file below a folder, sorted; links are followed, loops are not."""
    seen = set()
    for path, folders, files in os.walk(folder, followlinks=True):
        status = os.stat(path)
        if (status.st_dev, status.st_ino) in seen:  # a link to a folder that was there already
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        for file in sorted(files):
            full = Path(path, file)
            yield printable(full.relative_to(folder).as_posix()), full


def printable(name: str) -> str:
    """A file name that can be written as UTF-8, whatever bytes it is made of."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
