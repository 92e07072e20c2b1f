"""The tfds builder for all sets of photo files; a set is a function that lists its photos."""

import csv
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from PIL import Image

from facealign import images
from facealign.data.datasets import archives, crops, schema
from facealign.data.datasets.crops import Locate, Style
from facealign.errors import UserError, lookup
from facealign.faces import dlib_tools
from facealign.faces.dlib_tools import FaceTools
from facealign.geometry import frame
from facealign.geometry.pose import estimate_pose

ANGLES = ("yaw", "pitch", "roll")
FACES = {"known": False, "detect": True}  # config.data.faces -> whether to search for faces

# () -> the archive or folder with the photos, or None.
FindSource = Callable[[], Path | None]
SOURCE = "source.txt"  # beside a prepared dataset: the stamp of its source


class Photo(NamedTuple):
    """A photo that is not read yet."""

    file_name: str  # unique in its dataset
    subject: str
    domain: str  # unrestricted or restricted
    read: Callable[[], bytes]
    locate: Locate | None  # None: the position of the face is unknown
    yaw: float = np.nan  # degrees
    pitch: float = np.nan
    roll: float = np.nan
    box: dlib_tools.Box | None = None  # of the face in the canonical crop, if known
    mend: Callable[[Image.Image], Image.Image] | None = None  # applied to the photo before cutting


class PhotoSetConfig(tfds.core.BuilderConfig):
    """One set of photos: its name on disk, its description, and the function that lists it."""

    def __init__(
        self,
        name: str,
        version: str,
        description: str,
        list_photos: Callable[[], Iterator[Photo]],
        detect: bool,
        style: Style,
        find_source: FindSource,
    ):
        super().__init__(name=name, version=version, description=description)
        self.list_photos = list_photos
        self.find_source = find_source
        self.style = style
        self.detect = detect  # whether to search for faces and measure their pose


