"""results.csv in a folder of portraits: opened, continued after a stop, appended to."""

import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

from etils import epath

from facealign.errors import UserError
from facealign.paths import write_whole
from facealign.portraits.results import RESULTS, Row

MODEL = "model.json"


def open_table(output: Path, name: str) -> list[Row]:
    """The rows that earlier runs of the same method wrote to this folder.

    Raises:
      UserError: the folder holds portraits of another method, or files changed by others.
      OSError: the folder cannot be written.
    """
    output.mkdir(parents=True, exist_ok=True)
    try:
        return _read_rows(output, name)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{MODEL} or {RESULTS} in --output={output} is not as facealign wrote it ({error}); "
            "choose another folder"
        ) from error


def _read_rows(output: Path, name: str) -> list[Row]:
    """As `open_table`; files changed by others raise KeyError, TypeError or ValueError."""
    model = epath.Path(output / MODEL)
    if model.exists():
        before = json.loads(model.read_text())["model"]
        if before != name:
            raise UserError(
                f"--output={output} holds portraits by {before}, not by {name}; choose another"
            )
    else:
        write_whole(model, json.dumps({"model": name}).encode())
    path = output / RESULTS
    content = path.read_bytes() if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]  # without a last line that a stop cut short
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    if not whole:
        append(path, [Row(*Row._fields)])
        return []
    header, *lines = csv.reader(io.StringIO(whole.decode(), newline=""))
    rows = [Row(**dict(zip(header, line, strict=True))) for line in lines]
    if tuple(header) != Row._fields:  # of an earlier version, which had fewer columns
        write_whole(epath.Path(path), _text([Row(*Row._fields), *rows]).encode())
    return rows


def append(path: Path, rows: Sequence[Row]) -> None:
    """Appends rows to the file, which is on the disk then."""
    with path.open("ab") as file:
        file.write(_text(rows).encode())
        file.flush()
        os.fsync(file.fileno())


def _text(rows: Sequence[Row]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
