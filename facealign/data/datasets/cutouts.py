"""People to tell from what is behind them: cut out of plain backgrounds, or outlined in any photo.

`mugshots-cutouts` are portraits before a plain background, from which the person is cut out, so
that all is known. `NAME-outlines` are photos of which the fitted head tells a part: what is well
inside of it, and the body under it, is the person; what is far beside and above it is not. ORL has
no plain backgrounds: `orl_faces-cutouts` are cut out where that part says that the person is.
Of training and validation people only.
"""

import functools
import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from PIL import Image
from scipy import ndimage

from facealign import images
from facealign.data.datasets import (
    archives,
    head_lists,
    heads,
    mesh_points,
    photo_set,
    plain_background,
    schema,
)
from facealign.data.datasets.head_lists import Known
from facealign.data.datasets.plain_background import take_away
from facealign.geometry import camera as cameras
from facealign.geometry import frame, matte_window, rasterize, reader_window
from facealign.geometry import head as head_models
from facealign.geometry.fit import Head
from facealign.paths import shipped

VERSION = 1  # increase it when the same photos give other examples
WHOLE = 0.97  # share of a head that has to be found before it
INSIDE, PROFILE_INSIDE = 0.7, 1.6  # cm inside of the outline from which a pixel is the person
BESIDE = 9.0  # cm beside the head from which, above the chin, a pixel is not
AHEAD, ASIDE = 2.0, 30.0  # cm before a face turned by more degrees, where no hair is
BROW, CHIN = 2.0, -7.5  # heights above the eyes
BODY = (-15.0, 4.0)  # height above the eyes where the body begins, and half of its width
SIZE, SCALE = matte_window.STORED, matte_window.STORED / matte_window.STORED_WIDTH  # px, px a cm


def create_builder(name: str, data: Any, data_dir: str) -> "Cutouts":
    """The builder of one of MAKE. `config.data` says where its photos are.

    Raises:
      UserError: `config.data.frame` is not "canonical".
    """
    heads.check_frame(data)
    source, kind = name.split("-")
    stamp = head_lists.stamp(source, data, data_dir)
    key = f"{photo_set.source_key(data)}_{made_with(stamp)}"
    config = tfds.core.BuilderConfig(name=f"{source}_{kind}_{key}", version="1.0.0")
    builder = Cutouts(config=config, data_dir=data_dir, file_format="array_record")
    builder.list_known = partial(head_lists.list_known, source, data, data_dir)
    builder.make = MAKE[name]
    builder.each = source != "lfw"
    return builder


@functools.cache
def made_with(source: str) -> str:
    """Eight hex digits that change with the source, the head model, landmarks and constants."""
    cuts = (VERSION, plain_background.VERSION, WHOLE, SIZE, SCALE)
    outlines = (INSIDE, PROFILE_INSIDE, BESIDE, AHEAD, ASIDE, BROW, CHIN, BODY)
    digest = hashlib.sha256(repr((source, cuts, outlines)).encode())
    for file in (shipped(head_models.WEIGHTS), shipped(mesh_points.FILE)):
        digest.update(file.read_bytes() if file.exists() else b"")
    return digest.hexdigest()[:8]


