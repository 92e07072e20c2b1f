"""Makes portraits of all photos of a folder; a second run skips finished photos."""

import errno
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import jax
from absl import logging
from etils import epath
from PIL import Image

from facealign.errors import UserError
from facealign.faces import dlib_tools, find, workers
from facealign.faces.face import ReadFaces, load_read
from facealign.faces.tools import FaceTools, load_finder, load_tools
from facealign.faces.turning.style import Style
from facealign.parallel import machine
from facealign.parallel.devices import describe_devices
from facealign.paths import write_whole
from facealign.portraits import image_files
from facealign.portraits.folders import Folders
from facealign.portraits.image_files import Files, encode, encode_animation
from facealign.portraits.methods import Method
from facealign.portraits.photo_files import HEIC, is_heic_in_vain, stamp
from facealign.portraits.portrait import Portrait
from facealign.portraits.results import (
    CROP,
    KILLED,
    MASK,
    RESULTS,
    TURNTABLE,
    Row,
    draw_page,
    path_beside,
)
from facealign.portraits.results_table import append, open_table
from facealign.portraits.rows import Made, make_rows
from facealign.portraits.turntable import swing
from facealign.workdir.lock import locked
from facealign.workdir.progress_bar import progress_bar

SHEET = "sheet.html"
CHUNK, LARGE = 16, 400  # photos in memory at a time; fewer of faces with more px of detail
FIRST = 2  # the same, at the start
# Of errors of a file system to which a portrait's name is too long, or no name, or of another kind.
OF_NAMES = {errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.EEXIST, errno.EISDIR,
            errno.ENOTDIR}  # fmt: skip


def align_folder(
    method: Method,
    folders: Folders,
    files: Files = image_files.USUAL_FILES,
    create: Callable[[], FaceTools] | None = load_tools,
    read: ReadFaces | None = None,
    wanted: find.Wanted = find.EVERY_FACE,
    jobs: int = 0,
) -> list[Row]:
    """Writes a portrait of every face, results.csv, and what else `files` says.

    Photos in results.csv are skipped, if its rows still hold. Every portrait in results.csv is
    complete, even if the run is stopped at any time.

    Args:
      method: makes portraits of faces.
      folders: from `find_photos`.
      files: what is written for each portrait.
      create: makes the face tools; a function that other processes can import. None: photos are
        canonical crops, and no face is searched or compared.
      read: reads the heads of faces; None: by the reader that comes with facealign.
      wanted: which faces of a photo.
      jobs: how many processes find faces; 0 is as many as are of use.

    Returns:
      All rows of results.csv.

    Raises:
      UserError: the folder holds portraits of another method or files changed by others, is in
        use by another run, or cannot be written; a worker was killed; the method
        cannot do what `files` says. Earlier files are unharmed.
    """
    if (files.mask or files.turntable) and method.style is None:
        raise UserError("--mask and --turntable need --method=portrait")
    output, read = folders.output, read or load_read()
    with _raise_user_errors(output), locked(epath.Path(output), "--output"):
        stamps = {photo: stamp(path) for photo, path in folders.photos.items()}
        name = _name(method, files, wanted) + _finder(create)
        rows = open_table(output, name, stamps, folders.source)
        seen = {row.photo for row in rows}
        new = [name for name in folders.photos if name not in seen]
        with (
            workers.LastingPool(create, _choose_jobs(jobs, len(new))) as pool,
            ThreadPoolExecutor(machine.cores()) as writers,
            progress_bar(total=len(new), unit="photos") as bar,
        ):
            found_ahead = _find_ahead(pool, folders.photos, new, method.detail, wanted)
            compared_by = pool if create and files.distance else None
            write = partial(_write_images, folders, stamps, files, method.style)
            for made in make_rows(found_ahead, method, read, compared_by, files.format):
                written = list(writers.map(write, made))
                append(output / RESULTS, written)
                rows += written
                bar.update(len({row.photo for row in written}))
            bar.close()  # before the line of the log
            if peak := workers.peak_memory_of_workers():
                logging.info("a process that finds faces held at most %.0f MB", peak)
        if files.sheet:
            write_whole(epath.Path(output / SHEET), draw_page(rows, output, method.name).encode())
    return rows


