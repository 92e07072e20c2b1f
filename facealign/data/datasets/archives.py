"""Reads files of photos from a folder, or from a tar or zip archive."""

import lzma
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from absl import logging

from facealign.errors import UserError

DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, OSError)
# Folders and files that systems keep for themselves, besides those that start with a dot.
OF_SYSTEMS = {"@eadir", "@recently-snapshot", "@recycle", "@tmp", "#recycle", "#snapshot",
              "$recycle.bin", "recycler", "found.000", "lost+found", "system volume information",
              "__macosx", "thumbs.db", "desktop.ini"}  # fmt: skip
LINE_BREAKS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"
)  # and other signs that end or hide text


def find_source(folders: Sequence[Path], patterns: Sequence[str]) -> Path | None:
    """The first archive or folder that matches a pattern; earlier folders and patterns win."""
    for folder in folders:
        for pattern in patterns:
            for path in sorted(folder.glob(pattern)):
                return path
    return None


def walk(source: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Name and reader of every file in a folder or archive that is not hidden, in a fixed order.

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
        for name, read in _walk_archive(source):
            if not is_hidden(name):
                yield printable(name), read
    except (*DAMAGED, NotImplementedError) as error:  # a zip of a version too new
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(
            f"cannot read the archive {source} ({reason}); it is damaged, cut short, or no tar or "
            "zip file: download it again, or unpack it"
        ) from error


def _walk_archive(source: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            for name in archive.namelist():
                if not name.endswith("/"):
                    yield name, lambda name=name: _unzip(archive, name)
    else:
        with tarfile.open(source) as archive:
            for member in archive:
                if member.isfile():
                    yield member.name, lambda member=member: archive.extractfile(member).read()


def _unzip(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except (NotImplementedError, RuntimeError) as error:  # another compression; a password
        raise UserError(
            f"cannot read {printable(name)} in the archive {archive.filename} ({error}); unpack "
            "the archive with another program, and give the folder in its place"
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
                reason = str(error) or type(error).__name__
                raise UserError(f"cannot read {name} in {source} ({reason}); repair it") from error
    return content


def walk_folder(folder: Path, without: Path | None = None) -> Iterator[tuple[str, Path]]:
    """Name and path of every file below a folder that is not hidden, in a fixed order.

    It follows links, but not in loops, nor to the folder `without`. A folder that cannot be read
    is a line of the log. Names are `printable`. Pipes, sockets and devices are no files.
    """
    waiting = [folder] if os.path.isdir(folder) else []
    seen = {_identity(without)} if without and os.path.isdir(without) else set()
    while waiting:
        here = waiting.pop()
        try:
            identity = _identity(here)
            if identity in seen:  # a link to a folder already visited
                continue
            seen.add(identity)
            with os.scandir(here) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            logging.warning("%s is left out: %s", printable(str(here)), error.strerror)
            continue
        found = [(_kind(entry), here / entry.name) for entry in found if not is_hidden(entry.name)]
        for kind, path in found:
            if kind == "file":
                yield printable(path.relative_to(folder).as_posix()), path
        waiting += [path for kind, path in reversed(found) if kind == "folder"]


def _identity(folder: Path) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _kind(entry: os.DirEntry) -> str:
    """ "folder", "file" or "other"; a link that leads nowhere is a file: to read it says why."""
    try:
        if entry.is_dir():
            return "folder"
        return "file" if entry.is_file() or not os.path.exists(entry.path) else "other"
    except OSError:  # a loop of links, or a place that may not be seen
        return "file"


def is_hidden(name: str) -> bool:
    """Whether part of a path below a folder is hidden, or is what a system keeps for itself."""
    parts = [part for part in name.split("/") if part not in (".", "..")]
    return any(part.startswith(".") or part.lower() in OF_SYSTEMS for part in parts)


def printable(name: str) -> str:
    """A file name as one line of text that UTF-8 can encode, whatever its bytes are."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return LINE_BREAKS.sub(lambda sign: sign[0].encode("unicode_escape").decode(), text)
