"""Reads files of photos from a folder, or from a tar or zip archive."""

import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from facealign.errors import UserError

DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, OSError)


def find_source(folders: Sequence[Path], patterns: Sequence[str]) -> Path | None:
    """The first archive or folder that matches a pattern; earlier folders and patterns win."""
    for folder in folders:
        for pattern in patterns:
            for path in sorted(folder.glob(pattern)):
                return path
    return None


def walk(source: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Name and reader of every file in a folder or archive, always in the same order.

    Names are relative to the folder or archive, with "/". Read a file of an archive before
    asking for the next one.

    Raises:
      UserError: the archive is damaged or cannot be opened.
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
            "download it again"
        ) from error


def read_all(source: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """The content of the files of a folder or archive that `wanted` selects, by name.

    Raises:
      UserError: a file or the archive cannot be read.
    """
    content = {}
    for name, read in walk(source):
        if wanted(name):
            try:
                content[name] = read()
            except DAMAGED as error:
                raise UserError(f"cannot read {name} in {source} ({error}); repair it") from error
    return content


def walk_folder(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and path of every file below a folder, sorted; follows links, but not in loops."""
    seen = set()
    for path, folders, files in os.walk(folder, followlinks=True):
        status = os.stat(path)
        if (status.st_dev, status.st_ino) in seen:  # a link to a folder already visited
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        for file in sorted(files):
            full = Path(path, file)
            yield printable(full.relative_to(folder).as_posix()), full


def printable(name: str) -> str:
    """A file name as text that UTF-8 can encode, whatever its bytes are."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