class Cutouts(tfds.core.GeneratorBasedBuilder):
    """Windows of `matte_window.STORED` px; where a person is cut out, the colours are theirs."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = []  # noqa: RUF012 (any folder can be asked for)

    def _info(self) -> tfds.core.DatasetInfo:
        plane = tfds.features.Tensor(shape=(SIZE, SIZE), dtype=np.uint8)
        # How much of each pixel is the person, and how sure that is, of 255.
        features = schema.features(3, alpha=plane, sure=plane)
        return self.dataset_info_from_configs(description="people and mattes", features=features)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager
        return {split: self._generate_examples(split) for split in ("train", "validation")}

    def _generate_examples(self, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        known = self._choose(split)
        fitted = head_lists.fit_all(known)
        rows = {k.photo.file_name: i for i, k in enumerate(known)}
        for k in self.list_known():  # again: files of an archive have to be read in its order
            i = rows.pop(k.photo.file_name, None)
            if i is None:
                continue
            try:
                photo = images.read_photo(k.photo.read(), 3)
                example = self.make(k, heads.head_of(fitted, i), photo)
            except (ValueError, *archives.DAMAGED) as error:
                logging.warning("%s is left out: %s", k.photo.file_name, error)
                continue
            about = {"subject": k.photo.subject, "file_name": k.photo.file_name}
            about |= dict.fromkeys(("pitch", "roll"), np.nan)
            example["image"] = images.png_bytes(Image.fromarray(example["image"]))
            yield k.photo.file_name, example | about

    def _choose(self, split: str) -> list[Known]:
        """The photos of a split; of LFW the first of each person, since some have hundreds."""
        known, people = [], set()
        for k in self.list_known():
            if schema.split_of(k.photo.subject) == split and (
                self.each or k.photo.subject not in people
            ):
                known.append(k)
                people.add(k.photo.subject)
        return known


def cut_out(known: Known, head: Head, photo: Image.Image) -> dict[str, Any]:
    """A person before a plain background, without it, and without cloth that is as white.

    Raises:
      ValueError: the background is not plain, or like the head.
    """
    del known
    colours, alpha = take_away(np.asarray(photo.convert("RGB"), np.float32))
    matrix = reader_window.around(head.camera, SIZE, matte_window.STORED_WIDTH)
    window, cut = (
        frame.crop(Image.fromarray(np.rint(plane).astype(np.uint8)), matrix, SIZE, channels)
        for plane, channels in ((colours, 3), (255 * alpha, 1))
    )
    drawn = _draw(head, matrix)
    inside = (drawn.depth > INSIDE) & (drawn.height > CHIN)
    if cut[inside].mean() < WHOLE * 255:
        raise ValueError("its background is like the head")
    sure = _inside_photo(matrix, photo.size)
    return _example(window, cut[..., 0], sure, "restricted", head)


def outline(known: Known, head: Head, photo: Image.Image) -> dict[str, Any]:
    """A photo, and what its fitted head tells of who is where."""
    matrix = reader_window.around(head.camera, SIZE, matte_window.STORED_WIDTH)
    drawn = _draw(head, matrix)
    limit = PROFILE_INSIDE if known.mesh is None else INSIDE
    person = (drawn.depth > limit) & (drawn.height > BODY[0])
    person |= (drawn.height < BODY[0]) & (np.abs(drawn.aside) < BODY[1])
    away = (drawn.beside > BESIDE) & (drawn.height > CHIN)
    away |= drawn.ahead & (drawn.beside > AHEAD)
    sure = (person | away) * _inside_photo(matrix, photo.size)
    window = frame.crop(photo, matrix, SIZE, 3)
    return _example(window, 255 * person, sure, "unrestricted", head)


def cut_inside(known: Known, head: Head, photo: Image.Image) -> dict[str, Any]:
    """A person cut out of any background where the fitted head tells who is where."""
    example = outline(known, head, photo)
    image = example["image"] * (example["alpha"][..., None] > 0)
    return example | {"image": image, "domain": "restricted"}


# Dataset -> what makes its examples, of a photo with landmarks, its fitted head and its pixels.
MAKE: dict[str, Callable[[Known, Head, Image.Image], dict[str, Any]]] = {
    "mugshots-cutouts": cut_out,
    "orl_faces-cutouts": cut_inside,
    "lfw-outlines": outline,
    "cfp-outlines": outline,
    "orl_faces-outlines": outline,
}
BUILDERS = {name: partial(create_builder, name) for name in MAKE}


class Drawn(NamedTuple):
    """Where the pixels [SIZE, SIZE] of a window lie, in cm."""

    depth: np.ndarray  # inside of the outline of the head, 0 beside it
    beside: np.ndarray  # the head, 0 on it
    height: np.ndarray  # above the eyes
    aside: np.ndarray  # right of the neck's lower end
    ahead: np.ndarray  # bool: before the face, from brow to chin, if it looks aside


def _draw(head: Head, matrix: np.ndarray) -> Drawn:
    """A head fitted to a photo, drawn in the window of a transformation of that photo."""
    camera, model = cameras.transformed(head.camera, matrix), head_models.load_head()
    points = np.asarray(head_models.shape(model, head.identity, head.expression))
    seen = np.asarray(cameras.project(points, camera))
    surface = rasterize.draw_triangles(seen, model.triangles, (SIZE, SIZE)).triangle >= 0
    if not surface.any():
        raise ValueError("its head is outside of its window")
    between = head_models.landmarks68(model, points)[36:48].mean(axis=0, keepdims=True)
    eyes = np.asarray(cameras.project(between, camera))[0, 1]
    lowest = np.argsort(points[:, 1])[: len(points) // 50]
    rows, columns = np.mgrid[:SIZE, :SIZE]
    depth = ndimage.distance_transform_edt(np.pad(surface, 1))[1:-1, 1:-1]
    beside = ndimage.distance_transform_edt(~surface)
    aside = columns - seen[lowest, 0].mean()
    depth, beside, height, aside = (e / SCALE for e in (depth, beside, eyes - rows, aside))
    nose = np.asarray(cameras.project(head_models.landmarks68(model, points)[30:31], camera))[0, 0]
    way = float(np.asarray(camera.rotation)[0, 2])  # right of the photo, of 1, that the face looks
    ahead = (columns - nose) * way > 0
    ahead &= (abs(way) > np.sin(np.radians(ASIDE))) & (height < BROW) & (height > CHIN)
    return Drawn(depth, beside, height, aside, ahead)


def _inside_photo(matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Which pixels [SIZE, SIZE] of a window are of the photo, 255 or 0."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    x, y = frame.apply(frame.invert(matrix), np.stack([columns, rows], -1).reshape(-1, 2)).T
    inside = (x >= 0) & (y >= 0) & (x <= size[0] - 1) & (y <= size[1] - 1)
    return 255 * inside.reshape(SIZE, SIZE)


def _example(
    window: np.ndarray, alpha: np.ndarray, sure: np.ndarray, domain: str, head: Head
) -> dict[str, Any]:
    planes = {"alpha": alpha.astype(np.uint8), "sure": sure.astype(np.uint8)}
    yaw = float(cameras.angles_of(head.camera.rotation)[0])
    return {"image": window, **planes, "domain": domain, "yaw": yaw}
