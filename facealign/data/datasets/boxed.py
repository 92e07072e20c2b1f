"""Photos in which it is known where the face is, and pictures without any, to learn to find faces.

`NAME-boxed`: U are photos of a set with one face, R the same with the face painted over.
`pictures`: R are pieces of the pictures in the folder `pictures` of `config.data.manual_dir`, which
show nobody. Of training and validation people only.
"""

import functools
import hashlib
import itertools
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from PIL import Image

from facealign import images
from facealign.data.datasets import archives, head_lists, heads, mesh_points, photo_set, schema
from facealign.errors import UserError
from facealign.faces.mmod import Found, load_layers, search_upright
from facealign.faces.turning.pyramids import fill
from facealign.geometry import camera as cameras
from facealign.geometry import frame
from facealign.geometry import head as head_models
from facealign.geometry.camera import Camera
from facealign.geometry.fit import Head
from facealign.paths import shipped

SIZE = 256  # px of the examples
# The ball around a head: its centre in cm of the head, and its radius. Its square, seen from
# anywhere, is what dlib's detector finds.
CENTRE, RADIUS = np.array([[0.0, 2.8, 8.0]], np.float32), 7.75
IN_EXAMPLE = 44.0  # px: the radius in an example
MOST_EACH = {"lfw": 1}  # photos of a person, if not all: some have hundreds
ALONE = ("orl_faces", "mugshots")  # sets of which every photo shows one person
OTHER = 1.2  # radii from the ball's centre from which a face that is found is another one
PAINTED = (1.0, 1.35)  # radii around the ball that are painted over, at least and at most
BLOCKS, NOISE = (8, 16), 12.0  # px: a face may be cut into such blocks, which are mixed up
# px of the longer side of a picture, at most, from which pieces are cut; 0: all that fits into one.
LONGEST, MOST_PIECES = (1280, 640, 0), 6  # pieces of each size
VERSION = 2  # increase it when the same photos give other examples


def create_builder(name: str, data: Any, data_dir: str) -> "Boxed":
    """The builder of the photos of one of `head_lists.LISTS`, or of "pictures".

    Raises:
      UserError: `config.data.frame` is not "canonical", or there is no folder of pictures.
    """
    heads.check_frame(data)
    if name == "pictures":
        folder = photo_set.manual_folder(data, data_dir) / name
        if not folder.is_dir():
            raise UserError(f"{folder} is no folder; put pictures without people there")
        source, make = _fingerprint(folder), partial(_cut_all, folder)
    else:
        source = head_lists.stamp(name, data, data_dir)
        make = partial(_box_all, name, partial(head_lists.list_known, name, data, data_dir))
    key = f"{photo_set.source_key(data)}_{made_with(source)}"
    config = tfds.core.BuilderConfig(name=f"{name}_boxed_{key}", version="1.0.0")
    builder = Boxed(config=config, data_dir=data_dir, file_format="array_record")
    builder.make = make
    return builder


BUILDERS = {f"{name}-boxed": partial(create_builder, name) for name in head_lists.LISTS}
BUILDERS["pictures"] = partial(create_builder, "pictures")


def _fingerprint(folder: Path) -> str:
    files = ((name, path.stat()) for name, path in archives.walk_folder(folder))
    return repr([(name, status.st_size, status.st_mtime_ns) for name, status in files])


@functools.cache
def made_with(source: str) -> str:
    """Eight hex digits that change with the source, the head model, landmarks and constants."""
    constants = (VERSION, SIZE, CENTRE.tolist(), RADIUS, IN_EXAMPLE, MOST_EACH, OTHER)
    constants += (PAINTED, BLOCKS, NOISE, LONGEST, MOST_PIECES)
    digest = hashlib.sha256(repr((source, constants)).encode())
    for file in map(shipped, (head_models.WEIGHTS, mesh_points.FILE)):
        digest.update(file.read_bytes() if file.exists() else b"")
    return digest.hexdigest()[:8]


class Boxed(tfds.core.GeneratorBasedBuilder):
    """Gray pictures of SIZE px with the ball around the head; radius 0: nobody is there."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = []  # noqa: RUF012 (any folder can be asked for)

    def _info(self) -> tfds.core.DatasetInfo:
        tensor = partial(tfds.features.Tensor, dtype=np.float32)
        # Centre and radius in px; the way up of the head.
        features = schema.features(1, ball=tensor(shape=(3,)), up=tensor(shape=(2,)))
        return self.dataset_info_from_configs(description="faces to find", features=features)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager
        return {split: self._generate_examples(split) for split in ("train", "validation")}

    def _generate_examples(self, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        return self.make(split)


def _example(
    name: str, subject: str, image: np.ndarray, ball: np.ndarray | None, up: np.ndarray, yaw: float
) -> tuple[str, dict[str, Any]]:
    pixels = images.png_bytes(Image.fromarray(image))
    about = dict.fromkeys(("pitch", "roll"), np.nan) | {"yaw": yaw, "up": up.astype(np.float32)}
    domain = "restricted" if ball is None else "unrestricted"
    about |= {"ball": np.zeros(3, np.float32) if ball is None else ball.astype(np.float32)}
    name = f"{name} {domain}"
    return name, about | {"image": pixels, "subject": subject, "file_name": name, "domain": domain}


def _box_all(
    name: str, list_known: Callable[[], Iterator[head_lists.Known]], split: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The photos of a set that show one person, each with and without its face."""
    search = None if name in ALONE else partial(search_upright, load_layers())
    known, people = [], dict[str, int]()
    for k in list_known():
        subject = k.photo.subject
        people[subject] = people.get(subject, 0) + 1
        few = people[subject] <= MOST_EACH.get(name, people[subject])
        if few and schema.split_of(subject) == split:
            known.append(k)
    fitted = head_lists.fit_all(known)
    rows = {k.photo.file_name: i for i, k in enumerate(known)}
    for k in list_known():  # again: files of an archive have to be read in its order
        i = rows.pop(k.photo.file_name, None)
        if i is None:
            continue
        try:
            photo = images.read_photo(k.photo.read(), 1)
        except (ValueError, *archives.DAMAGED) as error:
            logging.warning("%s is left out: %s", k.photo.file_name, error)
            continue
        head = heads.head_of(fitted, i)
        if search and _has_others(search(photo), *ball_of(head.camera)):
            continue
        yield from _with_and_without(k, head, photo)


