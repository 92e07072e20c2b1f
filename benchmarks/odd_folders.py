"""Folders of odd photos, aligned twice with something done to them in between."""

import contextlib
import csv
import io
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hypothesis
from guarded import guarded, made
from hypothesis import strategies as st
from odd_photos import OddPhoto, odd_names, odd_photos

from facealign.faces import workers
from facealign.portraits import align_folder, folders, methods
from facealign.portraits.results import Row, is_final
from tests import toy_photos, toy_tools

METHOD = methods.from_crops("negative", lambda crops, poses: 255 - crops, 128)
HARMS = ("nothing", "photo", "portrait", "semicolons", "cut", "text", "link", "loop", "pipe")


def fuzz_folders(folder: Path, cases: int) -> None:
    """Folders of odd photos; each photo has its rows once, also after what befalls folders."""
    # A thread is the worker, as where processes cannot be started: they would take seconds a case.
    workers.start_pool = lambda create, count=0: ThreadPoolExecutor(
        1, initializer=workers._prepare, initargs=(create,)
    )
    files = st.dictionaries(odd_names(), odd_photos(), min_size=1, max_size=5)

    @made(cases)
    @hypothesis.given(files, st.lists(st.sampled_from(HARMS), max_size=2))
    def case(files: dict[str, OddPhoto], harms: list[str]) -> None:
        shutil.rmtree(folder / "in", ignore_errors=True)
        shutil.rmtree(folder / "out", ignore_errors=True)
        (folder / "in").mkdir()
        for name, photo in files.items():
            _write(folder / "in" / name, photo.content)
        guarded(lambda: _align_twice(folder, harms), ({n: p.said for n, p in files.items()}, harms))

    case()


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError:  # a name that this file system refuses, or that a folder has
        return


def _align_twice(folder: Path, harms: list[str]) -> None:
    first = _align(folder)
    for harm in harms:
        _harm(folder, harm)
    times = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*.png")}
    second = _align(folder)
    if not harms:
        assert {row.photo for row in first} == {row.photo for row in second}
        kept = {row.portrait for row in first if row.portrait and is_final(row)}
        for name in kept:
            path = folder / "out" / name
            assert path.stat().st_mtime_ns == times[path], f"{name} was made again"


def _align(folder: Path) -> list[Row]:
    """Aligns the folder; every photo has rows, and every portrait is there, once."""
    found = folders.find_photos(folder / "in", folder / "out")
    with contextlib.redirect_stderr(io.StringIO()):  # progress bars
        rows = align_folder.align_folder(
            METHOD, found, create=toy_tools.create_tools, read=toy_photos.read, jobs=1
        )
    assert {row.photo for row in rows} >= set(found.photos)
    portraits = [row.portrait for row in rows if row.portrait]
    assert len(set(portraits)) == len(portraits), "a portrait has two rows"
    assert all((folder / "out" / name).stat().st_size for name in portraits)
    assert all(row.portrait or row.note for row in rows), "a photo without portrait or note"
    with (folder / "out" / "results.csv").open(newline="", encoding="utf-8") as file:
        assert len([*csv.DictReader(file)]) == len(rows)
    return rows


def _harm(folder: Path, harm: str) -> None:
    """Does to the folders what people, spreadsheets and drives do."""
    photos = sorted(path for path in (folder / "in").rglob("*") if path.is_file())
    portraits = sorted(path for path in (folder / "out").rglob("*.png") if path.is_file())
    table = folder / "out" / "results.csv"
    if harm == "photo" and photos:
        photos[0].write_bytes(photos[-1].read_bytes() + b"0")
    elif harm == "portrait" and portraits:
        portraits[0].unlink()
    elif harm == "semicolons":
        with table.open(newline="", encoding="utf-8") as file:
            lines = [*csv.reader(file)]
        with table.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=";").writerows(lines)
    elif harm == "cut":
        table.write_bytes(table.read_bytes()[:-9])
    elif harm == "text":
        table.write_text("notes")
    elif harm == "link":
        (folder / "in" / "link.png").unlink(missing_ok=True)
        (folder / "in" / "link.png").symlink_to("nowhere")
    elif harm == "loop" and not (folder / "in" / "loop").exists():
        (folder / "in" / "loop").symlink_to(folder / "in")
    elif harm == "pipe" and not (folder / "in" / "pipe.png").exists():
        os.mkfifo(folder / "in" / "pipe.png")
