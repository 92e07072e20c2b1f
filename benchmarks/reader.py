"""How well the reader reads people that it never saw.

`python benchmarks/reader.py --points=FOLDER --manual_dir=PHOTOS`; FOLDER has `lfw.npz` and
`mugshots.npz`, each what `peers/mediapipe_points.py` found in the photos of that set. Photos of LFW
and CFP are raw: a face is found in each first, as `--mode=align` does. Portraits are turned by
known angles. Needs requirements-faces.txt.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from common import add_data_flags, create_parser, read_npz, run_main
from PIL import Image

from configs import base
from facealign import images
from facealign.data.datasets import head_lists, heads, schema
from facealign.faces.mmod import load_layers, search_upright
from facealign.faces.numpy_cnn import Layer
from facealign.faces.reading import HeadReader, Reading, around_box, load_reader, read_heads
from facealign.geometry import camera as cameras
from facealign.geometry import frame, generic_face
from facealign.geometry.fit import pose_of
from facealign.geometry.head import load_head
from facealign.geometry.head_points import bend, create_points
from facealign.geometry.reader_window import STORED, STORED_WIDTH

BATCH = 64  # photos read at a time
YAWS = (15, 30, 45, 60, 75, 90)  # degrees, to either side


class Faces(NamedTuple):
    """Raw photos and what is known of the face in each."""

    photos: list[Image.Image]
    truth: list[np.ndarray]  # [68, 2] px, nan where unknown
    side: list[float]  # px of the photo that the canonical crop covers


def load_faces(name: str, points: Path, data: object, split: str, limit: int) -> Faces:
    """Evenly spaced photos of a split with MediaPipe's points; of CFP true profiles, its own."""
    fiducials, mesh = {}, {}
    if name == "cfp":
        fiducials = head_lists.read_fiducials(Path(data.manual_dir))
    else:
        found = read_npz(points / f"{name}.npz")
        names = ("/".join(Path(n).parts[-2:]) for n in found["names"].tolist())
        mesh = dict(zip(names, found["points"], strict=True))
    listed = [
        photo
        for photo in head_lists.LISTS[name](data, "")
        if schema.split_of(photo.subject) == split
        and (name != "cfp" or photo.file_name.rsplit(".", 1)[0] in fiducials)
    ]
    spaced = np.linspace(0, len(listed) - 1, min(limit, len(listed))).astype(int)
    chosen = {listed[i].file_name for i in spaced}
    faces = Faces([], [], [])
    for photo in head_lists.LISTS[name](data, ""):
        if photo.file_name not in chosen:
            continue
        if name == "cfp":
            truth = fiducials[photo.file_name.rsplit(".", 1)[0]][0]
        else:
            truth = mesh[photo.file_name][generic_face.LANDMARKS]
        image = images.read_photo(photo.read(), 3)
        faces.photos.append(image)
        faces.truth.append(truth)
        faces.side.append(frame.side_in_photo(photo.locate(image.convert("L"))))
    return faces


def read_faces(
    reader: HeadReader, faces: Faces, layers: Sequence[Layer]
) -> tuple[np.ndarray, list[Reading]]:
    """Which photos have a face near the known one, and what is read of these, in parts."""
    windows, rows = [], []
    for row, photo in enumerate(faces.photos):
        middle = np.nanmean(faces.truth[row], axis=0)
        for box in search_upright(layers, photo.convert("L")).boxes:
            if box[0] < middle[0] < box[2] and box[1] < middle[1] < box[3]:
                windows.append(around_box(box))
                rows.append(row)
                break
    parts = [
        read_heads(reader, [faces.photos[r] for r in rows[i : i + BATCH]], windows[i : i + BATCH])
        for i in range(0, len(rows), BATCH)
    ]
    start = time.perf_counter()  # everything is compiled now
    read_heads(reader, [faces.photos[r] for r in rows[:BATCH]], windows[:BATCH])
    took = (time.perf_counter() - start) / len(rows[:BATCH])
    print(f"{1e3 * took:.1f} ms a face to read it, in batches of 16, fit and windows included")
    return np.array(rows), parts


