"""Results of a folder of photos: rows of results.csv, a summary, and a page with all portraits."""

import re
from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from pathlib import Path, PurePath
from statistics import median
from typing import NamedTuple
from urllib.parse import quote

from facealign.geometry.pose import FRONTAL
from facealign.images import is_photo
from facealign.portraits.photo_files import HEIC
from facealign.workdir.page import html_page

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 72rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; }
div { display: grid; grid-template-columns: repeat(auto-fill, minmax(12rem, 1fr)); gap: 1rem; }
figure { margin: 0; } figure img { width: 48%; margin-right: 1%; }
figcaption { font-size: .8rem; overflow-wrap: anywhere; }
"""
RESULTS = "results.csv"
CROP, MASK, TURNTABLE = "crop.png", "mask.png", "turntable.webp"  # kinds of files beside portraits
LONGEST = 200  # bytes of a name taken from a photo; file systems take 255, with all endings
ENDING = 8  # bytes of an ending that a shortened name keeps
SYSTEM = "[Errno "  # how notes of errors of the system begin
KILLED = "the process that searched it for faces was killed; by its decoder, or for lack of memory"
OF_ONE = re.compile(r"^\d+ x \d+ px[;:] |(?<=damaged): .*|, eyes \d.*")  # of other notes, not shown
SHOWN, REASONS = 3, 12  # photos named for a reason to have no portrait, and such reasons


class Row(NamedTuple):
    """A row of results.csv: a portrait, or why a photo or a face has none."""

    photo: str  # path below the input folder
    portrait: str = ""  # path below the output folder
    left: int | str = ""  # box of the face in px of the photo
    top: int | str = ""
    right: int | str = ""
    bottom: int | str = ""
    stamp: str = ""  # of the photo's file; see `photo_files.stamp`
    yaw_before: str = ""  # in degrees, of the head in the photo
    pitch: str = ""
    roll: str = ""
    error: str = ""  # of the fitted head, px of a crop of 128 px
    doubt: str = ""  # by how many px the landmarks may be off
    size: int | str = ""  # of the portrait in px
    held: int | str = ""  # px of the photo across the portrait
    seen: str = ""  # share of the face that the photo shows
    yaw_after: str = ""  # in degrees, of the portrait
    distance: str = ""  # between the descriptors of photo and portrait
    note: str = ""


def is_final(row: Row) -> bool:
    """Whether the same photo would get the same row again: no error of the moment is in it."""
    return not row.note.startswith((SYSTEM, HEIC, KILLED))


def portrait_path(photo: str, face: int, format: str = "png") -> str:
    """The path below the output folder of the portrait of a face; faces count from 1.

    The first portrait of `a/b.jpg` is `a/b.jpg.png`, the second is `a/b.jpg.2.png`; that of a photo
    without the ending of one, `a/b`, is `a/b~.png`, so that all paths differ. Names that are too
    long are shortened.
    """
    path = "/".join(map(_shorten, (photo + "~" * (not is_photo(photo))).split("/")))
    return f"{path}.{format}" if face == 1 else f"{path}.{face}.{format}"


def _shorten(name: str) -> str:
    """A name of at most `LONGEST` bytes, with digits of a hash in place of what is cut."""
    content = name.encode()
    if len(content) <= LONGEST:
        return name
    ending = PurePath(name).suffix
    ending = f"~{sha256(content).hexdigest()[:8]}" + ending * (len(ending.encode()) <= ENDING)
    return content[: LONGEST - len(ending.encode())].decode(errors="ignore") + ending


def path_beside(portrait: str, kind: str) -> str:
    """The path of a file of a kind beside a portrait, such as `a/b.jpg.crop.png` of "crop.png"."""
    return f"{portrait[: portrait.rindex('.')]}.{kind}"


def describe(rows: Sequence[Row]) -> list[str]:
    """A summary of the rows, a few lines."""
    photos, made = {row.photo for row in rows}, [row for row in rows if row.portrait]
    with_one = {row.photo for row in made}
    lines = [f"{_count(len(made), 'portrait')} of {_count(len(photos), 'photo')}"]
    if without := len(photos) - len(with_one):
        lines[0] += f"; photos without a portrait: {without}, their notes in {RESULTS} say why"
        lines += _list_reasons([row for row in rows if row.photo not in with_one])
    if left_out := [row for row in rows if row.photo in with_one and not row.portrait]:
        lines.append(f"other faces of these photos left out: {len(left_out)}")
    if any(row.yaw_after for row in made):
        before, after = (
            sum(abs(float(yaw or "inf")) < FRONTAL for yaw in yaws) / len(made)
            for yaws in ([row.yaw_before for row in made], [row.yaw_after for row in made])
        )
        lines.append(
            f"faces that look less than {FRONTAL:.0f} degrees aside: {before:.0%} before, "
            f"{after:.0%} after"
        )
    if moved := [float(row.distance) for row in made if row.distance]:
        lines.append(
            f"distance between descriptors of photo and portrait: median {median(moved):.2f} "
            f"of {len(moved)} that could be measured"
        )
    return lines


def _list_reasons(failed: Sequence[Row]) -> list[str]:
    """A line for each reason why photos have no portrait: how many they are, and some names."""
    first = {row.photo: row for row in reversed(failed)}  # a photo counts once
    photos = defaultdict(list)
    for name, row in reversed(first.items()):
        reason = _reason(row.note) + "; the next start tries again" * (not is_final(row))
        photos[reason].append(name)
    listed = sorted(photos.items(), key=lambda item: -len(item[1]))
    lines = [
        f"  {len(names)}: {reason} ({', '.join(names[:SHOWN])}{', ...' * (len(names) > SHOWN)})"
        for reason, names in listed[:REASONS]
    ]
    rest = sum(len(names) for _, names in listed[REASONS:])
    return lines + [f"  {rest}: other reasons"] * bool(rest)


def _reason(note: str) -> str:
    """A note without what it says of one file alone."""
    if note.startswith(SYSTEM):
        return note.split("] ", 1)[-1].split(": ")[0]
    return OF_ONE.sub("", note)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)


def draw_page(rows: Sequence[Row], output: Path, name: str) -> str:
    """An HTML page with every crop beside its portrait, and a list of photos that failed."""
    figures = []
    for row in rows:
        if row.portrait:
            images = [path_beside(row.portrait, CROP), row.portrait]
            shown = "".join(
                f'<img src="{quote(image)}" alt="" loading="lazy">'
                for image in images
                if (output / image).exists()
            )
            turned = f"{row.yaw_before or '?'} to {row.yaw_after or '?'} degrees"
            turned *= bool(row.yaw_before or row.yaw_after)
            words = [row.photo, turned, f"distance {row.distance}" * bool(row.distance), row.note]
            caption = "<br>".join(escape(word) for word in words if word)
            figures.append(f"<figure>{shown}<figcaption>{caption}</figcaption></figure>")
    failed = [row for row in rows if not row.portrait]
    lines = "".join(f"<li>{escape(row.photo)}: {escape(row.note)}</li>" for row in failed)
    left_out = f"<h2>Without a portrait ({len(failed)})</h2><ul>{lines}</ul>" if failed else ""
    body = (
        f"<h1>Frontal portraits</h1><p>{len(figures)} by {escape(name)}. Left: photo; right: "
        "portrait. Parts that the photo hides are invented.</p>"
        f"<div>{''.join(figures)}</div>{left_out}"
    )
    return html_page("Frontal portraits", body, STYLE)
