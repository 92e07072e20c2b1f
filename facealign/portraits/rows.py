"""From the faces of some photos to portraits, with a row of results.csv for each."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import count, islice
from typing import NamedTuple

import numpy as np

from facealign.faces import workers
from facealign.faces.face import Face, ReadFaces, is_strange
from facealign.faces.find import FoundFaces
from facealign.geometry.pose import FRONTAL
from facealign.portraits.methods import Method
from facealign.portraits.portrait import Portrait
from facealign.portraits.results import Row, portrait_path

UNCLEAR = "look at it: the face in the portrait is not clear"


class Made(NamedTuple):
    """A row of results.csv with its portrait; None in a row without one."""

    row: Row
    portrait: Portrait | None = None


def make_rows(
    photos: Sequence[str],
    found: Sequence[FoundFaces],
    method: Method,
    read: ReadFaces,
    pool: ProcessPoolExecutor | None,
    format: str,
) -> list[Made]:
    """The rows of some photos.

    Args:
      photos: names of photos.
      found: the faces of each photo.
      method: makes portraits of faces.
      read: reads the heads of faces.
      pool: worker processes that compare portraits with photos; None to compare nothing.
      format: of the portraits' files.
    """
    noted = read([patch for one in found for patch in one.patches])
    portraits = method.make([face for face, note in noted if face and not note])
    after = [face for face, _ in read([portrait.patch for portrait in portraits])]
    distances = _compare(portraits, after, pool) if pool else [""] * len(portraits)
    results, notes, made = zip(portraits, after, distances, strict=True), iter(noted), []
    for photo, one in zip(photos, found, strict=True):
        number = count(1)
        for face, note in islice(notes, len(one.patches)):
            if face is None or note:
                made.append(Made(describe_face(photo, face, note)))
                continue
            portrait, turned, distance = next(results)
            path = portrait_path(photo, next(number), format)
            row = describe_face(photo, face, "already frontal" * _is_frontal(face))
            made.append(Made(_describe_portrait(row, path, portrait, turned, distance), portrait))
        made += [Made(Row(photo, note=note)) for note in one.notes]
    return made


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


def _describe_portrait(
    row: Row, path: str, portrait: Portrait, turned: Face | None, distance: str
) -> Row:
    """The row of a face, with its portrait; `turned` is the face in it, None if it has none."""
    unclear = UNCLEAR * (turned is None or is_strange(turned))
    return row._replace(
        portrait=path,
        size=len(portrait.image),
        held=round(portrait.held),
        seen="" if portrait.seen is None else f"{portrait.seen:.2f}",
        yaw_after="" if turned is None else f"{turned.angles[0]:.1f}",
        distance=distance,
        note="; ".join(filter(None, [row.note, unclear])),
    )


def _is_frontal(face: Face) -> bool:
    return bool(abs(face.angles[0]) < FRONTAL)


def _compare(
    portraits: Sequence[Portrait], after: Sequence[Face | None], pool: ProcessPoolExecutor
) -> list[str]:
    """The distances between the descriptors of photo and portrait; "" of one that has no face."""
    faces = [
        face
        for portrait, turned in zip(portraits, after, strict=True)
        for face in (portrait.face, turned or portrait.face)
    ]
    describe = workers.describe_in_worker
    found = pool.map(describe, [f.crop for f in faces], [f.landmarks for f in faces])
    descriptors = [*found]
    pairs = zip(descriptors[::2], descriptors[1::2], strict=True)
    away = [np.linalg.norm(before - after) for before, after in pairs]
    return [f"{d:.3f}" * (face is not None) for d, face in zip(away, after, strict=True)]
