"""The photos that teach to read heads: their landmarks, and the heads fitted to these."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from facealign.data.datasets import (
    archives,
    cfp,
    lfw,
    mesh_points,
    mugshots,
    orl_faces,
    photo_set,
    schema,
)
from facealign.errors import UserError
from facealign.geometry import camera as cameras
from facealign.geometry import fit as fits
from facealign.geometry import frame, generic_face
from facealign.geometry import head as heads
from facealign.geometry.camera import Camera
from facealign.geometry.fit import Head
from facealign.geometry.head import HeadModel, load_head
from facealign.geometry.head_points import MIRROR, create_points

BATCH = 64  # heads fitted at a time
GUESSED = 0.3  # weight of landmarks that MediaPipe guesses, and of poses that it flattens
TURNED = 25.0  # degrees of yaw from which it guesses the far side
SATURATED = 35.0  # degrees of yaw from which MediaPipe's poses are too small
PROFILE = 82.0  # degrees of yaw of a true profile, on average; the web has no exact ones
# CFP's 30 points of the side of a profile that is seen, looking to the right -> iBUG's 68.
FIDUCIALS = np.array([
    *range(9), 17, 19, 21, *(36, 37, 38, 39, 41, 40), *range(27, 31), *(33, 32, 31),
    *(48, 51, 62, 57, 66),
])  # fmt: skip
OUTLINE = 0.3  # weight of CFP's jaw and brow, which it places by the visible outline
# Landmarks of a profile that are at one place of the head, not where its outline happens to be.
SOLID = np.array([36, 37, 38, 40, 41, 28, 29, 30, 31, 32, 33, 48, 51, 57, 62, 66])


class Known(NamedTuple):
    """A photo with landmarks."""

    photo: photo_set.Photo
    landmarks: np.ndarray  # [68, 2] in px, nan where unknown
    weights: np.ndarray  # [68]; 0 where unknown
    mesh: np.ndarray | None  # MediaPipe's points [468, 2], or None for a profile


def list_known(name: str, data: Any, data_dir: str) -> Iterator[Known]:
    """The photos of lfw, cfp, mugshots or orl_faces whose landmarks are known.

    Raises:
      UserError: the photos or the landmarks are missing.
    """
    chosen, points = mesh_points.read_points()
    place = photo_set.manual_folder(data, data_dir)
    fiducials = read_fiducials(place) if name == "cfp" else {}
    for photo in LISTS[name](data, data_dir):
        stem = photo.file_name.rsplit(".", 1)[0]
        keys = {"lfw": f"lfw/{stem.split('/')[-1]}", "cfp": f"cfp/{stem}"}
        key = keys.get(name, f"{name}/{photo.file_name.removeprefix('mugshots/')}")
        if key in points:
            mesh = mesh_points.whole(chosen, points[key][None])[0]
            yield Known(photo, mesh[generic_face.LANDMARKS], np.ones(68, np.float32), mesh)
        elif stem in fiducials and schema.split_of(photo.subject) != "test":
            yield Known(photo, *fiducials[stem], None)


def read_fiducials(place: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Landmarks [68, 2] in px and their weights [68] of CFP's profiles, by `ID/profile/NN`."""
    source = archives.find_source([place], cfp.SOURCES)
    _, texts = cfp.read_texts(source) if source else ([], {})
    found = {}
    for key, text in texts.items():
        points = np.array([line.split(",") for line in text.split()], np.float64)
        if "/profile/" not in key or points.shape != (cfp.POINTS, 2):
            continue
        looks_right = points[cfp.NOSE, 0] > points[cfp.EYE, 0].mean()
        place_of = FIDUCIALS if looks_right else MIRROR[FIDUCIALS]
        landmarks, weights = np.full((68, 2), np.nan), np.zeros(68, np.float32)
        landmarks[place_of] = points
        weights[place_of] = np.where(np.arange(cfp.POINTS) < cfp.EYE.start, OUTLINE, 1)
        found[key] = landmarks, weights
    return found


def stamp(name: str, data: Any, data_dir: str) -> str:
    """Name, size and date of the archive or folder of a set; "" for orl_faces or for none."""
    sources = {"lfw": lfw.SOURCES, "cfp": cfp.SOURCES, "mugshots": mugshots.SOURCES}
    places = [photo_set.manual_folder(data, data_dir)]
    if name == "lfw":
        places = lfw.find_places(data, data_dir)
    return photo_set.stamp(archives.find_source(places, sources.get(name, ())))


def fit_all(known: list[Known]) -> Head:
    """The heads of photos, fitted in batches; profiles get the mean head. NumPy.

    Raises:
      UserError: there are none.
    """
    if not known:
        raise UserError("nobody in this split has a known head; add photos of more people")
    model = load_head()
    points, parts = create_points(model, "mesh"), []
    none = np.full((mesh_points.COUNT, 2), np.nan)
    for start in range(0, len(known), BATCH):
        rows = known[start : start + BATCH]
        meshes = np.array([none if row.mesh is None else row.mesh for row in rows])
        meshes = np.resize(meshes, (BATCH, *none.shape))  # so that it compiles once
        head = fits.fit(meshes, np.ones(meshes.shape[:2]), model, points)
        parts.append([np.array(array)[: len(rows)] for array in jax.tree.leaves(head)])
    together = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    fitted = jax.tree.unflatten(jax.tree.structure(head), together)
    for i in (i for i, row in enumerate(known) if row.mesh is None):
        for array, value in zip(fitted.camera, see_profile(model, known[i].landmarks), strict=True):
            array[i] = value
    return fitted


def see_profile(model: HeadModel, landmarks: np.ndarray) -> Camera:
    """The camera of a true profile with landmarks [68, 2] in px: the mean head from the side.

    Two points of a profile that are not in front of one another are few, so a free fit goes wrong.
    """
    solid = np.isfinite(landmarks[:, 0]) & np.isin(np.arange(68), [SOLID, MIRROR[SOLID]])
    side = np.sign(landmarks[30, 0] - np.nanmean(landmarks[36:48, 0]))
    rotation = cameras.rotation_of(np.array([side * PROFILE, 0.0, 0.0]))
    camera = Camera(rotation, np.float32(1), np.zeros(2, np.float32))
    seen = np.asarray(cameras.project(heads.landmarks68(model, model.mean), camera))[:, :2]
    matrix = frame.similarity(seen[solid], landmarks[solid])
    return cameras.transformed(camera, matrix)


def _list_lfw(data: Any, data_dir: str) -> Iterator[photo_set.Photo]:
    places = lfw.find_places(data, data_dir)
    source = archives.find_source(places, lfw.SOURCES)
    if source:  # else nothing is downloaded, since the download is another archive
        for photo in lfw.list_lfw(places, "unrestricted", bool, detect=False):
            if photo.mend is None:
                break
            yield photo
        else:
            return
    raise UserError(
        "the known landmarks of LFW are those of its deep-funneled archive, and "
        f"{places[0]} has {source.name if source else 'none'}; put lfw-deepfunneled.tar there"
    )


LISTS: dict[str, Callable[[Any, str], Iterator[photo_set.Photo]]] = {
    "lfw": _list_lfw,
    "cfp": lambda data, data_dir: cfp.list_cfp(photo_set.manual_folder(data, data_dir)),
    "mugshots": lambda data, data_dir: mugshots.list_mugshots(
        photo_set.manual_folder(data, data_dir)
    ),
    "orl_faces": lambda data, data_dir: orl_faces.list_photos(),
}
