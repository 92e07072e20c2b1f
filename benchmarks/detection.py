"""Faces found by facealign's detector and by dlib's: `python benchmarks/detection.py --help`.

LFW's photos and CFP's true profiles of held-out people, upright and turned by quarters; pictures
without people; LFW's photos with the face painted over; small faces in large photos; and how long
a search takes on one core. Of LFW the face in the middle counts, of CFP any.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy: one core

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from common import create_parser, run_main
from PIL import Image

from configs import base
from facealign import images
from facealign.data.datasets import archives, boxed, head_lists, schema
from facealign.faces.mmod import load_layers, search_upright
from facealign.faces.search import WEIGHTS, Detector
from facealign.paths import shipped
from facealign.workdir.page import markdown_table

QUARTERS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}
MIDDLE = 0.2  # of the longest side: how far from the middle of a photo of LFW its face is
STANDS = 45.0  # degrees by which the way up may be wrong
LARGE = (6000, 4000)  # px: a photo of some ten people
TIMES = {"a photo of 250 px": (250, 250), "of 12 megapixels": (4000, 3000)}


class Find(NamedTuple):
    """A face that was found."""

    centre: np.ndarray
    side: float
    up: np.ndarray | None  # dlib's does not say


def by_own(path: Path) -> Callable[[Image.Image], list[Find]]:
    """facealign's detector, of a file of weights."""
    search = Detector(path)

    def find(photo: Image.Image) -> list[Find]:
        faces = search(photo)
        return [Find(*each) for each in zip(faces.centre, faces.side, faces.up, strict=True)]

    return find


def by_dlib() -> Callable[[Image.Image], list[Find]]:
    """dlib's network."""
    layers = load_layers()

    def find(photo: Image.Image) -> list[Find]:
        boxes = np.array(search_upright(layers, photo).boxes, float).reshape(-1, 2, 2)
        return [Find(box.mean(axis=0), float(np.ptp(box, axis=0).mean()), None) for box in boxes]

    return find


def photos_of(folder: Path, name: str, split: str, most: int) -> list[Image.Image]:
    """Gray photos of the people of a split: of LFW one of each, of CFP the profiles."""
    data = base.get_config().data
    data.manual_dir = str(folder)
    found, people = [], set()
    for photo in head_lists.LISTS[name](data, ""):
        chosen = "/profile/" in photo.file_name if name == "cfp" else photo.subject not in people
        if not chosen or schema.split_of(photo.subject) != split:
            continue
        people.add(photo.subject)
        found.append(images.read_photo(photo.read(), 1))
        if len(found) == most:
            break
    return found


def pictures_of(folder: Path) -> Iterator[Image.Image]:
    """Gray pictures of a folder."""
    for name, path in archives.walk_folder(folder):
        if images.is_photo(name):
            try:
                yield images.read_photo(path.read_bytes(), 1)
            except ValueError as error:
                print(f"{name} is left out: {error}")


def in_middle(photo: Image.Image, finds: list[Find]) -> bool:
    middle, near = np.array(photo.size) / 2, MIDDLE * max(photo.size)
    return any(np.abs(find.centre - middle).max() < near for find in finds)


def turned_too(find: Callable, photo: Image.Image, degrees: int) -> bool:
    """Whether a face is found in a turned photo, and its way up."""
    angle = np.radians(-degrees)  # quarter turns are counterclockwise, y points down
    up = np.array([np.sin(angle), -np.cos(angle)])
    finds = find(photo.transpose(QUARTERS[degrees]))
    return any(f.up is None or f.up @ up > np.cos(np.radians(STANDS)) for f in finds)


def in_large_photo(find: Callable, photo: Image.Image) -> bool:
    """Whether the face is found in the corner of a large photo, 240 px wide."""
    large = Image.new("L", LARGE, 110)
    large.paste(photo.resize((600, 600)), (4100, 2700))
    return any(np.abs(f.centre - (4400, 3000)).max() < 150 for f in find(large))


def seconds(find: Callable, photos: list[Image.Image], size: tuple[int, int]) -> float:
    """The median time of a search, of one core."""
    taken = []
    for photo in photos[:9]:
        scaled = photo.resize(size)
        start = time.process_time()
        find(scaled)
        taken.append(time.process_time() - start)
    return float(np.median(taken))


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("--manual_dir", required=True, type=Path, help="archives")
    parser.add_argument("--pictures", type=Path, help="a folder of pictures without people")
    parser.add_argument("--weights", type=Path, default=shipped(WEIGHTS))
    parser.add_argument("--split", default="validation")
    parser.add_argument("--most", type=int, default=200, help="photos of each set")
    parser.add_argument("--alone", action="store_true", help="without dlib, which takes minutes")
    args = parser.parse_args()
    systems = {"facealign": by_own(args.weights)} | ({} if args.alone else {"dlib": by_dlib()})
    faces = photos_of(args.manual_dir, "lfw", args.split, args.most)
    profiles = photos_of(args.manual_dir, "cfp", args.split, args.most)
    pictures = list(pictures_of(args.pictures)) if args.pictures else []
    rng = np.random.default_rng(0)
    window = [photo.resize((boxed.SIZE, boxed.SIZE)) for photo in faces]
    painted = [Image.fromarray(boxed.paint_over(np.asarray(each), rng)) for each in window]
    shrunk = [photo.resize((50, 50)) for photo in faces]  # faces of some 20 px
    rows = {
        f"LFW, {len(faces)}": lambda find: [in_middle(p, find(p)) for p in faces],
        f"true profiles, {len(profiles)}": lambda find: [bool(find(p)) for p in profiles],
        "faces of 20 px": lambda find: [in_middle(p, find(p)) for p in shrunk],
        "in the corner of 24 megapixels": lambda find: [
            in_large_photo(find, p) for p in faces[:20]
        ],
    }
    for degrees in QUARTERS:
        rows[f"turned by {degrees}"] = lambda find, degrees=degrees: [
            turned_too(find, photo, degrees) for photo in faces
        ]
    rows[f"invented: faces painted over, {len(painted)}"] = lambda find: [
        in_middle(p, find(p)) for p in painted
    ]
    if pictures:
        rows[f"invented: pictures, {len(pictures)}"] = lambda find: [
            bool(find(p)) for p in pictures
        ]
    lines = [["", *systems]]
    for name, row in rows.items():
        lines.append([name, *(f"{np.mean(row(find)):.3f}" for find in systems.values())])
    for name, size in TIMES.items():
        lines.append([name, *(f"{seconds(f, faces, size):.3f} s" for f in systems.values())])
    print(markdown_table(lines))


if __name__ == "__main__":
    run_main(main)
