"""How alike the crops of datasets are: `python benchmarks/crops.py lfw mugshots --out=FOLDER`.

For each dataset, prints photos, people and the reasons for which photos were rejected. With
requirements-faces.txt installed, also how far the landmarks of near-frontal crops lie from the
canonical points, in px. With --out, writes a sheet of 64 crops and the mean crop; profiles have
their own. Marks between the crops of a sheet are at the canonical heights of eyes and mouth.
"""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from common import add_data_flags, create_parser, run_main
from PIL import Image

from configs import base
from facealign.data.datasets.table import DATASETS
from facealign.data.load import Examples, load_examples
from facealign.errors import UserError, lookup
from facealign.faces.dlib_tools import DlibTools, load_dlib
from facealign.geometry import frame
from facealign.geometry.frame import five_points
from facealign.geometry.pose import estimate_pose

PROFILE = 60.0  # degrees of yaw from which on a photo is one
SIDE = 8  # crops in a row and in a column of a sheet
GAP = 6  # px between crops


def load_all(data: Any, name: str) -> tuple[Examples, list[str]]:
    """The examples of all splits, and the reasons for which other photos were rejected."""
    builder = lookup(DATASETS, name, "dataset")(data, data.data_dir)
    builder.download_and_prepare()
    parts = [load_examples(data, name, split) for split in builder.info.splits]
    found = {field: np.concatenate([part[field] for part in parts]) for field in parts[0]}
    rejected = Path(builder.data_dir, "rejected.csv")
    if not rejected.exists():  # drawn, or of a package
        return found, []
    with rejected.open(newline="", encoding="utf-8") as file:
        return found, [row["reason"] for row in csv.DictReader(file)]


def print_counts(name: str, found: Examples, reasons: list[str]) -> None:
    people, known = len(set(found["subject"])), int(np.isfinite(found["yaw"]).sum())
    print(f"{name}: {len(found['image'])} photos of {people} people, pose of {known} known")
    kinds = Counter(reason.split(":")[0] for reason in reasons)
    for reason, count in kinds.most_common():
        print(f"  rejected: {count} {reason}")


def measure(images: np.ndarray, tools: DlibTools, data: Any) -> tuple[np.ndarray, int]:
    """Distances [N, 5] in px from the canonical points, over crops that are near-frontal.

    Returns:
      The distances, and in how many crops no face was found.
    """
    limits = np.array([data.frontal_yaw, data.frontal_pitch, data.frontal_roll])
    distances, missed = [], 0
    for image in images:
        faces = tools.find(image)
        missed += not faces
        if faces and np.all(np.abs(estimate_pose(faces[0].landmarks)) < limits):
            points = five_points(faces[0].landmarks)
            distances.append(np.linalg.norm(points - frame.FIVE_POINTS, axis=1))
    return np.array(distances).reshape(-1, 5), missed


def print_errors(images: np.ndarray, tools: DlibTools, data: Any) -> None:
    distances, missed = measure(images, tools, data)
    print(f"  of {len(images)} crops measured, no face found in {missed}")
    if len(distances):
        points = ", ".join(f"{mean:.2f}" for mean in distances.mean(axis=0))
        print(
            f"  landmark error {distances.mean():.2f} px over {len(distances)} near-frontal ones "
            f"(eyes, nose tip, corners of the mouth: {points})"
        )


def draw_sheet(images: np.ndarray) -> Image.Image:
    """Up to 64 crops [N, 128, 128, 1], with marks at the heights of eyes and mouth between."""
    step = frame.SIZE + GAP
    sheet = np.zeros((SIDE * step, SIDE * step), np.uint8)
    for row in range(SIDE):
        for height in (frame.PROFILE_EYE_HEIGHT, frame.PROFILE_MOUTH_HEIGHT):
            sheet[row * step + round(height)] = 255
    for number, image in enumerate(images[: SIDE * SIDE]):
        top, left = (step * place for place in divmod(number, SIDE))
        sheet[top : top + frame.SIZE, left : left + frame.SIZE] = image[:, :, 0]
    return Image.fromarray(sheet)


def evenly(count: int, wanted: int) -> np.ndarray:
    """Indices of at most `wanted` of `count` things, spread over all of them."""
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(int))


def save_pictures(folder: Path, name: str, found: Examples) -> None:
    """NAME_sheet.png and NAME_mean.png; those of profiles apart, looking to the right."""
    images, yaw = found["image"], np.nan_to_num(found["yaw"])
    profiles = np.abs(yaw) >= PROFILE
    for label, chosen in ((name, ~profiles), (f"{name}_profiles", profiles)):
        if chosen.any():
            part, left = images[chosen], yaw[chosen] <= -PROFILE
            draw_sheet(part[evenly(len(part), SIDE**2)]).save(folder / f"{label}_sheet.png")
            turned = np.where(left[:, None, None, None], part[:, :, ::-1], part)
            mean = Image.fromarray(turned.mean(axis=0)[:, :, 0].round().astype(np.uint8))
            mean.resize((4 * frame.SIZE,) * 2).save(folder / f"{label}_mean.png")


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("datasets", nargs="+", help=f"of {', '.join(DATASETS)}")
    add_data_flags(parser)
    parser.add_argument("--faces", default="known", help="known or detect")
    parser.add_argument("--measured", type=int, default=2000, help="crops to measure, at most")
    parser.add_argument("--out", default="", help="folder for the pictures")
    args = parser.parse_args()
    tfds.disable_progress_bar()
    data = base.get_config().data
    data.update(manual_dir=args.manual_dir, faces=args.faces, image_size=frame.SIZE)
    data.data_dir = str(Path(args.data_dir or "~/tensorflow_datasets").expanduser().resolve())
    try:
        tools = load_dlib()
    except UserError as error:
        tools = None
        print(f"no landmark errors: {error}")
    for name in args.datasets:
        found, reasons = load_all(data, name)
        print_counts(name, found, reasons)
        frontal = np.flatnonzero(np.abs(np.nan_to_num(found["yaw"])) < PROFILE)
        if tools is not None:
            chosen = frontal[evenly(len(frontal), args.measured)]
            print_errors(found["image"][chosen], tools, data)
        if args.out:
            Path(args.out).mkdir(parents=True, exist_ok=True)
            save_pictures(Path(args.out), name, found)


if __name__ == "__main__":
    run_main(main)
