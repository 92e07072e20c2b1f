"""Raw photos of CFP, mugshots and LFW whose frame is known."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import common  # noqa: F401  (finds facealign)
import numpy as np
from PIL import Image

from facealign import images
from facealign.data.datasets import archives, cfp, lfw, mugshots, pupil_index, schema
from facealign.geometry import frame

KINDS = ("cfp profile", "cfp frontal", "portrait", "lfw")


class Known(NamedTuple):
    """A raw photo whose frame is known."""

    kind: str
    photo: Image.Image  # in colour
    matrix: np.ndarray  # [2, 3], to the canonical crop


def known_photos(place: Path, split: str, limit: int | None = None) -> Iterator[Known]:
    """The photos of CFP, of mugshots and of LFW, of the last at most `limit`."""
    yield from cfp_photos(place, split)
    yield from mugshot_photos(place, split)
    yield from itertools.islice(lfw_photos(place, split), limit)


def cfp_photos(place: Path, split: str) -> Iterator[Known]:
    source = archives.find_source([place], cfp.SOURCES)
    names, fiducials = cfp.read_texts(source)
    for name, read in archives.walk(source):
        match = cfp.NAME.fullmatch(name)
        if match and images.is_photo(name):
            key, person, kind, _ = match.groups()
            if schema.split_of(cfp.subject_of(names[int(person) - 1])) == split:
                with contextlib.suppress(ValueError):  # no fiducials; the dataset rejects it too
                    matrix, _ = cfp.read_frame(fiducials.get(key, ""), kind)
                    yield Known(f"cfp {kind}", images.read_photo(read(), 3), matrix)


def mugshot_photos(place: Path, split: str) -> Iterator[Known]:
    source = archives.find_source([place], mugshots.SOURCES)
    index = pupil_index.read_index(source)
    for name, read in archives.walk(source):
        if name in index and schema.split_of(index[name]["subject"]) == split:
            with contextlib.suppress(ValueError):  # no pupils
                matrix = frame.from_pupils(pupil_index.pupils_of(index[name]))
                yield Known("portrait", images.read_photo(read(), 3), matrix)


def lfw_photos(place: Path, split: str) -> Iterator[Known]:
    def wanted(subject: str) -> bool:
        return schema.split_of(subject) == split

    for photo in lfw.list_lfw((place, place), "", wanted, detect=False):
        if photo.locate:
            image = images.read_photo(photo.read(), 3)
            yield Known("lfw", image, photo.locate(image))
