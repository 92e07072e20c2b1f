"""From the faces of some photos to portraits, with a row of results.csv for each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
from absl import logging

from facealign.faces import workers
from facealign.faces.face import Face, Noted, ReadFaces, is_strange
from facealign.faces.find import FoundFaces
from facealign.geometry.pose import FRONTAL
from facealign.portraits.methods import Method
from facealign.portraits.portrait import Portrait
from facealign.portraits.results import Row, portrait_path

CUT, WITHIN = "the photo ends at the face", 0.97  # share of the portrait that it holds
UNCLEAR = "look at it: the face in the portrait is not clear"


class Made(NamedTuple):
    """A row of results.csv with its portrait; None in a row without one."""

    row: Row
    portrait: Portrait | None = None


def make_rows(
    chunks: Iterable[tuple[Sequence[str], Sequence[FoundFaces]]],
    method: Method,
    read: ReadFaces,
    pool: workers.LastingPool | None,
    format: str,
) -> Iterator[list[Made]]:
    """The rows of chunks of photos.

    Those of a chunk come when the portraits of the next are made, so that other processes compare
    portraits with photos meanwhile.

    Args:
      chunks: names of photos, and the faces of each.
      method: makes portraits of faces.
      read: reads the heads of faces.
      pool: worker processes that compare; None to compare nothing.
      format: of the portraits' files.
    """
    waiting = None
    for photos, found in chunks:
        noted = read([patch for one in found for patch in one.patches])
        portraits = method.make([face for face, note in noted if face and not note])
        after = [face for face, _ in read([portrait.patch for portrait in portraits])]
        tasks = _start_comparing(portraits, after, pool) if pool else []
        if waiting:
            yield _finish(*waiting)
        pairs = zip(portraits, after, strict=True)
        waiting = _list_faces(photos, found, noted, pairs, format), tasks
    if waiting:
        yield _finish(*waiting)


def _list_faces(
    photos: Sequence[str],
    found: Sequence[FoundFaces],
    noted: Noted,
    portraits: Iterator[tuple[Portrait, Face | None]],
    format: str,
) -> list[Made]:
    """The rows of some photos, without distances; arguments as in `make_rows`."""
    noted, made = iter(noted), []
    for photo, one in zip(photos, found, strict=True):
        number = count(1)
        for patch in one.patches:
            face, note = next(noted)
            if face is None or note:
                note = "; ".join(filter(None, (note, patch.note)))
                made.append(Made(describe_face(photo, face, note)))
                continue
            portrait, turned = next(portraits)
            path = portrait_path(photo, next(number), format)
            notes = patch.note, "already frontal" * _is_frontal(face)
            row = describe_face(photo, face, "; ".join(filter(None, notes)))
            made.append(Made(_describe_portrait(row, path, portrait, turned), portrait))
        made += [Made(Row(photo, note=note)) for note in one.notes]
    return made


def _finish(made: list[Made], tasks: list[Callable[[], np.ndarray]]) -> list[Made]:
    """The rows with distances, from the descriptors of photo and portrait of each portrait."""
    descriptors = iter([_wait(task) for task in tasks])
    away = iter([np.linalg.norm(a - b) for a, b in zip(descriptors, descriptors, strict=True)])
    return [
        one._replace(row=one.row._replace(distance=_written(next(away))))
        if tasks and one.row.yaw_after
        else one
        for one in made
    ]


def _wait(task: Callable[[], np.ndarray]) -> np.ndarray:
    """The descriptor of a task; not a number if its process was killed, which costs no portrait."""
    try:
        return task()
    except workers.KilledError:
        logging.warning("a process that compares a portrait was killed; its distance is left empty")
        return np.full(1, np.nan)


def _written(distance: float) -> str:
    return "" if np.isnan(distance) else f"{distance:.3f}"


def describe_face(photo: str, face: Face | None, note: str) -> Row:
    """The row of a face without a portrait; None is a face that could not be read."""
    if face is None:
        return Row(photo, note=note)
    yaw, pitch, roll = (f"{angle:.1f}" for angle in face.angles)
    return Row(
        photo,
        "",
        *(face.box or ("",) * 4),
        yaw_before=yaw,
        pitch=pitch,
        roll=roll,
        error=f"{face.error:.2f}",
        doubt=f"{face.doubt:.2f}",
        note=note,
    )


def _describe_portrait(row: Row, path: str, portrait: Portrait, turned: Face | None) -> Row:
    """The row of a face, with its portrait; `turned` is the face in it, None if it has none."""
    cut = CUT * (portrait.within < WITHIN)
    unclear = UNCLEAR * (turned is None or is_strange(turned))
    return row._replace(
        portrait=path,
        size=len(portrait.image),
        held=round(portrait.held),
        seen="" if portrait.seen is None else f"{portrait.seen:.2f}",
        yaw_after="" if turned is None else f"{turned.angles[0]:.1f}",
        note="; ".join(filter(None, [row.note, cut, unclear])),
    )


def _is_frontal(face: Face) -> bool:
    return bool(abs(face.angles[0]) < FRONTAL)


def _start_comparing(
    portraits: Sequence[Portrait], after: Sequence[Face | None], pool: workers.LastingPool
) -> list[Callable[[], np.ndarray]]:
    """The descriptors of photo and portrait, one after the other, of each that shows a face."""
    return [
        pool.submit(workers.describe_in_worker, face.crop, face.landmarks)
        for portrait, turned in zip(portraits, after, strict=True)
        if turned
        for face in (portrait.face, turned)
    ]
