"""The tfds builder for all sets of photo files; a set is a function that lists its photos."""

import csv
import hashlib
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from absl import logging
from PIL import Image

from facealign import images
from facealign.data.datasets import archives, crops, detect, schema
from facealign.data.datasets.crops import Style
from facealign.data.datasets.detect import Place, Reject, made_with
from facealign.data.datasets.photo import Photo
from facealign.errors import UserError, lookup
from facealign.faces.face import load_read
from facealign.faces.mmod import load_mmod

FACES = {"known": False, "detect": True}  # config.data.faces -> whether to search for faces

# () -> the archive or folder with the photos, or None.
FindSource = Callable[[], Path | None]
SOURCE = "source.txt"  # beside a prepared dataset: the stamp of its source


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
        shown = Shown()
        place: Place = detect.place_all
        if self.builder_config.detect:
            place = partial(detect.examine_all, load_mmod(), load_read())

        def generate(split: str) -> Iterator[tuple[str, dict[str, Any]]]:
            yield from self._generate_examples(split, rejected, shown, place)
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
            if shown.twins and split == splits[-1]:
                logging.warning(
                    "%s: %d photos have the pixels of a photo of somebody else, the first are %s; "
                    "whoever has two names may be in training and in the test",
                    self.builder_config.name,
                    len(shown.twins),
                    " and ".join(shown.twins[0]),
                )

        return {split: generate(split) for split in splits}

    def _generate_examples(
        self, split: str, rejected: list[tuple[str, str]], shown: "Shown", place: Place
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        used, style = 0, self.builder_config.style

        def reject(photo: Photo, error: Exception) -> None:
            rejected.append((photo.file_name, " ".join(str(error).split())))

        for photo, image, matrix in place(self._read_all(split, reject), reject):
            try:
                crop = crops.cut(image, matrix, style)
            except ValueError as error:
                reject(photo, error)
                continue
            shown.add(photo, image)
            used += 1
            yield photo.file_name, _example(photo, crop)
        if not used:
            name, reason = rejected[-1]
            raise UserError(
                f"{self.builder_config.description}: no photo of the {split} split can be used; "
                f"the last is {name}: {reason}; repair or remove them"
            )

    def _read_all(self, split: str, reject: Reject) -> Iterator[tuple[Photo, Image.Image]]:
        """The photos of a split with their pixels."""
        seen = set()
        for photo in self.builder_config.list_photos():
            if schema.split_of(photo.subject) != split:
                continue
            try:
                if photo.file_name in seen:
                    raise images.BadPhotoError("a second file of this name")
                seen.add(photo.file_name)
                channels = 3 if self.builder_config.detect else self.builder_config.style.channels
                image = images.read_photo(photo.read(), channels)
                if images.FAULT in image.info:
                    raise images.BadPhotoError(f"damaged: {image.info[images.FAULT]}")
                yield photo, photo.mend(image) if photo.mend else image
            except (ValueError, *archives.DAMAGED) as error:
                reject(photo, error)

    def _write_rejected(self, rejected: list[tuple[str, str]]) -> None:
        with Path(self.data_dir, "rejected.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("file_name", "reason"), *rejected])


def _example(photo: Photo, crop: Image.Image) -> dict[str, Any]:
    fields = photo._asdict()
    for unwritten in ("read", "locate", "mend"):
        del fields[unwritten]
    return {"image": images.png_bytes(crop), **fields}


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
    name += (f"_read_{made_with()}" if detect else "") + style.suffix
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


class Shown:
    """Whose photos have which pixels."""

    def __init__(self):
        self._first: dict[bytes, tuple[str, str]] = {}  # person and file
        self.twins: list[tuple[str, str]] = []  # files with equal pixels, of two people

    def add(self, photo: Photo, image: Image.Image) -> None:
        """Notes a photo."""
        digest = hashlib.sha256(repr(image.size).encode() + image.tobytes()).digest()
        person, file = self._first.setdefault(digest, (photo.subject, photo.file_name))
        if person != photo.subject:
            self.twins.append((file, photo.file_name))


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
