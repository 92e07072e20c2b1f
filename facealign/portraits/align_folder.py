"""Makes portraits of all photos of a folder; a second run skips finished photos."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging
from etils import epath
from PIL import Image

from facealign.data.datasets.archives import walk_folder
from facealign.errors import UserError
from facealign.faces import find, workers
from facealign.faces.dlib_tools import FaceTools, load_tools
from facealign.faces.measure import WIDTH, unpack
from facealign.images import is_photo, png_bytes
from facealign.paths import write_whole
from facealign.portraits.aligner import Method
from facealign.portraits.results import FRONTAL, RESULTS, Row, crop_path, draw_page, portrait_path
from facealign.workdir.progress_bar import progress_bar

SHEET, MODEL = "sheet.html", "model.json"
CHUNK = 32  # photos in memory at a time


class Folders(NamedTuple):
    """The photos to align, and the folder for portraits."""

    photos: dict[str, Path]  # by name, which is the path below the input folder
    output: Path


def align_folder(
    method: Method,
    folders: Folders,
    already_aligned: bool = False,
    sheet: bool = False,
    original_size: bool = False,
    create: Callable[[], FaceTools] = load_tools,
) -> list[Row]:
    """Writes a portrait of every face, results.csv and, if `sheet` is set, sheet.html.

    Photos in results.csv are skipped. Every portrait in results.csv is complete, even if the run is
    stopped at any time.

    Args:
      method: makes portraits of canonical crops.
      folders: from `find_photos`.
      already_aligned: whether photos are canonical crops; then no face is searched or measured.
      sheet: whether to write the crops too, and a page that shows crops and portraits.
      original_size: whether portraits are as large as the crops in the photos; else 128 px.
      create: makes the face tools; a function that other processes can import.

    Returns:
      All rows of results.csv.

    Raises:
      UserError: the folder holds portraits of another method or files changed by others, or
        cannot be written; a worker was killed; there are no face tools. Earlier files are unharmed.
    """
    output, tools = folders.output, None if already_aligned else create
    name = method.name + ", portraits as large as in the photo" * original_size
    if tools:
        tools()  # raises UserError here instead of in another process
    with _raise_user_errors(output):
        rows = _continue(output, name)
        seen = {row.photo for row in rows}
        new = [name for name in folders.photos if name not in seen]
        with workers.start_pool(tools) as pool, progress_bar(total=len(new), unit="photos") as bar:
            for chunk in _chunks(new):
                paths = [folders.photos[name] for name in chunk]
                found = list(pool.map(workers.read_faces_in_worker, paths))
                made = _make_portraits(chunk, found, method, pool if tools else None)
                for row, portrait, face in made:
                    if face is not None:
                        size = face.size if original_size else len(portrait)
                        _write_image(output / row.portrait, portrait, size)
                        if sheet:
                            crop = output / crop_path(row.portrait)
                            _write_image(crop, face.crop, len(face.crop))
                rows += [row for row, *_ in made]
                _append(output / RESULTS, [row for row, *_ in made])
                bar.update(len(chunk))
            bar.close()  # before the line of the log
            if peak := workers.peak_memory_of_workers():
                logging.info("a process that finds faces held at most %.0f MB", peak)
        if sheet:
            write_whole(epath.Path(output / SHEET), draw_page(rows, output, name).encode())
    return rows


@contextmanager
def _raise_user_errors(output: Path) -> Iterator[None]:
    """Raises errors of writing and of worker processes as `UserError`."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write to --output={output}: {error}; the portraits in {RESULTS} are complete, "
            "and the same command goes on from there"
        ) from error
    except BrokenProcessPool as error:
        raise UserError(
            "a process that finds faces was killed, perhaps for lack of memory; the same command "
            "goes on from there"
        ) from error


