"""Points in photos of training people: MediaPipe's mesh, and the fiducials of CFP's profiles."""

import dataclasses
import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from facealign.data.datasets import cfp, schema
from facealign.data.datasets.head_lists import FIDUCIALS, MIRROR

MOST_PHOTOS, MOST_FRONTAL = 3, 6  # of one person of LFW, of CFP besides profiles
# How well-defined they are. Those of the jaw slide along it. Before 90 degrees, what is seen as the
# root of the nose lies beyond it, and the nose hides the inner corner of the eye.
FIDUCIAL_TRUST = np.ones(cfp.POINTS)
FIDUCIAL_TRUST[[3, 4, 5, 6, 7, 18]] = 0
FIDUCIAL_TRUST[[9, 10, 11, 14, 15, 17, 19, 23, 24]] = 0.3
FIDUCIAL_TRUST[[0, 1, 2, 8, 16]] = 0.6


@dataclasses.dataclass(frozen=True)
class Photo:
    """Points of a photo.

    Attributes:
      places: float [N, 2] in px.
      profile: 90 or -90 degrees for a profile, where places are FIDUCIALS; else 0, MediaPipe's 468.
      neutral: whether the person was told to look neutral.
    """

    name: str
    places: np.ndarray
    profile: float = 0.0
    neutral: bool = False


def subject_of(name: str, people: list[str]) -> str:
    """The subject of a photo, from its path; `people` are the names in CFP's list."""
    path = Path(name)
    if match := cfp.NAME.fullmatch(name):
        return cfp.subject_of(people[int(match[2]) - 1])
    if path.parent.name == "mugshots":
        return "_".join(path.stem.split("_")[:2])
    return schema.subject_name(path.parent.name)


def read_photos(files: list[Path], people: list[str]) -> dict[str, list[Photo]]:
    """The photos with a found face, by subject, of npz files with `names` and `points`.

    The files are those of benchmarks/peers/mediapipe_points.py.
    """
    photos = defaultdict(list)
    for file in files:
        with np.load(file) as arrays:
            names, points = arrays["names"], arrays["points"].astype(np.float64)
        for name, places in zip(names.tolist(), points, strict=True):
            if np.isfinite(places).all():
                neutral = name.endswith("_neutral.jpg")
                photos[subject_of(name, people)].append(Photo(name, places, 0.0, neutral))
    return dict(photos)


def read_profiles(source: Path) -> dict[str, list[Photo]]:
    """CFP's profiles with their fiducials, by subject; `source` is its folder or archive."""
    people, fiducials = cfp.read_texts(source)
    photos = defaultdict(list)
    for key, text in fiducials.items():
        number, kind, _ = key.split("/")
        rows = re.findall(r"(\S+),(\S+)", text)
        if kind != "profile" or len(rows) != cfp.POINTS:
            continue
        places = np.array(rows, np.float64)
        right = places[cfp.NOSE, 0] > places[cfp.EYE, 0].mean()
        photo = Photo(f"{key}.jpg", places, 90.0 if right else -90.0)
        photos[cfp.subject_of(people[int(number) - 1])].append(photo)
    return dict(photos)


def fiducials_of(photo: Photo) -> np.ndarray:
    """The landmarks, of 68, that the places of a profile are: of the side that is seen."""
    # A face that looks to the right shows the side that is on the left of a frontal photo.
    return FIDUCIALS if photo.profile > 0 else MIRROR[FIDUCIALS]


def training_people(
    mesh: dict[str, list[Photo]], profiles: dict[str, list[Photo]], most: int
) -> list[list[Photo]]:
    """Photos of training people, a list a person: those in CFP or portraits, `most` others.

    Of the others, those with most photos come first, since several say more about a shape. CFP's
    profiles count with their fiducials only: MediaPipe guesses there.
    """
    chosen, others = [], []
    for subject, photos in sorted(mesh.items()):
        if schema.split_of(subject) != "train":
            continue
        photos = [photo for photo in photos if "/profile/" not in photo.name]
        if subject in profiles or any(photo.neutral for photo in photos):
            chosen.append(photos[:MOST_FRONTAL] + profiles.get(subject, []))
        elif photos:
            others.append(photos[:MOST_PHOTOS])
    others.sort(key=len, reverse=True)
    return chosen + others[:most]
