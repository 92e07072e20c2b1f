"""Raw photos through the detector, judged like crops: `python benchmarks/raw_photos.py cfp:test`.

Unpacks photos of the split to OUT/photos (of CFP two true profiles of each person, of LFW the first
200), makes portraits of them with `--mode=align --method=network` in OUT/portraits, and judges the
largest face of each with the numbers of `--mode=evaluate`, beside what the network makes of the
same photos cut by the frame that the dataset knows. A photo without a portrait counts as one
without a face.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from common import ROOT, create_parser, run_main
from PIL import Image

from facealign.data.datasets import archives, cfp, lfw
from facealign.data.load import data_folder, load_data
from facealign.errors import UserError
from facealign.evaluation.baselines import Outputs
from facealign.evaluation.evaluation_set import create_evaluation_set, load_photos
from facealign.evaluation.scoring import score
from facealign.evaluation.tables import cell
from facealign.faces.measurement_cache import MeasurementCache
from facealign.portraits.methods import load_frontalizer, network
from facealign.portraits.results import portrait_path
from facealign.workdir.page import markdown_table

SOURCES = {"cfp": cfp.SOURCES, "lfw": lfw.SOURCES}
COLUMNS = ("photos", "found", "yaw < 8", "TAR", "rank-1", "to input", "FD", "sharpness")
LIMIT = 200  # photos of LFW


def choose(dataset: str, names: list[str]) -> list[int]:
    """Which of the photos are aligned."""
    if dataset == "cfp":
        return [row for row, name in enumerate(names) if "/profile/0" in name and name[-5] in "12"]
    return list(range(min(LIMIT, len(names))))


def unpack(source: Path, names: set[str], folder: Path) -> Iterator[str]:
    """Writes the files whose names end so; yields those."""
    for name, read in archives.walk(source):
        for parts in (2, 3):  # LFW's PERSON/FILE, CFP's PERSON/KIND/FILE
            short = "/".join(name.split("/")[-parts:])
            if short in names:
                path = folder / short
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(read())
                yield short
                break


def align(photos: Path, portraits: Path) -> None:
    """As a user does it; prints what it prints."""
    flags = ["--mode=align", "--method=network", "--size=128", "--sheet"]
    folders = [f"--input={photos}", f"--output={portraits}"]
    subprocess.run([sys.executable, "launch.py", *flags, *folders], cwd=ROOT, check=True)


def read_portrait(path: Path) -> np.ndarray:
    """uint8 [128, 128, 1]; black where there is none."""
    if not path.exists():
        return np.zeros((128, 128, 1), np.uint8)
    with Image.open(path) as image:
        return np.asarray(image)[:, :, None]


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("on", help="cfp:test, lfw:validation and the like")
    parser.add_argument("--manual_dir", required=True, type=Path, help="archives")
    parser.add_argument("--data_dir", default="", help="prepared datasets")
    parser.add_argument("--out", required=True, type=Path, help="folder for photos and portraits")
    args = parser.parse_args()
    data, (_, frontal) = load_frontalizer().config.data, network()
    data.update(manual_dir=str(args.manual_dir), data_dir=args.data_dir)
    photos = load_photos(data, args.on)
    names = photos.examples["file_name"].tolist()
    rows = choose(photos.dataset, names)
    source = archives.find_source([args.manual_dir], SOURCES[photos.dataset])
    there = args.out.resolve()
    written = list(unpack(source, {names[row] for row in rows}, there / "photos"))
    if len(written) != len(rows):
        raise UserError(f"{len(written)} of {len(rows)} photos in {source}; prepare it anew")
    align(there / "photos", there / "portraits")
    paths = [there / "portraits" / portrait_path(names[row], 1) for row in rows]
    known = photos.examples["image"][rows]
    systems = {
        "raw photo, aligned": np.stack([read_portrait(path) for path in paths]),
        "frame of the dataset": frontal(known, np.full((len(known), 2), np.nan)),
        "the photo itself": known,
    }
    lines = [["", *COLUMNS]]
    with MeasurementCache(data_folder(data)) as meter:
        measured = meter.measure(photos.examples["image"])
        eval_set = create_evaluation_set(
            photos, load_data(data, "train"), data.frontal_yaw, measured
        )
        for name, images in systems.items():
            outputs = Outputs(images, np.array(rows))
            scores = score(eval_set, outputs, meter.measure(images, name))["all"]
            lines.append([name, *(cell(column, scores.get(column)) for column in COLUMNS)])
    print(markdown_table(lines))


if __name__ == "__main__":
    run_main(main)
