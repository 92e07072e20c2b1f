"""Portraits of heads turned by known angles: `python benchmarks/known_angle.py --manual_dir=DIR`.

The smiling portraits of the London set (people of one split) are turned by their own fitted heads,
with shape and pose disturbed, before foreign backgrounds; then facealign finds, reads and turns
them back. Prints by angle the mean distance of the descriptor to the same person's neutral
portrait and rank-1 among all people, of the turned photo and of its portrait. A photo in which no
face is found has no distance and is no match.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from common import create_parser, run_main
from PIL import Image

from facealign.data.datasets import archives, folder, mugshots, schema
from facealign.data.datasets.detect import choose_main_box
from facealign.errors import UserError
from facealign.faces.dlib_tools import load_dlib
from facealign.faces.face import Face, ReadFaces, load_read
from facealign.faces.find import cut_patch
from facealign.faces.mmod import load_layers, search_upright
from facealign.faces.tools import FaceTools
from facealign.faces.turning.style import Style
from facealign.geometry import camera as cameras
from facealign.geometry import head as heads
from facealign.geometry import head_views
from facealign.geometry.camera import Camera
from facealign.images import read_photo
from facealign.portraits.methods import turned_in_3d
from facealign.workdir.page import markdown_table
from facealign.workdir.progress_bar import progress_bar

ANGLES = (15, 30, 45, 60, 75, 90)
SIZE, WIDTH = 512, 33.0  # px and cm of a turned photo
SHAPE, POSE = 0.5, 3.0  # standard deviations of the disturbance: of identity modes, of degrees
DETAIL = 295  # px of a face's box in the photo that is turned


class Person(NamedTuple):
    """A person of the set."""

    neutral: np.ndarray  # descriptor [128]
    photo: np.ndarray  # uint8 [H, H, 3], smiling
    face: Face  # in it


def find(photo: Image.Image, tools: FaceTools, read: ReadFaces) -> Face | None:
    """The main face of a photo; None without one."""
    try:
        box = choose_main_box(tools.search(photo.convert("L")).boxes, photo.size)
    except ValueError:
        return None
    return read([cut_patch(photo, box, DETAIL)])[0][0]


def load_people(place: Path, split: str, tools: FaceTools, read: ReadFaces) -> list[Person]:
    """The people of a split with a neutral and a smiling portrait."""
    source = archives.find_source([place], mugshots.SOURCES)
    if source is None:
        raise UserError(f"no mugshots in {place}; see docs/data.md")
    photos = {}
    for photo in folder.list_folder(source, "restricted"):
        stem = Path(photo.file_name).stem
        if stem.startswith("london") and schema.split_of(photo.subject) == split:
            name, _, look = stem.rpartition("_")
            photos.setdefault(name, {})[look] = read_photo(photo.read(), 3)
    people = []
    for looks in photos.values():
        if set(looks) >= {"neutral", "smiling"}:
            neutral, smiling = (find(looks[look], tools, read) for look in ("neutral", "smiling"))
            descriptor = tools.describe(neutral.crop, neutral.landmarks)
            people.append(Person(descriptor, smiling.patch.pixels, smiling))
    return people


def turn(person: Person, yaw: float, background: np.ndarray, rng: np.random.Generator):
    """A photo of a person from another side; the head that turns it is not quite the person's."""
    model, head = heads.load_head(), person.face.head
    identity = head.identity + SHAPE * rng.normal(size=len(head.identity)).astype(np.float32)
    points = np.asarray(heads.shape(model, identity, head.expression))
    wrong = np.asarray(cameras.rotation_of(POSE * rng.normal(size=3)))
    camera = head.camera._replace(rotation=wrong @ head.camera.rotation)
    rotation = np.asarray(cameras.rotation_of(np.array([yaw, 0.0, 0.0])))
    scale, middle = np.float32(SIZE / WIDTH), np.full(2, SIZE / 2, np.float32)
    seen, wanted = (
        np.asarray(cameras.project(points, c)) for c in (camera, Camera(rotation, scale, middle))
    )
    return head_views.turn(person.photo, seen, wanted, model, background)


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("--manual_dir", required=True, type=Path, help="folder of mugshots.tar")
    parser.add_argument("--split", default="test", choices=schema.SPLITS)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    tools, read, rng = (
        FaceTools(partial(search_upright, load_layers()), load_dlib().describe),
        load_read(),
        np.random.default_rng(args.seed),
    )
    method = turned_in_3d(Style(size=128, frame="tight"))
    people = load_people(args.manual_dir, args.split, tools, read)
    gallery = np.array([person.neutral for person in people])
    lines = [
        ["yaw", "photos", "found", "photo: distance", "rank-1", "portrait: distance", "rank-1"]
    ]
    for angle in progress_bar(ANGLES, unit="angles"):
        results = {"photo": [], "portrait": []}
        for number, person in enumerate(people):
            other = people[(number + 1) % len(people)].photo
            corner = Image.fromarray(other[: SIZE // 4, : SIZE // 4]).resize((SIZE, SIZE))
            for side in (-1, 1):
                photo = turn(person, side * angle, np.asarray(corner), rng)
                face = find(Image.fromarray(photo), tools, read)
                if face is None:
                    for found in results.values():
                        found.append((np.nan, False))
                    continue
                (portrait,) = method.make([face])
                ((after, _),) = read([portrait.patch])
                for name, one in (("photo", face), ("portrait", after or face)):
                    away = np.linalg.norm(gallery - tools.describe(one.crop, one.landmarks), axis=1)
                    results[name].append((away[number], away.argmin() == number))
        photo, portrait = (np.array(found, float) for found in results.values())
        found = np.isfinite(photo[:, 0])
        cells = [str(angle), str(len(photo)), f"{found.mean():.2f}"]
        for values in (photo, portrait):
            cells += [f"{values[found, 0].mean():.2f}", f"{values[:, 1].mean():.2f}"]
        lines.append(cells)
    print(f"{len(people)} people of the {args.split} split, seed {args.seed}")
    print(markdown_table(lines))


if __name__ == "__main__":
    run_main(main)
