"""Labeled Faces in the Wild: 13,233 news photos of 5,749 people. Huang et al., 2007."""

import csv
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.spatial import ConvexHull

from facealign import images
from facealign.data.datasets import archives, crops, download, photo_set, schema

SOURCES = ("lfw*deepfunneled*", "lfw*.tgz", "lfw*.tar*", "lfw*.zip", "lfw*/")
ADDRESSES = (
    "https://api.figshare.com/v2/file/download/5976018",
    "https://ndownloader.figshare.com/files/5976018",
)
SHA256 = "055f7d9c632d7370e6fb4afc7468d40f970c34a80d4c6f50ffec63f5a8d536c0"  # the colour archive
PHOTO = (250, 250)  # px
# px: left and top of the canonical crop in the aligned gray archive, where it has 128 px. The
# original and the funneled archives are centred too, less exactly; same place.
CORNER = (61, 61)
DEEP = "deepfunneled"  # in the name of the folder of the deep-funneled archive
YAW_FILE = Path(__file__).with_name("lfw_yaw.csv")  # made by benchmarks/label_yaw.py
FRAMES_FILE = Path(__file__).with_name("lfw_frames.csv")  # made by benchmarks/label_frames.py
BLACK = 8  # largest value of a pixel of a wedge, as far as JPEG keeps it black
EDGE = 4  # px around a wedge that rotation and JPEG darkened
SPECK = 1  # px: half the largest size of specks in a wedge
MOST = 0.33  # largest share of wedges in a photo
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
        "1.2.0",
        f"Labeled Faces in the Wild in {photo_set.manual_folder(data, data_dir)}",
        lambda: list_lfw(find_places(data, data_dir), "unrestricted", is_wanted, detect),
        data_dir,
        detect,
        crops.create_style(data),
        lambda: archives.find_source(find_places(data, data_dir), SOURCES),
    )


def create_frontal_builder(data: Any, data_dir: str) -> photo_set.PhotoSet:
    """The builder for half of the people of `lfw`; the pose of a photo decides its domain."""
    wanted = schema.in_restricted_half
    return photo_set.create_photo_set(
        f"lfw_frontal_{photo_set.source_key(data)}",
        "1.1.0",
        f"half of Labeled Faces in the Wild in {photo_set.manual_folder(data, data_dir)}",
        lambda: list_lfw(find_places(data, data_dir), "", wanted, detect=True),
        data_dir,
        True,
        crops.create_style(data),
        lambda: archives.find_source(find_places(data, data_dir), SOURCES),
    )


@functools.cache
def read_yaw() -> dict[str, float]:
    """Yaw in degrees of photos of training people, by photo (Name_0001), measured by MediaPipe."""
    with YAW_FILE.open(newline="", encoding="utf-8") as file:
        return {row["photo"]: float(row["yaw"]) for row in csv.DictReader(file)}


@functools.cache
def read_frames() -> dict[str, np.ndarray]:
    """Transformations [2, 3] of photos to the canonical crop, by photo (Name_0001).

    For the deep-funneled archive, measured with MediaPipe's points.
    """
    return crops.read_frames(FRAMES_FILE)


def find_places(data: Any, data_dir: str) -> tuple[Path, Path]:
    """Folders that may have the photos; downloads go to the last one."""
    return photo_set.manual_folder(data, data_dir), Path(data_dir, "downloads", "manual")


def list_lfw(
    places: tuple[Path, Path], domain: str, is_wanted: Callable[[str], bool], detect: bool
) -> Iterator[photo_set.Photo]:
    """The photos of wanted subjects; subject = folder. With a domain, also their known yaws.

    Faces of the deep-funneled archive are where FRAMES_FILE says. Other photos in colour are not
    aligned: `detect` searches them for faces; without it they are cut like the aligned gray ones,
    since their faces are centred.

    Raises:
      UserError: LFW is in no folder and cannot be downloaded.
    """
    source = archives.find_source(places, SOURCES) or download.fetch(
        ADDRESSES, SHA256, places[-1] / "lfw.tgz", f"put lfw.tgz or a folder lfw/ in {places[0]}"
    )
    place = None
    for name, read in archives.walk(source):
        folder, _, file = name.rpartition("/")
        if folder and images.is_photo(file):
            person, stem = folder.split("/")[-1], Path(file).stem
            if place is None:  # the first photo decides for all
                deep = DEEP in name or DEEP in source.name
                place = _place_deep if deep else _make_place(not detect or images.is_gray(read()))
            subject = schema.subject_name(person)
            if is_wanted(subject):
                yaw = read_yaw().get(stem, np.nan) if domain else np.nan
                photo = photo_set.Photo(f"{person}/{file}", subject, domain, read, None, yaw)
                yield place(photo, stem)


def _place_deep(photo: photo_set.Photo, stem: str) -> photo_set.Photo:
    """A photo of the deep-funneled archive with the place of its face."""
    matrix = read_frames().get(stem)
    # The only photo in which MediaPipe finds no face is cut like those of the aligned archive.
    locate = locate_face if matrix is None else crops.at(matrix)
    return photo._replace(locate=locate, mend=fill_wedges)


def _make_place(aligned: bool) -> Callable[[photo_set.Photo, str], photo_set.Photo]:
    """Returns a function that gives a photo of another archive the place of its face."""

    def place(photo: photo_set.Photo, _: str) -> photo_set.Photo:
        return photo._replace(locate=locate_face) if aligned else photo

    return place


def locate_face(image: Image.Image) -> np.ndarray:
    """The transformation [2, 3] of a photo of 250 x 250 px to its canonical crop.

    Raises:
      ValueError: it has another size.
    """
    if image.size != PHOTO:
        raise ValueError(f"{image.width} x {image.height} px; photos of LFW have 250 x 250")
    return np.column_stack([np.eye(2), np.negative(CORNER)])


def fill_wedges(image: Image.Image) -> Image.Image:
    """A photo whose black wedges, left by a rotation, repeat the pixels beside them.

    A rotated photo is convex. So wedges are what is black outside of the convex hull of all that is
    not black. A hull that is small is that of a head before a black wall; then nothing is filled.
    """
    pixels = np.asarray(image)
    shown = (pixels.reshape(*pixels.shape[:2], -1) > BLACK).any(axis=-1)
    shown = ndimage.binary_erosion(shown, iterations=SPECK, border_value=1)
    shown = ndimage.binary_dilation(shown, iterations=SPECK)  # without specks, which JPEG makes
    if shown.mean() < 1 - MOST or shown.all():
        return image
    rows = np.flatnonzero(shown.any(axis=1))
    first = shown.argmax(axis=1)[rows]
    last = shown.shape[1] - 1 - shown[:, ::-1].argmax(axis=1)[rows]
    ends = np.concatenate([np.stack([first, rows], axis=1), np.stack([last, rows], axis=1)])
    y, x = np.indices(shown.shape)
    wedges = np.zeros_like(shown)
    for right, down, offset in ConvexHull(ends).equations:  # of its sides, outwards
        wedges |= right * x + down * y + offset > 0.5
    if not wedges.any() or wedges.mean() > MOST:
        return image
    wedges = ndimage.binary_dilation(wedges, iterations=EDGE)
    nearest = ndimage.distance_transform_edt(wedges, return_distances=False, return_indices=True)
    return Image.fromarray(pixels[tuple(nearest)])
