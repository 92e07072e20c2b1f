"""results.csv in a folder of portraits: opened, continued after a stop, appended to."""

import csv
import io
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from etils import epath

from facealign.errors import UserError
from facealign.paths import write_whole
from facealign.portraits.results import (
    CROP,
    MASK,
    RESULTS,
    TURNTABLE,
    Row,
    is_final,
    path_beside,
)

MODEL = "model.json"
DELIMITERS = ",;\t"  # that spreadsheets write
NEEDED = {"photo", "portrait", "note"}  # columns of every version
NUMBERS = [name for name in Row._fields if name not in NEEDED | {"stamp"}]


def open_table(output: Path, name: str, stamps: Mapping[str, str], source: Path) -> list[Row]:
    """The rows that earlier runs of the same method wrote to this folder, and that still hold.

    The others are gone from results.csv then, with their portraits: those of photos that were
    replaced or whose portrait was removed, and those with an error of the moment.

    Args:
      output: the folder; created if it is missing.
      name: of the method.
      stamps: of each photo to align, see `photo_files.stamp`.
      source: the folder of the photos.

    Raises:
      UserError: the folder holds portraits of another method; or of photos of the same names in
        another folder; or others changed its files.
      OSError: the folder cannot be written.
    """
    model, path = epath.Path(output / MODEL), output / RESULTS
    content = path.read_bytes() if path.exists() else b""
    try:
        made = json.loads(model.read_text()) if model.exists() else {"model": name}
        before, places = made["model"], list(made.get("photos", [str(source)]))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{MODEL} in --output={output} is not as facealign wrote it ({error!r}); "
            "choose another folder"
        ) from error
    if before != name:
        raise UserError(
            f"--output={output} holds portraits by {before}, not by {name}; choose another"
        )
    try:
        rows = _parse(content)
    except (csv.Error, ValueError) as error:
        raise UserError(
            f"{RESULTS} in --output={output} was changed by another program and is not as "
            f"facealign wrote it ({error}); put the earlier file back, or choose another folder"
        ) from error
    others = [row.photo for row in rows if _is_replaced(row, stamps.get(row.photo, ""))]
    if others and str(source) not in places:
        raise UserError(
            f"--output={output} holds portraits of photos in {places[-1]}, and others in "
            f"{source} have the same names, such as {others[0]}; choose another --output"
        )
    now = {"model": name, "photos": list(dict.fromkeys([*places, str(source)]))}
    if now != made:
        write_whole(model, json.dumps(now).encode())
    rows = _keep_finished(rows, output, stamps)
    if (text := _text([Row._fields, *rows]).encode()) != content:
        write_whole(epath.Path(path), text)
    return rows


def append(path: Path, rows: Sequence[Row]) -> None:
    """Appends rows to the file, which is on the disk then."""
    with path.open("ab") as file:
        file.write(_text(rows).encode())
        file.flush()
        os.fsync(file.fileno())


def _parse(content: bytes) -> list[Row]:
    """The rows of a file that facealign wrote, perhaps one of its earlier versions.

    Spreadsheets may have saved it with other delimiters and ends of lines, and without empty cells
    at the end of lines. If a stop cut the last line short, the rows of its photo are left out.

    Raises:
      csv.Error, ValueError: it is another file, or lacks what facealign wrote.
    """
    end = content.rfind(b"\n") + 1
    text, cut = content[:end].decode("utf-8-sig"), content[end:].decode(errors="ignore")
    if not text and _text([Row._fields]).startswith(cut):
        return []
    first = text.split("\n")[0]
    delimiter = next((sign for sign in DELIMITERS if sign in first), ",")
    header, *lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = [name for name in header if name]
    if not NEEDED <= set(header) <= set(Row._fields):
        raise ValueError(f"its columns are {', '.join(header)}")
    rows = [_parse_row(header, line, delimiter) for line in lines if any(line)]
    if rows and cut:
        start = _text([[rows[-1].photo, ""]])[:-1]
        if start.startswith(cut) or cut.startswith(start):
            rows = [row for row in rows if row.photo != rows[-1].photo]
    return rows


def _parse_row(header: Sequence[str], line: Sequence[str], delimiter: str) -> Row:
    """A row of a line; raises ValueError for what facealign does not write."""
    cells = dict(itertools.zip_longest(header, line[: len(header)], fillvalue=""))
    if any(line[len(header) :]):
        raise ValueError(f"a line has more than {len(header)} cells")
    for name in NUMBERS:
        if value := cells.get(name):
            cells[name] = value if delimiter == "," else value.replace(",", ".")
            try:
                float(cells[name])
            except ValueError:
                raise ValueError(f"{name} is {value!r}") from None
    row, portrait = Row(**cells), PurePosixPath(cells["portrait"])
    if not row.photo or portrait.is_absolute() or ".." in portrait.parts:
        raise ValueError(f"photo is {row.photo!r}, portrait {row.portrait!r}")
    if row.portrait and not portrait.suffix:
        raise ValueError(f"portrait is {row.portrait!r}")
    return row


def _keep_finished(rows: Sequence[Row], output: Path, stamps: Mapping[str, str]) -> list[Row]:
    """The rows that still hold; removes the portraits of photos that are to be done again."""
    again = {
        row.photo
        for row in rows
        if row.photo in stamps and not _still_holds(row, output, stamps[row.photo])
    }
    for row in rows:
        if row.photo in again and row.portrait:
            beside = (path_beside(row.portrait, kind) for kind in (CROP, MASK, TURNTABLE))
            for name in (row.portrait, *beside):
                (output / name).unlink(missing_ok=True)
    return [
        row._replace(stamp=row.stamp or stamps.get(row.photo, ""))  # earlier versions had none
        for row in rows
        if row.photo not in again and is_final(row)
    ]


def _still_holds(row: Row, output: Path, stamp: str) -> bool:
    """Whether the photo of a row is not to be done again; `stamp` is what its file has now."""
    portrait = output / row.portrait
    lost = row.portrait and not (portrait.exists() and portrait.stat().st_size)
    return is_final(row) and not lost and not _is_replaced(row, stamp)


def _is_replaced(row: Row, stamp: str) -> bool:
    """Whether the file of a photo is not the one that its row is of."""
    return bool(stamp and row.stamp and stamp != row.stamp)


def _text(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