def _finder(create: Callable[[], FaceTools] | None) -> str:
    """What finds faces, if it is not dlib's network."""
    own = create in (load_tools, load_finder) and not dlib_tools.is_installed()
    return ", own detector" * own


def _choose_jobs(jobs: int, photos: int) -> int:
    """How many processes find faces, unless that is given; the log says what computes."""
    jobs = jobs or machine.count_workers(machine.cores(), machine.free_memory(), photos)
    logging.info(
        "photos to do: %d; processes that find their faces: %d, of %d cores; networks run on %s",
        *(photos, jobs, machine.cores(), describe_devices(jax.devices())),
    )
    return jobs


def _name(method: Method, files: Files, wanted: find.Wanted) -> str:
    """All by which portraits differ."""
    name = method.name + f", {files.format}" * (files.format != "png")
    return name + "".join(f", {key} {value}" for key, value in wanted._asdict().items() if value)


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
    except (BrokenProcessPool, workers.KilledError) as error:
        raise UserError(
            "processes that find faces are killed, perhaps for lack of memory; the same command "
            "goes on from there"
        ) from error


def _find_ahead(
    pool: workers.LastingPool,
    photos: dict[str, Path],
    names: Sequence[str],
    detail: int,
    wanted: find.Wanted,
) -> Iterator[tuple[Sequence[str], list[find.FoundFaces]]]:
    """Names in chunks, with the faces of each photo. Workers look for those of the next chunk."""

    count = CHUNK if detail <= LARGE else CHUNK // 4
    # The first is small, so that programs are compiled while workers look for more.
    ends = sorted({0, *range(FIRST, len(names), count), len(names)})
    chunks = [names[start:end] for start, end in itertools.pairwise(ends)]
    started = deque()
    for number, chunk in enumerate(chunks):
        for ahead in chunks[number + len(started) : number + 2]:
            read = workers.read_faces_in_worker
            started.append([pool.submit(read, photos[name], detail, wanted) for name in ahead])
        yield chunk, [_wait(found) for found in started.popleft()]


def _wait(found: Callable[[], find.FoundFaces]) -> find.FoundFaces:
    """The faces of a photo, or a note of an error of the moment: no photo stops the others."""
    try:
        return found()
    except workers.KilledError:
        return find.FoundFaces([], [KILLED])
    except MemoryError:
        return find.FoundFaces([], [str(OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)))])


def _write_images(
    folders: Folders, stamps: dict[str, str], files: Files, style: Style | None, made: Made
) -> Row:
    """Writes a portrait, if there is one, and what else `files` says; gives its row.

    Where the file system refuses the name, the row says that in place of the portrait.
    """
    row = made.row._replace(stamp=stamps[made.row.photo])
    if made.portrait is None:
        return row._replace(note=HEIC) if is_heic_in_vain(folders.photos[row.photo]) else row
    try:
        _write_portrait(folders.output, files, style, row.portrait, made.portrait)
    except OSError as error:
        if error.errno not in OF_NAMES:
            raise
        return row._replace(portrait="", note=" ".join(str(error).split()))
    return row


def _write_portrait(
    output: Path, files: Files, style: Style | None, name: str, portrait: Portrait
) -> None:
    def write(path: str, content: bytes) -> None:
        write_whole(epath.Path(output / path), content)

    (output / name).parent.mkdir(parents=True, exist_ok=True)
    if files.sheet:
        write(path_beside(name, CROP), encode(portrait.before))
    if files.mask:
        write(path_beside(name, MASK), encode(Image.fromarray(portrait.sources)))
    if files.turntable:
        pictures = swing(portrait, style)
        write(path_beside(name, TURNTABLE), encode_animation(pictures, files.quality))
    write(name, encode(portrait.picture, files.format, files.quality))
