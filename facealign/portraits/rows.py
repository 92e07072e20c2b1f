"""From the faces of some photos to portraits, with a row of results.csv for each."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import count, islice
from typing import NamedTuple

import numpy as np

from facealign.faces import workers
from facealign.faces.face import Face, ReadFaces
from facealign.faces.find import FoundFaces
from facealign.faces.measure import Measured, unpack
from facealign.geometry.pose import FRONTAL
from facealign.portraits.aligner import Method, make_portraits, whole_patch
from facealign.portraits.results import Row, portrait_path


class Made(NamedTuple):
    """A row of results.csv with its images; None in a row without a portrait."""

    row: Row
    portrait: np.ndarray | None = None  # uint8 [128, 128, 1]
    face: Face | None = None


def make_rows(
    photos: Sequence[str],
    found: Sequence[FoundFaces],
    method: Method,
    read: ReadFaces,
    pool: ProcessPoolExecutor | None,
) -> list[Made]:
    """The rows of some photos.

    Args:
      photos: names of photos.
      found: the faces of each photo.
      method: makes portraits of canonical crops.
      read: reads the heads of faces.
      pool: worker processes that compare portraits with photos; None to compare nothing.
    """
    noted = read([patch for one in found for patch in one.patches])
    faces = [face for face, _ in noted if face]
    portraits = make_portraits(method, faces)
    after = read([whole_patch(portrait) for portrait in portraits])
    seen = [None] * len(faces)
    if pool:
        images = [*(face.crop for face in faces), *portraits]
        measured = [*pool.map(workers.measure_in_worker, images)]
        seen = zip(measured[: len(faces)], measured[len(faces) :], strict=True)
    results, notes, made = zip(portraits, after, seen, strict=True), iter(noted), []
    for photo, one in zip(photos, found, strict=True):
        number = count(1)
        for face, note in islice(notes, len(one.patches)):
            if face is None:
                made.append(Made(Row(photo, note=note)))
                continue
            portrait, (turned, _), pair = next(results)
            row = describe_face(photo, portrait_path(photo, next(number)), face, turned, note)
            if pool:
                row = _compare(row, unpack(np.array(pair)))
            made.append(Made(row, portrait, face))
        made += [Made(Row(photo, note=note)) for note in one.notes]
    return made


def describe_face(photo: str, portrait: str, face: Face, turned: Face, note: str) -> Row:
    """The row of a face; `turned` is the face in its portrait."""
    yaw, pitch, roll = (f"{angle:.1f}" for angle in face.angles)
    notes = [note, "already frontal" * bool(abs(face.angles[0]) < FRONTAL)]
    return Row(
        photo,
        portrait,
        *(face.box or ("",) * 4),
        yaw_before=yaw,
        pitch=pitch,
        roll=roll,
        error=f"{face.error:.2f}",
        doubt=f"{face.doubt:.2f}",
        yaw_after=f"{turned.angles[0]:.1f}",
        note="; ".join(filter(None, notes)),
    )


def _compare(row: Row, pair: Measured) -> Row:
    """A row with the distance of photo and portrait, measured one after the other."""
    if pair.found.all():
        before, after = pair.descriptor
        return row._replace(distance=f"{np.linalg.norm(before - after):.3f}")
    if pair.found[1]:
        return row
    notes = [row.note, "no face is found in the portrait"]
    return row._replace(note="; ".join(filter(None, notes)))