def ball_of(camera: Camera) -> tuple[np.ndarray, float]:
    """Centre [2] and radius in px of the ball around a head, by the camera of its photo."""
    centre = np.asarray(cameras.project(CENTRE, camera))[0, :2]
    return centre, RADIUS * float(camera.scale)


def way_up(camera: Camera) -> np.ndarray:
    """The way up of a head in its photo, [2] of length 1."""
    up = -np.asarray(camera.rotation)[:2, 1]
    return up / max(float(np.linalg.norm(up)), 1e-6)


def _has_others(found: Found, centre: np.ndarray, radius: float) -> bool:
    """Whether a photo shows faces besides the one in a ball."""
    boxes = np.array(found.boxes, float).reshape(-1, 4)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    return bool((np.linalg.norm(middles - centre, axis=1) > OTHER * radius).any())


def _with_and_without(
    known: head_lists.Known, head: Head, photo: Image.Image
) -> Iterator[tuple[str, dict[str, Any]]]:
    centre, radius = ball_of(head.camera)
    zoom = IN_EXAMPLE / radius
    matrix = np.column_stack([zoom * np.eye(2), (SIZE - 1) / 2 - zoom * centre])
    window = frame.crop(photo, matrix, SIZE, 1)[..., 0]
    ball = np.array([(SIZE - 1) / 2, (SIZE - 1) / 2, IN_EXAMPLE])
    yaw = float(cameras.angles_of(head.camera.rotation)[0])
    name, subject = known.photo.file_name, known.photo.subject
    up = way_up(head.camera)
    yield _example(name, subject, window, ball, up, yaw)
    rng = np.random.default_rng(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16))
    yield _example(name, subject, paint_over(window, rng), None, up, yaw)


def paint_over(window: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An example without its face: filled smoothly, or cut into blocks that are mixed up."""
    rows, columns = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    inside = np.hypot(rows, columns) < rng.uniform(*PAINTED) * IN_EXAMPLE
    side = int(rng.choice(BLOCKS))
    if rng.random() < 0.5:
        hole = fill(window[..., None].astype(np.float32), 1 - inside.astype(np.float32))[..., 0]
        new = hole + NOISE * rng.random() * rng.normal(size=hole.shape)
    else:
        count = SIZE // side
        blocks = window.reshape(count, side, count, side).swapaxes(1, 2).copy()
        own = inside.reshape(count, side, count, side).all(axis=(1, 3))
        blocks[own] = rng.permutation(blocks[own])
        new = blocks.swapaxes(1, 2).reshape(SIZE, SIZE)
    return np.where(inside, new, window).clip(0, 255).astype(np.uint8)


def _cut_all(folder: Path, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pieces of all pictures in a folder."""
    for name, path in archives.walk_folder(folder):
        if schema.split_of(name) != split or not images.is_photo(name):
            continue
        try:
            picture = images.read_photo(path.read_bytes(), 1)
        except (ValueError, OSError) as error:
            logging.warning("%s is left out: %s", path, error)
            continue
        yield from _cut(name, picture)


def _cut(name: str, picture: Image.Image) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pieces of a picture in several sizes, which together show all of it if they are few."""
    rng = np.random.default_rng(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16))
    factors = {_factor(picture.size, longest) for longest in LONGEST}
    number = itertools.count()
    for factor in sorted(factors):
        sides = [max(SIZE, round(factor * side)) for side in picture.size]
        pixels = np.asarray(picture.resize(sides))
        corners = list(itertools.product(*map(_starts, pixels.shape)))
        for row in rng.permutation(len(corners))[:MOST_PIECES]:
            top, left = corners[row]
            piece = pixels[top : top + SIZE, left : left + SIZE]
            up = np.array([0.0, -1.0])
            yield _example(f"{name}#{next(number)}", name, piece, None, up, np.nan)


def _factor(size: tuple[int, int], longest: int) -> float:
    """How much a picture of so many px is shrunk, or enlarged so that a piece fits."""
    return max(SIZE / min(size), min(1.0, longest / max(size)))


def _starts(side: int) -> list[int]:
    """Where pieces begin along a side, evenly."""
    return np.linspace(0, side - SIZE, math.ceil(side / SIZE)).astype(int).tolist()
