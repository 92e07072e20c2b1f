"""For whom a model works how well: `python benchmarks/groups.py WORKDIR`.

Portraits of mugshots people whom nobody trained on are turned 45 degrees aside by the generic head,
to either side, and turned back by the model; by sex, age and how bright the face is. With --on,
instead real photos that look more than 10 degrees aside, by how bright the face is; those of ORL
(`--on=orl_faces:train,validation,test`) by glasses and beards too, which orl_looks.csv has from
looking at them. Prints how many come out frontal, and how far the person moved (distance of
descriptors to the portrait, or to the photo). Sex and age are those of mugshots/index.csv in
config.data.manual_dir; brightness of the face stands for skin and light together, which these data
do not tell apart. Needs requirements-faces.txt.
"""

import csv
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import ROOT, run_main
from judging import create_run_parser, measure_photos, turn_by

from facealign.data.datasets import archives, mugshots, photo_set
from facealign.data.load import data_folder
from facealign.evaluation.baselines import aligned
from facealign.evaluation.evaluation_set import load_photos
from facealign.faces.measurement_cache import MeasurementCache
from facealign.geometry.pose import FRONTAL
from facealign.images import to_uint8
from facealign.training.saved_model import SavedModel, load_run
from facealign.training.translate import make_translate

YAWS = (-45.0, 45.0)  # degrees
ASIDE = 10.0  # degrees, at least, of real photos
LOOKS = ROOT / "benchmarks" / "orl_looks.csv"
FACE = np.s_[:, 40:100, 40:90]  # px of the crop: cheeks, nose, mouth


def read_index(data) -> dict[str, dict[str, str]]:
    """The rows of index.csv by file name."""
    place = photo_set.manual_folder(data, str(data_folder(data)))
    source = archives.find_source([place], mugshots.SOURCES)
    (content,) = archives.read_all(source, lambda name: name.endswith("index.csv")).values()
    return {row["file"]: row for row in csv.DictReader(io.StringIO(content.decode()))}


def halves(values: np.ndarray, unit: str) -> dict[str, np.ndarray]:
    """Name -> which of the values [N] lie in the lower and in the upper half; nan in neither."""
    middle = np.nanmedian(values)
    return {
        f"up to {middle:.0f} {unit}": values <= middle,
        f"above {middle:.0f} {unit}": values > middle,
    }


def turn_portraits(
    run: SavedModel, translate: Callable, splits: str
) -> tuple[np.ndarray, list[np.ndarray], dict[str, np.ndarray]]:
    """Portraits [N, H, W, 1], outputs of each turned to either side, and rows by group."""
    examples = load_photos(run.config.data, f"mugshots:{splits}", restricted=True).examples
    images, index = examples["image"], read_index(run.config.data)
    about = [index[Path(name).name] for name in examples["file_name"]]
    outputs = [
        to_uint8(translate(run.state, turned, "decoder_r")) for _, turned in turn_by(images, YAWS)
    ]
    sex = np.array([row["sex"] for row in about])
    age = np.array([float(row["age"].replace("NA", "") or "nan") for row in about])
    groups = {name: sex == name for name in np.unique(sex) if name}
    groups |= {f"age {name}": inside for name, inside in halves(age, "years").items()}
    bright = halves(images[FACE].mean(axis=(1, 2, 3)), "of 255 bright")
    groups |= {f"face {name}": inside for name, inside in bright.items()}
    return images, outputs, groups


def turn_photos(
    run: SavedModel, translate: Callable, on: str, meter: MeasurementCache
) -> tuple[np.ndarray, list[np.ndarray], dict[str, np.ndarray]]:
    """Crops [N, H, W, 1] of photos that look aside, their outputs, and rows by group."""
    eval_set = measure_photos(run.config.data, on, meter)
    rows = np.flatnonzero(np.abs(eval_set.yaw) >= ASIDE)
    if not len(rows):
        sys.exit(f"error: --on={on} tells of no photo that it looks {ASIDE} degrees aside")
    crops = aligned(eval_set)[rows]
    bright = crops[FACE].mean(axis=(1, 2, 3))
    darkest, brightest = np.quantile(bright, (0.1, 0.9))
    groups = {
        f"the darkest tenth, face up to {darkest:.0f} of 255 bright": bright <= darkest,
        f"the brightest tenth, above {brightest:.0f}": bright > brightest,
    }
    if eval_set.photos.dataset.startswith("orl_faces"):
        with LOOKS.open(newline="") as file:
            seen = {f"{row['subject']}/{row['photo']}.pgm": row for row in csv.DictReader(file)}
        looks = [seen[name] for name in eval_set.photos.examples["file_name"][rows]]
        for look in ("glasses", "beard"):
            has = np.array([row[look] == "1" for row in looks])
            groups |= {look: has, f"no {look}": ~has}
    return crops, [to_uint8(translate(run.state, crops, "decoder_r"))], groups


def main() -> None:
    parser = create_run_parser(__doc__)
    parser.add_argument("--splits", default="validation,test", help="of the portraits")
    parser.add_argument("--on", default="", help="DATASET:SPLIT,SPLIT of real photos instead")
    args = parser.parse_args()
    run = load_run(args.workdir, args.step)
    translate = make_translate(run.networks)
    with MeasurementCache(data_folder(run.config.data)) as meter:
        if args.on:
            images, outputs, groups = turn_photos(run, translate, args.on, meter)
        else:
            images, outputs, groups = turn_portraits(run, translate, args.splits)
        before = meter.measure(images)
        after = [meter.measure(output) for output in outputs]
    moved = np.stack(
        [np.linalg.norm(a.descriptor - before.descriptor, axis=1) for a in after]
    )  # nan without a face
    moved = np.where(np.isnan(moved), np.inf, moved)
    frontal = np.stack([np.abs(a.yaw) < FRONTAL for a in after])
    print("| | photos | yaw < 8 | median distance | 90 % below |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, inside in ({"all": np.full(len(images), True)} | groups).items():
        if not inside.any():
            continue
        far = moved[:, inside].ravel()
        print(
            f"| {name} | {inside.sum()} | {frontal[:, inside].mean():.0%} "
            f"| {np.median(far):.2f} | {np.quantile(far, 0.9, method='lower'):.2f} |"
        )


if __name__ == "__main__":
    run_main(main)
