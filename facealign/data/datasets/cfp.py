"""Celebrities in Frontal-Profile, Sengupta et al., 2016: 10 frontal, 4 profile photos each."""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from facealign import images
from facealign.data.datasets import archives, crops, photo_set, schema
from facealign.errors import UserError
from facealign.geometry import frame

SOURCES = ("cfp*.tar*", "cfp*.tgz", "cfp*.zip", "cfp*/")
NAME = re.compile(r"(?:.*/)?((\d+)/(frontal|profile)/\d+)\.(\w+)")
PEOPLE_IN_A_FOLD = 50
# Fiducials of one side of the face: the visible side, or in frontal photos that on the left.
POINTS, EYE, NOSE, MOUTH = 30, slice(12, 18), 21, 25
SPELLINGS = {  # in CFP's list -> in Labeled Faces in the Wild
    "Albert Pujol": "Albert_Pujols",
    "Alex Fergusson": "Alex_Ferguson",
    "Barbara Streisand": "Barbra_Streisand",
    "Catherine Zeta": "Catherine_Zeta-Jones",
    "Cristina Fernandez De Kirchner": "Cristina_Kirchner",
    "David Cruso": "David_Caruso",
    "Diane Feinstein": "Dianne_Feinstein",
    "Diego Maradona": "Diego_Armando_Maradona",
    "Fernando Alanso": "Fernando_Alonso",
    "George Bush": "George_W_Bush",
    "Gerard Schroeder": "Gerhard_Schroeder",
    "Jean Chretian": "Jean_Chretien",
    "Jennifer Anniston": "Jennifer_Aniston",
    "Jennifer Capriarti": "Jennifer_Capriati",
    "Jevin Kostner": "Kevin_Costner",
    "Joe Biden": "Joseph_Biden",
    "John Mcenroe": "John_McEnroe",
}
MIDLINE = (8, 18, 19, 20, 21, 22, 26, 27, 28, 29)  # bridge and tip of the nose, lips, chin


def create_builder(data: Any, data_dir: str) -> photo_set.PhotoSet:
    """The builder for an archive or folder cfp* in `config.data.manual_dir`.

    Raises:
      UserError: `config.data.faces` is unknown.
    """
    place = photo_set.manual_folder(data, data_dir)
    return photo_set.create_photo_set(
        f"cfp_{photo_set.source_key(data)}",
        "1.0.0",
        f"Celebrities in Frontal-Profile in {place}",
        functools.partial(list_cfp, place),
        data_dir,
        photo_set.detects(data),
        crops.create_style(data),
        lambda: archives.find_source([place], SOURCES),
    )


def fold_of(file_name: str) -> int:
    """The official fold, from 1, of a photo `ID/frontal/NN.jpg`. A fold has 50 people."""
    return (int(file_name.split("/")[0]) - 1) // PEOPLE_IN_A_FOLD + 1


def list_cfp(place: Path) -> Iterator[photo_set.Photo]:
    """All photos, unrestricted. A profile's yaw is nominal: 90 degrees right or -90 left.

    Raises:
      UserError: CFP or its list of names is missing.
    """
    source = archives.find_source([place], SOURCES)
    if source is None:
        raise UserError(
            f"no CFP in {place}; put cfp-dataset.zip or a folder cfp-dataset/ there, or set "
            "config.data.manual_dir to where it is"
        )
    names, fiducials = read_texts(source)
    for name, read in archives.walk(source):
        match = NAME.fullmatch(name)
        if match and images.is_photo(name):
            key, person, kind, ending = match.groups()
            number = int(person)
            subject = subject_of(names[number - 1]) if number <= len(names) else f"cfp_{person}"
            locate, yaw = align(fiducials.get(key, ""), kind)
            file_name = f"{key}.{ending}"
            yield photo_set.Photo(file_name, subject, "unrestricted", read, locate, yaw)


def subject_of(name: str) -> str:
    """The subject of a name in CFP's list, spelled as in Labeled Faces in the Wild."""
    return SPELLINGS.get(name) or schema.subject_name(name)


def read_texts(source: Path) -> tuple[list[str], dict[str, str]]:
    """The names in the order of person numbers, and the fiducials by `ID/kind/NN`.

    Raises:
      UserError: the list of names is missing.
    """
    names, fiducials = None, {}
    for name, content in archives.read_all(source, lambda name: name.endswith(".txt")).items():
        match = NAME.fullmatch(name)
        if match:
            fiducials[match[1]] = content.decode("ascii", "replace")
        elif re.search(r"(^|/)list_names?\.txt$", name):
            lines = content.decode("utf-8", "replace").split("\n")
            names = [line.strip() for line in lines if line.strip()]
    if names is None:
        raise UserError(f"no Data/list_name.txt in {source}; download all of CFP again")
    return names, fiducials


def align(fiducials: str, kind: str) -> tuple[crops.Locate, float]:
    """How to locate a face, and its yaw in degrees, from its fiducials: lines of x,y in px."""
    try:
        matrix, yaw = read_frame(fiducials, kind)
    except ValueError as error:
        return crops.refuse(f"fiducials: {error}"), np.nan
    return crops.at(matrix), yaw


def read_frame(fiducials: str, kind: str) -> tuple[np.ndarray, float]:
    """The transformation [2, 3] from a photo to the canonical crop, and its yaw in degrees.

    Raises:
      ValueError: the fiducials are malformed.
    """
    points = np.array([line.split(",") for line in fiducials.split()], np.float64)
    if points.shape != (POINTS, 2):
        raise ValueError(f"{len(points)} points instead of {POINTS}")
    eye, nose, mouth = points[EYE].mean(axis=0), points[NOSE], points[MOUTH]
    if kind == "profile":
        matrix = frame.from_profile(eye, nose, mouth)
        to_the_right = frame.apply(matrix, np.array([nose - eye]))[0, 0] > matrix[0, 2]
        return matrix, 90.0 if to_the_right else -90.0
    return frame.from_half_face(eye, nose, mouth, points[list(MIDLINE)]), np.nan
