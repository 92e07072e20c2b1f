"""Labeled Faces in the Wild: 13,233 news photos of 5,749 people. Huang et al., 2007."""

import csv
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facealign import images
from facealign.data.datasets import archives, download, photo_set, schema
from facealign.faces.dlib_tools import CANONICAL_BOX

SOURCES = ("lfw*.tgz", "lfw*.tar*", "lfw*.zip", "lfw*/")
ADDRESSES = (
    "https://api.figshare.com/v2/file/download/5976018",
    "https://ndownloader.figshare.com/files/5976018",
)
SHA256 = "055f7d9c632d7370e6fb4afc7468d40f970c34a80d4c6f50ffec63f5a8d536c0"  # the colour archive
PHOTO = (250, 250)  # px
# px: left, top, right, bottom. The face at its native 128 px: the canonical crop of the aligned
# archive. The original and the funneled archives are centred too, less exactly; same box.
CROP = (61, 61, 189, 189)
YAW_FILE = Path(__file__).with_name("lfw_yaw.csv")  # made by benchmarks/label_yaw.py
FRONTAL = "lfw-frontal"  # dataset of frontal photos of half of the people


def create_builder(data: Any, data_dir: str) -> photo_set.PhotoSet:
    """The builder for lfw.tgz or a folder lfw/ in `config.data.manual_dir`, else for a download.

    Has all people, but leaves out those of `lfw-frontal` if that is the restricted dataset.

    Raises:
      UserError: `config.data.faces` is unknown.
    """
    apart, detect = FRONTAL in data.restricted.split("+"), photo_set.detects(data)

    def is_wanted(subject: str) -> bool:
        return not (apart and schema.in_restricted_half(subject))

    return photo_set.create_photo_set(
        f"lfw{'_apart' * apart}_{photo_set.source_key(data)}",
        "1.1.0",
        f"Labeled Faces in the Wild in {photo_set.manual_folder(data, data_dir)}",
        lambda: list_lfw(find_places(data, data_dir), "unrestricted", is_wanted, detect),
        data_dir,
        detect,
        lambda: archives.find_source(find_places(data, data_dir), SOURCES),
    )


def create_frontal_builder(data: Any, data_dir: str) -> photo_set.PhotoSet:
    """The builder for half of the people of `lfw`; the pose of a photo decides its domain."""
    wanted = schema.in_restricted_half
    return photo_set.create_photo_set(
        f"lfw_frontal_{photo_set.source_key(data)}",
        "1.0.0",
        f"half of Labeled Faces in the Wild in {photo_set.manual_folder(data, data_dir)}",
        lambda: list_lfw(find_places(data, data_dir), "", wanted, detect=True),
        data_dir,
        True,
        lambda: archives.find_source(find_places(data, data_dir), SOURCES),
    )


@functools.cache
def read_yaw() -> dict[str, float]:
    """Yaw in degrees of photos of training people, by photo (Name_0001), measured by MediaPipe."""
    with YAW_FILE.open(newline="", encoding="utf-8") as file:
        return {row["photo"]: float(row["yaw"]) for row in csv.DictReader(file)}


def find_places(data: Any, data_dir: str) -> tuple[Path, Path]:
    """Folders that may have the photos; downloads go to the last one."""
    return photo_set.manual_folder(data, data_dir), Path(data_dir, "downloads", "manual")


def list_lfw(
    places: tuple[Path, Path], domain: str, is_wanted: Callable[[str], bool], detect: bool
) -> Iterator[photo_set.Photo]:
    """The photos of wanted subjects; subject = folder. With a domain, also their known yaws.

    Photos of the original archives are in colour and not aligned. `detect` searches them for
    faces; without it they are cut like aligned ones, since their faces are centred.

    Raises:
      UserError: LFW is in no folder and cannot be downloaded.
    """
    source = archives.find_source(places, SOURCES) or download.fetch(
        ADDRESSES, SHA256, places[-1] / "lfw.tgz", f"put lfw.tgz or a folder lfw/ in {places[0]}"
    )
    aligned = None
    for name, read in archives.walk(source):
        folder, _, file = name.rpartition("/")
        if folder and images.is_photo(file):
            if aligned is None:  # the first photo decides for all
                aligned = not detect or images.is_gray(read())
            person = folder.split("/")[-1]
            subject = schema.subject_name(person)
            if is_wanted(subject):
                cut = cut_face if aligned else None
                box = CANONICAL_BOX if aligned else None
                yaw = read_yaw().get(Path(file).stem, np.nan) if domain else np.nan
                yield photo_set.Photo(f"{person}/{file}", subject, domain, read, cut, yaw, box=box)


def cut_face(image: Image.Image) -> Image.Image:
    """The face of a photo of 250 x 250 px.

    Raises:
      ValueError: it has another size.
    """
    if image.size != PHOTO:
        raise ValueError(f"{image.width} x {image.height} px; photos of LFW have 250 x 250")
    return image.crop(CROP)