def find_photos(source: Path, output: Path, recursive: bool = True) -> Folders:
    """The photos of a folder, or a single photo, by name.

    Raises:
      UserError: there is no photo, or one of the folders is inside the other.
    """
    source, output = source.expanduser(), output.expanduser()
    here, there = source.resolve(), output.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise UserError(
            f"--output={output} and --input={source} must not be nested; choose another --output"
        )
    if source.is_file():
        return Folders({source.name: source}, output)
    if not source.is_dir():
        raise UserError(f"--input={source} is neither a folder nor a photo; check the path")
    photos = {
        name: path
        for name, path in walk_folder(source)
        if is_photo(name) and (recursive or "/" not in name)
    }
    if not photos:
        raise UserError(f"--input={source} has no photo; photos have names like *.jpg or *.png")
    return Folders(photos, output)


def _make_portraits(
    photos: Sequence[str],
    found: Sequence[find.FoundFaces],
    method: Method,
    pool: ProcessPoolExecutor | None,
) -> list[tuple[Row, np.ndarray | None, find.FoundFace | None]]:
    """Rows with their portraits uint8 [128, 128, 1] and faces; None in rows without a portrait.

    Args:
      photos: names of photos.
      found: the faces of each photo.
      method: makes portraits of canonical crops.
      pool: worker processes that measure the portraits; None to measure nothing.
    """
    every = [face for one in found for face in one.faces]
    crops = [face.crop for face in every]
    portraits = method.frontal(np.stack(crops), find.poses_of(every)) if every else []
    unknown = [np.full(WIDTH, np.nan)] * len(every)
    seen = [*pool.map(workers.measure_in_worker, portraits)] if pool else unknown
    measured = unpack(np.array(seen).reshape(-1, WIDTH))
    made = zip(every, portraits, measured.yaw, measured.descriptor, strict=True)
    rows = []
    for photo, one in zip(photos, found, strict=True):
        for number, (face, portrait, *after) in enumerate(islice(made, len(one.faces)), 1):
            row = _describe(portrait_path(photo, number), photo, face, *after)
            if pool and not row.yaw_after:
                notes = [row.note, "no face is found in the portrait"]
                row = row._replace(note="; ".join(filter(None, notes)))
            rows.append((row, portrait, face))
        rows += [(Row(photo, note=note), None, None) for note in one.notes]
    return rows


def _describe(
    portrait: str, photo: str, face: find.FoundFace, yaw: float, descriptor: np.ndarray
) -> Row:
    """The row of a face. yaw and descriptor are those of the portrait, nan if it shows no face."""
    known = face.descriptor is not None and not np.isnan(yaw)
    return Row(
        photo,
        portrait,
        *(face.box or ("",) * 4),
        yaw_before="" if np.isnan(face.yaw) else f"{face.yaw:.1f}",
        yaw_after="" if np.isnan(yaw) else f"{yaw:.1f}",
        distance=f"{np.linalg.norm(face.descriptor - descriptor):.3f}" if known else "",
        note="already frontal" if abs(face.yaw) < FRONTAL else "",
    )


def _continue(output: Path, name: str) -> list[Row]:
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
    """As `_continue`; files changed by others raise KeyError, TypeError or ValueError."""
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
    if not path.exists():
        _append(path, [Row(*Row._fields)])
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]  # without a last line that a stop cut short
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    return [Row(*row) for row in csv.reader(io.StringIO(whole.decode(), newline=""))][1:]


def _append(path: Path, rows: Sequence[Row]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    with path.open("ab") as file:
        file.write(text.getvalue().encode())
        file.flush()
        os.fsync(file.fileno())


def _write_image(path: Path, image: np.ndarray, size: int) -> None:
    """Writes an image uint8 [H, H, 1], resized to size x size px."""
    picture = Image.fromarray(image[..., 0])
    if size != len(image):
        picture = picture.resize((size, size), Image.Resampling.LANCZOS)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(epath.Path(path), png_bytes(picture).getvalue())


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + CHUNK] for start in range(0, len(names), CHUNK))
