"""Measures `facealign/data/datasets/lfw_frames.csv`: where the face is in each photo of LFW.

`python benchmarks/label_frames.py --points=FILE`; FILE is what `peers/mediapipe_points.py` found in
the photos of the deep-funneled archive of Labeled Faces in the Wild. A row says how a photo is
moved to the canonical crop: by (scale) x (cosine, sine) of its rotation and by the shift in px.
MediaPipe has the tip of the nose lower than the canonical crop. So photos are moved to where the
mean face of near-frontal training people is, once that is moved to the canonical landmarks.
"""

import csv
from pathlib import Path

import numpy as np
from common import create_parser, read_npz, run_main

from facealign.data.datasets import lfw, schema
from facealign.geometry import frame, generic_face

FRONTAL = 8.0  # degrees of yaw


def mean_face(five: np.ndarray, photos: list[Path]) -> np.ndarray:
    """Where the five points of the mean near-frontal training face lie in the canonical crop."""
    yaws = lfw.read_yaw()  # of training people only
    near = [
        abs(yaws.get(photo.stem, np.inf)) < FRONTAL
        and schema.split_of(photo.parent.name) == "train"
        for photo in photos
    ]
    mean = np.nanmean(five[np.array(near)], axis=0)
    print(f"mean of {sum(near)} near-frontal photos, px of the photo:\n{mean.round(1)}")
    return frame.apply(frame.similarity(mean, frame.FIVE_POINTS), mean)


def write_frames(path: Path, found: dict[str, np.ndarray]) -> None:
    """Writes similarities [2, 3] from photos to their canonical crops, by photo."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("photo", "cosine", "sine", "right", "down"))
        for photo, ((cosine, _, right), (sine, _, down)) in found.items():
            rows.writerow((photo, f"{cosine:.4f}", f"{sine:.4f}", f"{right:.1f}", f"{down:.1f}"))


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("--points", required=True, help="npz of peers/mediapipe_points.py")
    found = read_npz(parser.parse_args().points)
    photos = [Path(name) for name in found["names"].tolist()]
    five = np.array([frame.five_points(p[generic_face.LANDMARKS]) for p in found["points"]])
    target = mean_face(five, photos)
    print(f"its place in the canonical crop, px:\n{target.round(1)}")
    seen = np.isfinite(five).all(axis=(1, 2))
    found = zip(np.array(photos)[seen], five[seen], strict=True)
    write_frames(
        lfw.FRAMES_FILE,
        {photo.stem: frame.similarity(points, target) for photo, points in found},
    )
    print(f"{seen.sum()} of {len(photos)} photos: {lfw.FRAMES_FILE}")


if __name__ == "__main__":
    run_main(main)
