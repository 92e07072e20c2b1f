"""index.csv beside photos: who is in each photo, and where the pupils are."""

import codecs
import csv
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from facealign import images
from facealign.data.datasets import archives, crops, schema
from facealign.errors import UserError
from facealign.geometry import frame

INDEX = "index.csv"  # columns: file, subject; optional pupil1_x ... pupil2_y (px), yaw, pitch, roll
PUPILS = ("pupil1_x", "pupil1_y", "pupil2_x", "pupil2_y")
EYE = (16, 13, 17, 9)  # px of the canonical crop from the pupil: left, up, right, down
REACH = (14, 14, 14, 26)  # px around it that are searched for the eye in another photo
LIKENESS = 0.5  # correlation of two eyes of one person; a lower one is no match

Row = dict[str, str]


def read_index(source: Path) -> dict[str, Row] | None:
    """The rows of the first index.csv, by the name of their photo; None if there is none.

    Names are matched in whatever Unicode form and with whatever slashes they are written.

    Raises:
      UserError: it has no columns `file` and `subject`.
    """
    found = archives.read_all(source, lambda name: name.split("/")[-1] == INDEX)
    for name, content in found.items():
        lines = _text(content).splitlines()
        by = ";" if lines and ";" in lines[0] and "," not in lines[0] else ","
        table = csv.DictReader(lines, delimiter=by)
        missing = {"file", "subject"} - set(table.fieldnames or ())
        if missing:
            raise UserError(
                f"{INDEX} in {source} has no column {' or '.join(sorted(missing))}; its first "
                f"line should be: file,subject,{','.join(PUPILS)}"
            )
        folder = name.removesuffix(INDEX)
        own = {photo: photo for photo, _ in archives.walk(source)}
        own = {_plain(photo): photo for photo in own} | own  # the exact name wins
        rows = {}
        for row in table:
            photo = folder + (row["file"] or "")
            subject = schema.subject_name(row["subject"] or "")
            rows[own.get(photo) or own.get(_plain(photo), photo)] = row | {"subject": subject}
        return rows
    return None


def _text(content: bytes) -> str:
    """As spreadsheets write it: UTF-8, UTF-16, or the Windows code page."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _plain(name: str) -> str:
    return PurePosixPath(unicodedata.normalize("NFC", name).replace("\\", "/")).as_posix()


def pose_of(row: Row) -> dict[str, float]:
    """Yaw, pitch and roll of a row in degrees, nan where missing."""
    return {angle: _number(row.get(angle)) for angle in ("yaw", "pitch", "roll")}


def locate_all(source: Path, index: Mapping[str, Row]) -> Iterator[tuple[str, crops.Locate | None]]:
    """The name of each photo in the index, and how to locate its face.

    Locates it by the pupils. If they are missing, finds them with the eyes of another photo of the
    same person as templates. None if the index has no columns for pupils.
    """
    known = {name: pupils_of(row) for name, row in index.items() if set(PUPILS) <= set(row)}
    lacking = {index[name]["subject"] for name, pupils in known.items() if np.isnan(pupils).any()}
    templates = {
        index[name]["subject"]: name
        for name, pupils in reversed(known.items())
        if index[name]["subject"] in lacking and np.isfinite(pupils).all()
    }
    wanted = set(templates.values())
    content = archives.read_all(source, wanted.__contains__) if wanted else {}
    for name, row in index.items():
        template = templates.get(row["subject"])
        if name not in known:
            yield name, None
        elif np.isnan(known[name]).any() and template in content:
            yield name, locate_like(content[template], known[template])
        else:
            yield name, _locate_by_pupils(known[name])


def _locate_by_pupils(pupils: np.ndarray) -> crops.Locate:
    try:
        return crops.at(frame.from_pupils(pupils))
    except ValueError as error:
        return crops.refuse(f"pupils in {INDEX}: {error}")


def locate_like(template: bytes, pupils: np.ndarray) -> crops.Locate:
    """Locates a face by pupils that are found with the eyes of another photo as templates.

    Args:
      template: a photo of the same person, from about the same place.
      pupils: [2, 2] of the template, px.
    """

    def locate(image: Image.Image) -> np.ndarray:
        return frame.from_pupils(find_pupils(images.read_gray(template), pupils, image))

    return locate


def find_pupils(template: Image.Image, pupils: np.ndarray, image: Image.Image) -> np.ndarray:
    """Pupils [2, 2] of a gray image in px, where it matches the eyes of the template best.

    Raises:
      ValueError: an eye has no match.
    """
    matrix = frame.from_pupils(pupils)
    eyes, faces = (frame.crop(photo, matrix)[:, :, 0] for photo in (template, image))
    found = []
    for x, y in np.rint(frame.EYES).astype(int):
        left, up, right, down = EYE
        patch = eyes[y - up : y + down, x - left : x + right].astype(float)
        left, up, right, down = np.add(EYE, REACH)
        window = faces[y - up : y + down, x - left : x + right].astype(float)
        likeness = correlation(patch, window)
        row, column = np.unravel_index(likeness.argmax(), likeness.shape)
        if likeness[row, column] < LIKENESS:
            raise ValueError(f"no pupils in {INDEX}, and the eyes of the other photo do not match")
        found.append(frame.EYES[len(found)] + np.array([column, row]) - REACH[:2])
    return frame.apply(frame.invert(matrix), np.array(found))


def correlation(patch: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Pearson correlation of a patch [h, w] with every place in a window [H, W].

    Returns:
      [H - h + 1, W - w + 1] in [-1, 1], 0 where the patch or the window is flat.
    """
    places = sliding_window_view(window, patch.shape)
    places = places - places.mean(axis=(2, 3), keepdims=True)
    patch = patch - patch.mean()
    product = np.einsum("yxhw,hw->yx", places, patch)
    power = np.einsum("yxhw,yxhw->yx", places, places) * np.sum(patch**2)
    return product / np.sqrt(np.maximum(power, 1e-9))


def pupils_of(row: Row) -> np.ndarray:
    """The pupils [2, 2] of a row in px, nan where missing."""
    return np.array([_number(row[column]) for column in PUPILS]).reshape(2, 2)


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return np.nan