class PhotoSet(tfds.core.GeneratorBasedBuilder):
    """One example per photo; unusable photos are listed in rejected.csv in the same folder."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = []  # noqa: RUF012 (any folder can be asked for)

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            description=self.builder_config.description,
            features=schema.features(self.builder_config.style.channels),
        )

    def download_and_prepare(self, **options: Any) -> None:
        """As in tfds; but if the source archive or folder has changed, prepares it anew."""
        prepared, now = Path(self.data_dir), stamp(self.builder_config.find_source())
        before = prepared / SOURCE
        if now and before.exists() and before.read_text(encoding="utf-8") != now:
            logging.info("%s has changed; preparing the dataset anew", now.split("\n")[0])
            old = prepared.with_name(".old")  # renamed first: half a folder would pass for complete
            shutil.rmtree(old, ignore_errors=True)
            prepared.rename(old)
            shutil.rmtree(old)
        super().download_and_prepare(**options)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager
        subjects = [photo.subject for photo in self.builder_config.list_photos()]
        # During preparation, data_dir is a temporary folder, which tfds renames at the end.
        source = stamp(self.builder_config.find_source())
        Path(self.data_dir, SOURCE).write_text(source, encoding="utf-8")
        found = {schema.split_of(subject) for subject in set(subjects)}
        splits = [split for split in schema.SPLITS if split in found]
        rejected: list[tuple[str, str]] = []
        tools = dlib_tools.load_tools() if self.builder_config.detect else None

        def generate(split: str) -> Iterator[tuple[str, dict[str, Any]]]:
            yield from self._generate_examples(split, rejected, tools)
            self._write_rejected(rejected)  # splits are prepared one after the other
            if rejected and split == splits[-1]:
                logging.warning(
                    "%s: %d of %d photos could not be used, the first because: %s. All are in %s",
                    self.builder_config.name,
                    len(rejected),
                    len(subjects),
                    rejected[0][1],
                    "rejected.csv of the prepared dataset",
                )

        return {split: generate(split) for split in splits}

    def _generate_examples(
        self, split: str, rejected: list[tuple[str, str]], tools: FaceTools | None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        seen, used, style = set(), 0, self.builder_config.style
        for photo in self.builder_config.list_photos():
            if schema.split_of(photo.subject) != split:
                continue
            try:
                if photo.file_name in seen:
                    raise images.BadPhotoError("a second file of this name")
                seen.add(photo.file_name)
                image = images.read_photo(photo.read(), style.channels)
                if photo.mend:
                    image = photo.mend(image)
                if tools is None:
                    matrix = photo.locate(image) if photo.locate else None
                else:
                    matrix, photo = examine(photo, image.convert("L"), tools)
                crop = crops.cut(image, matrix, style)
            except (ValueError, *archives.DAMAGED) as error:
                rejected.append((photo.file_name, " ".join(str(error).split())))
                continue
            used += 1
            yield photo.file_name, _example(photo, crop)
        if not used:
            name, reason = rejected[-1]
            raise UserError(
                f"{self.builder_config.description}: no photo of the {split} split can be used; "
                f"the last is {name}: {reason}; repair or remove them"
            )

    def _write_rejected(self, rejected: list[tuple[str, str]]) -> None:
        with Path(self.data_dir, "rejected.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("file_name", "reason"), *rejected])


def _example(photo: Photo, crop: Image.Image) -> dict[str, Any]:
    fields = photo._asdict()
    for unwritten in ("read", "locate", "box", "mend"):
        del fields[unwritten]
    return {"image": images.png_bytes(crop), **fields}


def examine(photo: Photo, image: Image.Image, tools: FaceTools) -> tuple[np.ndarray, Photo]:
    """The transformation [2, 3] of a gray photo to its canonical crop, and the photo with its pose.

    Searches the photo for the face if its position is unknown. A known pose stays; it is nan if
    no face is found in the crop.

    Raises:
      ValueError: the reason why the photo cannot be cut.
    """
    matrix = photo.locate(image) if photo.locate else dlib_tools.main_face(image, tools).matrix
    if np.isfinite(photo.yaw):
        return matrix, photo
    crop = frame.crop(image, matrix)[:, :, 0]
    if photo.box is not None:
        landmarks = tools.landmarks(crop, photo.box)
    elif faces := tools.find(crop):
        landmarks = faces[0].landmarks
    else:
        return matrix, photo
    return matrix, photo._replace(**dict(zip(ANGLES, estimate_pose(landmarks), strict=True)))


def create_photo_set(
    name: str,
    version: str,
    description: str,
    list_photos: Callable,
    data_dir: str,
    detect: bool,
    style: Style,
    find_source: FindSource = lambda: None,
) -> PhotoSet:
    """The builder of one set of photos. Different content needs a different `name`.

    `detect` searches for faces of unknown position and measures their pose. If the archive or
    folder of `find_source` changes, the set is prepared anew.
    """
    name += "_detect" * detect + style.suffix
    config = PhotoSetConfig(name, version, description, list_photos, detect, style, find_source)
    return PhotoSet(config=config, data_dir=data_dir, file_format="array_record")


def detects(data: Any) -> bool:
    """Whether `config.data.faces` asks to search for faces.

    Raises:
      UserError: it is neither "known" nor "detect".
    """
    return lookup(FACES, data.faces, "config.data.faces")


def manual_folder(data: Any, data_dir: str) -> Path:
    """The folder of archives and photos that `config.data.manual_dir` names."""
    if data.manual_dir:
        return Path(data.manual_dir).expanduser().absolute()
    return Path(data_dir, "downloads", "manual")


def stamp(source: Path | None) -> str:
    """Name, size and date of an archive or folder, one per line; "" for none."""
    if source is None:
        return ""
    status = source.stat()
    return f"{source.name}\n{status.st_size}\n{status.st_mtime_ns}\n"


def source_key(data: Any) -> str:
    """A key for the folder of the photos, so that another folder makes another dataset."""
    if not data.manual_dir:
        return "manual"
    path = str(Path(data.manual_dir).expanduser().absolute())
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:8]
