"""Labeled Faces in the Wild: 13,233 news photos of 5,749 people. Huang et al., 2007."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from facealign.datasets import download, examples, photo_files, photos

SOURCES = ("lfw*.tgz", "lfw*.tar*", "lfw*.zip", "lfw*/")
ADDRESSES = (
    "https://api.figshare.com/v2/file/download/5976018",
    "https://ndownloader.figshare.com/files/5976018",
)
SHA256 = "055f7d9c632d7370e6fb4afc7468d40f970c34a80d4c6f50ffec63f5a8d536c0"  # the colour archive
PHOTO = (250, 250)  # px
# px: left, top, right, bottom. A native 128 px face: the canonical crop of the aligned archive.
# The original and the funneled colour archives centre faces too, less exactly; same box.
CROP = (61, 61, 189, 189)


def create_builder(data: Any, data_dir: str) -> photos.PhotoSet:
    """The builder for lfw.tgz or a folder lfw/ in `config.data.manual_dir`, else a download."""
    places = (photos.manual_folder(data, data_dir), Path(data_dir, "downloads", "manual"))
    return photos.create_photo_set(
        f"lfw_{photos.source_key(data)}",
        "1.0.0",
        f"Labeled Faces in the Wild in {places[0]}",
        lambda: list_lfw(places),
        data_dir,
    )


def list_lfw(places: tuple[Path, Path]) -> Iterator[photos.Photo]:
    """All photos, unrestricted; subject = folder. Downloads to the last place if none has them.

    Raises:
      UserError: it is in no place and cannot be downloaded.
    """
    source = photo_files.find_source(places, SOURCES) or download.fetch(
        ADDRESSES, SHA256, places[-1] / "lfw.tgz", f"put lfw.tgz or a folder lfw/ in {places[0]}"
    )
    for name, read in photo_files.walk(source):
        folder, _, file = name.rpartition("/")
        if folder and photo_files.is_photo(file):
            person = folder.split("/")[-1]
            yield photos.Photo(
                f"{person}/{file}", examples.subject_name(person), "unrestricted", read, cut_face
            )


def cut_face(image: Image.Image) -> Image.Image:
    """The face of a photo of 250 x 250 px.

    Raises:
      ValueError: it has another size.
    """
    if image.size != PHOTO:
        raise ValueError(f"{image.width} x {image.height} px; photos of LFW have 250 x 250")
    return image.crop(CROP)