def show(name: str, reader: HeadReader, faces: Faces, layers: Sequence[Layer]) -> None:
    """Prints the errors of the network's landmarks and of the fitted head."""
    rows, parts = read_faces(reader, faces, layers)
    landmarks = np.concatenate([part.landmarks for part in parts])
    errors = np.concatenate([part.head.error for part in parts])
    poses = np.concatenate([np.asarray(pose_of(part.head)) for part in parts])
    truth = np.array([faces.truth[r] for r in rows])
    px = 128 / np.array([faces.side[r] for r in rows])[:, None]
    model_points = create_points(load_head(), "landmarks")
    fitted = np.concatenate([_project(part, model_points) for part in parts])
    if name == "cfp":  # the visible eye, the nose tip, the visible mouth corner
        measures = {"eye, nose, mouth": _visible}
    else:
        measures = {"68": lambda points, _: points, "five": _five}
    for what, pick in measures.items():
        known = pick(truth, truth)
        for who, found in (("network", landmarks), ("fitted head", fitted)):
            error = px * np.linalg.norm(pick(found, truth) - known, axis=-1)
            print(
                f"{name}: {len(rows)} of {len(faces.photos)} found; {what} landmarks of the {who}: "
                f"median {np.nanmedian(error):.2f} px of 128, 9 of 10 below "
                f"{np.nanpercentile(error, 90):.2f}"
            )
    print(
        f"{name}: reprojection {np.median(errors):.2f} px (9 of 10 below "
        f"{np.percentile(errors, 90):.2f}), |yaw| {np.median(np.abs(poses[:, 0])):.0f} degrees"
    )


def _project(part: Reading, points: object) -> np.ndarray:
    """The 68 landmarks [N, 68, 2] of fitted heads."""
    head = part.head
    bent = bend(points, head.identity, head.expression)
    return np.asarray(cameras.project(bent, head.camera))[..., :2]


def _visible(points: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Eye centre, nose tip and mouth corner [N, 3, 2] of the side whose truth is known."""
    left = np.isfinite(truth[:, 36, 0])[:, None]
    eye = np.where(left, points[:, 36:42].mean(axis=1), points[:, 42:48].mean(axis=1))
    mouth = np.where(left, points[:, 48], points[:, 54])
    return np.stack([eye, points[:, 30], mouth], axis=1)


def _five(points: np.ndarray, _: np.ndarray) -> np.ndarray:
    return np.array([frame.five_points(each) for each in points])


def show_turned(reader: HeadReader, points: Path, data: object, split: str) -> None:
    """Prints the error of yaw of portraits that are turned by known angles."""
    found = read_npz(points / "mugshots.npz")
    mesh = {Path(n).name: p for n, p in zip(found["names"].tolist(), found["points"], strict=True)}
    known, photos = [], []
    for photo in head_lists.LISTS["mugshots"](data, ""):
        place = mesh[Path(photo.file_name).name]
        if schema.split_of(photo.subject) == split and np.isfinite(place).all():
            landmarks = place[generic_face.LANDMARKS]
            known.append(head_lists.Known(photo, landmarks, np.ones(68), place))
            photos.append(images.read_photo(photo.read(), 3))
    turner, rng = heads.Turner(known, head_lists.fit_all(known)), np.random.default_rng(0)
    # As a detector finds a face, from brow to chin: 13.75 of the 30 cm of a stored window.
    middle, half = STORED / 2, 13.75 / STORED_WIDTH * STORED / 2
    box = tuple(round(middle + sign * half) for sign in (-1, -1, 1, 1))
    for size in YAWS:
        turned = [
            turner.turn(i, photo, np.array([sign * size, 0.0, 0.0]), rng)
            for i, photo in enumerate(photos)
            for sign in (-1, 1)
        ]
        pictures = [Image.fromarray(example["image"]) for example in turned]
        reading = read_heads(reader, pictures, [around_box(box)] * len(pictures))
        truth = np.array([example["yaw"] for example in turned])
        errors = np.abs(np.asarray(pose_of(reading.head))[:, 0] - truth)
        print(
            f"turned by {size}: yaw off by {np.median(errors):.1f} degrees (median), 9 of 10 below "
            f"{np.percentile(errors, 90):.1f}; {len(errors)} pictures"
        )


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("--points", required=True, help="folder of npz files")
    parser.add_argument("--weights", default="", help="packed weights; the shipped ones")
    parser.add_argument("--split", default="test", choices=["validation", "test"])
    parser.add_argument("--limit", type=int, default=400, help="photos of each set")
    add_data_flags(parser)
    args = parser.parse_args()
    data = base.get_config().data
    data.update(data_dir=args.data_dir, manual_dir=args.manual_dir)
    reader, layers = load_reader(args.weights or None), load_layers()
    for name in ("lfw", "cfp"):
        faces = load_faces(name, Path(args.points), data, args.split, args.limit)
        show(name, reader, faces, layers)
    show_turned(reader, Path(args.points), data, args.split)


if __name__ == "__main__":
    run_main(main)
