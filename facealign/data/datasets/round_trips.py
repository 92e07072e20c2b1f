"""Portraits of photos that were turned away, beside the truth, to learn what portraits get wrong.

A near-frontal photo is turned away by its own fitted head; what comes out is compressed, read and
turned back as any photo is (`faces.turning.round_trip`). U: what came back. R: the photo in the
same geometry. Of training and validation people only.
"""

import functools
import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from PIL import Image, ImageFilter

from facealign import images
from facealign.data.datasets import archives, head_lists, heads, mesh_points, photo_set, schema
from facealign.data.datasets.head_lists import Known
from facealign.faces import reading
from facealign.faces.reading import HeadReader
from facealign.faces.turning import matte as mattes
from facealign.faces.turning import round_trip
from facealign.faces.turning.completion_input import halve
from facealign.faces.turning.layout import GRID
from facealign.faces.turning.round_trip import Away, RoundTrip
from facealign.geometry import camera as cameras
from facealign.geometry import frame, reader_window
from facealign.geometry import head as head_models
from facealign.geometry.fit import Head, pose_of
from facealign.models.completion import MAPS
from facealign.parallel.machine import cores
from facealign.paths import shipped

SETS = tuple(head_lists.LISTS)
VIEWS = {"mugshots": 4, "orl_faces": 2}  # pairs of each photo, if more than one
MOST_EACH = {"lfw": 2}  # photos of a person, if not all: some have hundreds
# Largest degrees of yaw and pitch, and px of error, of a photo that is turned away.
FRONTAL, STRAIGHT, FITTED = 10.0, 16.0, 2.4
# Degrees of yaw of most photos, of the others, and these others' share; deviation of the pitch.
YAW, FAR_YAW, FAR, PITCH = (10.0, 50.0), (50.0, 90.0), 0.25, 6.0
TIGHT, CROPPED = (0.7, 1.0), 0.35  # share of a photo that is kept, and of photos that are cropped
LOST = 15.0  # degrees by which a yaw may be misread
# The first window of the reader is as wrong as a detector's box: px of shift, logarithm of zoom.
SHIFT, ZOOM = 5.0, 0.08
QUALITY, SOFTEST, SOFT = (35, 95), 0.9, 0.5  # of JPEG; px of blur; share of blurred photos
LIT, BRIGHTEST = 0.3, 0.4  # share of photos lit from one side; how much brighter that side is
VERSION = 4  # increase it when `faces.turning` or `faces.reading` give others


class Trip(NamedTuple):
    """A photo on its way."""

    name: str
    known: Known
    photo: Image.Image
    head: Head
    away: Away
    seen: Image.Image  # turned away, and worse
    window: np.ndarray  # [2, 3], where the reader looks first


def create_builder(name: str, data: Any, data_dir: str) -> "RoundTrips":
    """The builder of the round trips of one of SETS. `config.data` says where its photos are.

    Raises:
      UserError: `config.data.frame` is not "canonical".
    """
    heads.check_frame(data)
    key = f"{photo_set.source_key(data)}_{made_with(head_lists.stamp(name, data, data_dir))}"
    config = tfds.core.BuilderConfig(name=f"{name}_roundtrips_{key}", version="1.0.0")
    builder = RoundTrips(config=config, data_dir=data_dir, file_format="array_record")
    builder.list_known = partial(head_lists.list_known, name, data, data_dir)
    builder.views, builder.most_each = VIEWS.get(name, 1), MOST_EACH.get(name)
    return builder


BUILDERS = {f"{name}-roundtrips": partial(create_builder, name) for name in SETS}


@functools.cache
def made_with(source: str) -> str:
    """Eight hex digits that change with the source, the networks, landmarks and constants."""
    constants = (VERSION, VIEWS, MOST_EACH, FRONTAL, STRAIGHT, FITTED, YAW, FAR_YAW, FAR, PITCH)
    constants += (TIGHT, CROPPED, LOST, SHIFT, ZOOM, QUALITY, SOFTEST, SOFT, LIT, BRIGHTEST)
    digest = hashlib.sha256(repr((source, constants)).encode())
    files = (head_models.WEIGHTS, mesh_points.FILE, reading.WEIGHTS, mattes.WEIGHTS)
    for file in map(shipped, files):
        digest.update(file.read_bytes() if file.exists() else b"")
    return digest.hexdigest()[:8]


