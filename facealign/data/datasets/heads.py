"""Heads to read: windows of photos with landmarks, pose and shape; as photographed, or turned.

`NAME-heads` are the photos of a set as they are. `NAME-turned` are its near-frontal photos, turned
to any side on their own fitted heads, so that everything is known. Of training and validation
people only.
"""

import functools
import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from PIL import Image

from facealign import images
from facealign.data.datasets import archives, head_lists, mesh_points, photo_set, schema
from facealign.data.datasets.head_lists import GUESSED, SATURATED, TURNED, Known
from facealign.errors import UserError
from facealign.geometry import camera as cameras
from facealign.geometry import frame, head_views, reader_window
from facealign.geometry import head as heads
from facealign.geometry.camera import Camera
from facealign.geometry.fit import Head, pose_of
from facealign.geometry.head_points import create_points
from facealign.models.reader import Reader
from facealign.paths import shipped

SETS = tuple(head_lists.LISTS)
# Largest degrees of yaw and pitch, and px of error, of a photo that is turned.
FRONTAL, STRAIGHT, FITTED = 12.0, 20.0, 2.6
VIEWS = 1  # pictures of each photo
YAW, PITCH = 95.0, 20.0  # degrees: largest turns
HAIR = 2.5  # cm: largest thickness of hair
MODES = (Reader.identity, Reader.expression)  # coefficients that are kept
VERSION = 3  # increase it when the same photos give other examples


def create_builder(name: str, turned: bool, data: Any, data_dir: str) -> "Heads":
    """The builder of the heads of one of SETS. `config.data` says where its photos are.

    Raises:
      UserError: `config.data.frame` is not "canonical".
    """
    check_frame(data)
    kind = "turned" if turned else "heads"
    key = f"{photo_set.source_key(data)}_{made_with(head_lists.stamp(name, data, data_dir))}"
    config = tfds.core.BuilderConfig(name=f"{name}_{kind}_{key}", version="1.0.0")
    builder = Heads(config=config, data_dir=data_dir, file_format="array_record")
    builder.list_known = partial(head_lists.list_known, name, data, data_dir)
    builder.turned = turned
    return builder


def check_frame(data: Any) -> None:
    """Checks that `config.data.frame` is "canonical".

    Raises:
      UserError: it is not.
    """
    if data.frame != "canonical":
        raise UserError(
            f"config.data.frame={data.frame!r}, but heads come in windows of their own; set it to "
            "'canonical'"
        )


@functools.cache
def made_with(source: str) -> str:
    """Eight hex digits that change with the source, the head model, landmarks and constants."""
    constants = (VERSION, FRONTAL, STRAIGHT, FITTED, VIEWS, YAW, PITCH, HAIR, GUESSED, SATURATED)
    windows = (reader_window.STORED, reader_window.STORED_WIDTH, reader_window.CENTRE.tolist())
    digest = hashlib.sha256(repr((source, constants, windows)).encode())
    for file in (shipped(heads.WEIGHTS), shipped(mesh_points.FILE)):
        digest.update(file.read_bytes() if file.exists() else b"")
    return digest.hexdigest()[:8]


BUILDERS = {
    f"{name}-{kind}": partial(create_builder, name, kind == "turned")
    for name in SETS
    for kind in ("heads", "turned")
}


