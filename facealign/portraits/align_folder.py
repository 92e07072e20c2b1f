"""Makes portraits of all photos of a folder; a second run skips finished photos."""

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
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
from facealign.faces.face import ReadFaces, load_read
from facealign.images import is_photo, png_bytes
from facealign.paths import write_whole
from facealign.portraits.aligner import Method
from facealign.portraits.results import RESULTS, Row, crop_path, draw_page
from facealign.portraits.results_table import append, open_table
from facealign.portraits.rows import Made, make_rows
from facealign.workdir.progress_bar import progress_bar

SHEET = "sheet.html"
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
    read: ReadFaces | None = None,
) -> list[Row]:
    """Writes a portrait of every face, results.csv and, if `sheet` is set, sheet.html.

    Photos in results.csv are skipped. Every portrait in results.csv is complete, even if the run is
    stopped at any time.

    Args:
      method: makes portraits of canonical crops.
      folders: from `find_photos`.
      already_aligned: whether photos are canonical crops; then no face is searched or compared.
      sheet: whether to write the crops too, and a page that shows crops and portraits.
      original_size: whether portraits are as large as the crops in the photos; else 128 px.
      create: makes the face tools; a function that other processes can import.
      read: reads the heads of faces; None: by the reader that comes with facealign.

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
    read = read or load_read()
    with _raise_user_errors(output):
        rows = open_table(output, name)
        seen = {row.photo for row in rows}
        new = [name for name in folders.photos if name not in seen]
        with (
            workers.start_pool(tools) as pool,
            progress_bar(total=len(new), unit="photos") as bar,
            closing(_find_ahead(pool, folders.photos, new)) as found_ahead,
        ):
            for chunk, found in found_ahead:
                made = make_rows(chunk, found, method, read, pool if tools else None)
                _write_images(output, made, sheet, original_size)
                rows += [row for row, *_ in made]
                append(output / RESULTS, [row for row, *_ in made])
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


def _find_ahead(
    pool: ProcessPoolExecutor, photos: dict[str, Path], names: Sequence[str]
) -> Iterator[tuple[Sequence[str], list[find.FoundFaces]]]:
    """Names in chunks, with the faces of each photo. Workers look for those of the next chunk."""

    chunks = [names[start : start + CHUNK] for start in range(0, len(names), CHUNK)]
    started = deque()
    try:
        for number, chunk in enumerate(chunks):
            for ahead in chunks[number + len(started) : number + 2]:
                paths = [photos[name] for name in ahead]
                started.append([pool.submit(workers.read_faces_in_worker, p) for p in paths])
            yield chunk, [task.result() for task in started.popleft()]
    finally:
        for task in itertools.chain(*started):
            task.cancel()


def _write_images(output: Path, made: Sequence[Made], sheet: bool, original_size: bool) -> None:
    """Writes portraits and, if `sheet` is set, crops; options as in `align_folder`."""
    for row, portrait, face in made:
        if face:
            size = face.size if original_size else len(portrait)
            _write_image(output / row.portrait, portrait, size)
            if sheet:
                _write_image(output / crop_path(row.portrait), face.crop, len(face.crop))


def _write_image(path: Path, image: np.ndarray, size: int) -> None:
    """Writes an image uint8 [H, H, 1], resized to size x size px."""
    picture = Image.fromarray(image[..., 0])
    if size != len(image):
        picture = picture.resize((size, size), Image.Resampling.LANCZOS)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(epath.Path(path), png_bytes(picture).getvalue())