class RoundTrips(tfds.core.GeneratorBasedBuilder):
    """Portrait frames of GRID px: what came back, with its maps, and the truth."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = []  # noqa: RUF012 (any folder can be asked for)

    def _info(self) -> tfds.core.DatasetInfo:
        # Those of `models.completion`, of 255; all 0 for the truth itself.
        shape = (GRID // 2, GRID // 2, MAPS + 1)
        # Compressed: tfds can hold 1 GB before it writes, and maps are smooth.
        maps = tfds.features.Tensor(shape=shape, dtype=np.uint8, encoding="zlib")
        features = schema.features(3, maps=maps)
        return self.dataset_info_from_configs(description="round trips", features=features)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager
        return {split: self._generate_examples(split) for split in ("train", "validation")}

    def _generate_examples(self, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        found = _choose(self.list_known(), split, self.most_each)
        reader, photos = reading.load_reader(), _read(self.list_known(), found, self.views)
        with ThreadPoolExecutor(cores()) as pool:
            while some := list(islice(photos, reading.BATCH)):
                trips = [trip for trip in pool.map(_leave, *zip(*some, strict=True)) if trip]
                for trip, found in zip(trips, _return(reader, trips, pool), strict=True):
                    if found:
                        yield from _examples(trip, found)


def _choose(every: Iterator[Known], split: str, most_each: int | None) -> dict[str, Head]:
    """The heads of the usable photos of a split, at most so many a person, by file name."""
    known = [k for k in every if k.mesh is not None and schema.split_of(k.photo.subject) == split]
    fitted, counts, chosen = head_lists.fit_all(known), Counter(), {}
    yaw, pitch, _ = np.abs(np.asarray(pose_of(fitted))).T
    usable = (yaw < FRONTAL) & (pitch < STRAIGHT) & (fitted.error < FITTED)
    for i in np.flatnonzero(usable):
        photo = known[i].photo
        counts[photo.subject] += 1
        if not most_each or counts[photo.subject] <= most_each:
            chosen[photo.file_name] = heads.head_of(fitted, i)
    return chosen


def _read(every: Iterator[Known], heads_of: dict[str, Head], views: int) -> Iterator[tuple]:
    """The arguments of `_leave`, in the order of the photos: an archive has to be read in its."""
    for known in every:
        head = heads_of.pop(known.photo.file_name, None)  # a file of the same name comes once
        if head is None:
            continue
        try:
            photo = images.read_photo(known.photo.read(), 3)
        except (ValueError, *archives.DAMAGED) as error:
            logging.warning("%s is left out: %s", known.photo.file_name, error)
            continue
        photo = known.photo.mend(photo) if known.photo.mend else photo
        yield from ((known, head, view, photo) for view in range(views))


def _leave(known: Known, head: Head, view: int, photo: Image.Image) -> Trip | None:
    """A photo turned away; None if its head is outside of what it holds."""
    name = f"{known.photo.file_name}#{view}"
    rng = np.random.default_rng(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16))
    limits = FAR_YAW if rng.random() < FAR else YAW
    angles = rng.choice([-1, 1]) * rng.uniform(*limits), PITCH * rng.normal()
    tight = rng.uniform(*TIGHT) if rng.random() < CROPPED else 1.0
    matte = mattes.find_matte(photo, head.camera)
    try:
        away = round_trip.turn_away(photo, head, matte, angles, tight)
    except ValueError as error:
        logging.warning("%s is left out: %s", name, error)
        return None
    window = reader_window.around(away.camera)
    zoom = np.exp(ZOOM * rng.normal())
    middle = (reader_window.SIZE - 1) / 2 * (1 - zoom) + SHIFT * rng.normal(size=2)
    wrong = frame.compose(np.column_stack([zoom * np.eye(2), middle]), window)
    return Trip(name, known, photo, head, away, _soil(away.photo, rng), wrong)


def _soil(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A photo lit from one side, blurred and compressed, or some of it."""
    if rng.random() < LIT:
        across = np.linspace(-1, 1, photo.width)[:, None] * rng.choice([-1, 1])
        light = 1 + rng.uniform(0, BRIGHTEST) * across
        photo = Image.fromarray((np.asarray(photo) * light).clip(0, 255).astype(np.uint8))
    if rng.random() < SOFT:
        photo = photo.filter(ImageFilter.GaussianBlur(rng.uniform(0, SOFTEST)))
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=int(rng.integers(*QUALITY)))
    return Image.open(file).convert("RGB")


def _return(
    reader: HeadReader, trips: list[Trip], pool: ThreadPoolExecutor
) -> list[RoundTrip | None]:
    if not trips:
        return []
    seen = [trip.seen for trip in trips]
    read = reading.read_heads(reader, seen, [trip.window for trip in trips])
    found = [heads.head_of(read.head, i) for i in range(len(trips))]
    return list(pool.map(_come_back, trips, found))


def _come_back(trip: Trip, read: Head) -> RoundTrip | None:
    """What comes back; None if the head was misread."""
    true, found = (
        cameras.angles_of(camera.rotation)[0] for camera in (trip.away.camera, read.camera)
    )
    if abs(float(true - found)) > LOST:
        return None
    matte = mattes.find_matte(trip.seen, read.camera)
    try:
        return round_trip.turn_back(trip.away, trip.seen, read, matte, trip.photo, trip.head)
    except ValueError as error:
        logging.warning("%s is left out: %s", trip.name, error)
        return None


def _examples(trip: Trip, found: RoundTrip) -> Iterator[tuple[str, dict[str, Any]]]:
    planes = np.concatenate([found.maps, halve(found.known)[..., None]], axis=-1)
    maps = np.rint(255 * planes.clip(0, 1)).astype(np.uint8)
    yaw = float(cameras.angles_of(trip.away.camera.rotation)[0])
    about = {"subject": trip.known.photo.subject, "yaw": yaw, "pitch": np.nan, "roll": np.nan}
    for domain, image, own in (
        ("unrestricted", found.returned, maps),
        ("restricted", found.target, np.zeros_like(maps)),
    ):
        name = f"{trip.name} {domain}"
        pixels = images.png_bytes(Image.fromarray(image))
        yield name, about | {"file_name": name, "domain": domain, "image": pixels, "maps": own}