class Heads(tfds.core.GeneratorBasedBuilder):
    """Windows of `reader_window.STORED` px; places are in px of them."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = []  # noqa: RUF012 (any folder can be asked for)

    def _info(self) -> tfds.core.DatasetInfo:
        tensor = partial(tfds.features.Tensor, dtype=np.float32)
        identity, expression = MODES
        return self.dataset_info_from_configs(
            description="heads with landmarks, pose and shape",
            features=schema.features(
                3,
                landmarks=tensor(shape=(68, 2)),  # px
                known=tensor(shape=(68,)),  # weight of each, from 0
                rotation=tensor(shape=(3, 3)),  # as geometry.camera
                posed=np.float32,  # weight of the rotation
                identity=tensor(shape=(identity,)),
                expression=tensor(shape=(expression,)),
                shaped=np.float32,  # weight of identity and expression
            ),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager
        return {split: self._generate_examples(split) for split in ("train", "validation")}

    def _generate_examples(self, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        known = [k for k in self.list_known() if schema.split_of(k.photo.subject) == split]
        fitted = head_lists.fit_all(known)
        rows = {k.photo.file_name: i for i, k in enumerate(known)}
        make = Turner(known, fitted) if self.turned else None
        for k in self.list_known():  # again: files of an archive have to be read in its order
            i = rows.pop(k.photo.file_name, None)  # a file of the same name comes once
            if i is None or (make and not make.usable[i]):
                continue
            try:
                photo = images.read_photo(k.photo.read(), 3)
            except (ValueError, *archives.DAMAGED) as error:
                logging.warning("%s is left out: %s", k.photo.file_name, error)
                continue
            photo = k.photo.mend(photo) if k.photo.mend else photo
            examples = make(i, photo) if make else [as_it_is(k, head_of(fitted, i), photo)]
            for number, example in enumerate(examples):
                name = f"{k.photo.file_name}" + f"#{number}" * self.turned
                about = {"subject": k.photo.subject, "file_name": name, "pitch": np.nan}
                domain = "restricted" if self.turned else "unrestricted"
                about |= {"domain": domain, "roll": np.nan}
                example["image"] = images.png_bytes(Image.fromarray(example["image"]))
                yield name, example | about


def head_of(fitted: Head, i: int) -> Head:
    """The head of one photo, without a batch axis."""
    camera = Camera(*(array[i] for array in fitted.camera))
    return Head(fitted.identity[i], fitted.expression[i], camera, fitted.error[i])


@functools.cache
def landmark_normals() -> np.ndarray:
    """Where the surface of the mean head faces at its 68 landmarks, [68, 3]."""
    return create_points(heads.load_head(), "landmarks").normals


def as_it_is(known: Known, head: Head, photo: Image.Image) -> dict[str, Any]:
    """The window of a photo, and what is known of its head."""
    size = reader_window.STORED
    matrix = reader_window.around(head.camera, size, reader_window.STORED_WIDTH)
    pixels = frame.crop(photo, matrix, size, 3)
    yaw = float(cameras.angles_of(head.camera.rotation)[0])
    weights, profile = known.weights, known.mesh is None
    if not profile and abs(yaw) > TURNED:
        hidden = (landmark_normals() @ np.asarray(head.camera.rotation)[2]) < 0
        weights = np.where(hidden, GUESSED, weights)
    landmarks = np.where(weights[:, None] > 0, frame.apply(matrix, known.landmarks), 0)
    rotation = cameras.transformed(head.camera, matrix).rotation
    posed = 1.0 if profile or abs(yaw) <= SATURATED else GUESSED
    return _example(pixels, landmarks, weights, rotation, posed, head, 0.0 if profile else 1.0, yaw)


class Turner:
    """Turns near-frontal photos, in the order of their set: each before a part of the last one."""

    def __init__(self, known: list[Known], fitted: Head):
        self.model = heads.load_head()
        self.known, self.fitted = known, fitted
        self.background = np.full((reader_window.STORED,) * 2 + (3,), 128, np.uint8)
        yaw, pitch, _ = np.abs(np.asarray(pose_of(fitted))).T
        self.usable = (yaw < FRONTAL) & (pitch < STRAIGHT) & (fitted.error < FITTED)

    def __call__(self, i: int, photo: Image.Image) -> Iterator[dict[str, Any]]:
        """The examples of one photo, by its number."""
        name = self.known[i].photo.file_name
        rng = np.random.default_rng(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16))
        for _ in range(VIEWS):
            angles = np.array([rng.uniform(-YAW, YAW), rng.uniform(-PITCH, PITCH), 0.0])
            yield self.turn(i, photo, angles, rng)

    def turn(
        self, i: int, photo: Image.Image, angles: np.ndarray, rng: np.random.Generator
    ) -> dict[str, Any]:
        """One photo, by its number, with yaw, pitch and roll of `angles` in degrees."""
        head, known, pixels = head_of(self.fitted, i), self.known[i], np.asarray(photo)
        shape = np.asarray(heads.shape(self.model, head.identity, head.expression))
        hair = head_views.with_hair(shape, self.model, rng.uniform(0, HAIR))
        seen = np.asarray(cameras.project(hair, head.camera))
        # The landmarks of the photo, on the surface: what the fit missed turns with the head.
        surface = np.asarray(cameras.project(heads.landmarks68(self.model, shape), head.camera))
        solid = cameras.unproject(np.column_stack([known.landmarks, surface[:, 2]]), head.camera)
        background, self.background = (
            self.background,
            head_views.beside(photo, seen, reader_window.STORED, rng),
        )
        camera = _view(angles, head.camera)
        wanted = np.asarray(cameras.project(hair, camera))
        turned = head_views.turn(pixels, seen, wanted, self.model, background)
        landmarks = np.asarray(cameras.project(solid, camera))[:, :2]
        ones = np.ones(68, np.float32)
        return _example(turned, landmarks, ones, camera.rotation, 1.0, head, 1.0, float(angles[0]))


def _view(angles: np.ndarray, like: Camera) -> Camera:
    """The camera of a stored window in which a head has this yaw, pitch and roll."""
    scale = reader_window.STORED / reader_window.STORED_WIDTH
    rotation = np.asarray(cameras.rotation_of(angles))
    camera = Camera(rotation, np.float32(scale), np.zeros_like(like.shift))
    matrix = reader_window.around(camera, reader_window.STORED, reader_window.STORED_WIDTH)
    return Camera(*map(np.asarray, cameras.transformed(camera, matrix)))


def _example(
    pixels: np.ndarray,
    landmarks: np.ndarray,
    known: np.ndarray,
    rotation: np.ndarray,
    posed: float,
    head: Head,
    shaped: float,
    yaw: float,
) -> dict[str, Any]:
    identity, expression = MODES
    return {
        "image": pixels,
        "landmarks": landmarks.astype(np.float32),
        "known": known.astype(np.float32),
        "rotation": np.asarray(rotation, np.float32),
        "posed": posed,
        "identity": np.asarray(head.identity, np.float32).reshape(identity),
        "expression": np.asarray(head.expression, np.float32).reshape(expression),
        "shaped": shaped,
        "yaw": yaw,
    }
