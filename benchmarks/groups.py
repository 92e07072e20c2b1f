"""For whom a model works how well: `python benchmarks/groups.py WORKDIR`.

Portraits of mugshots people whom nobody trained on are turned 45 degrees aside by the generic head,
to either side, and turned back by the model; by sex, age and how bright the face is. Prints how far
the person moved (median distance of descriptors to the portrait itself) and how many look into the
camera again. Sex and age are those of mugshots/index.csv in config.data.manual_dir; brightness of
the face stands for skin and light together, which these data do not tell apart.
Needs requirements-faces.txt.
"""

import argparse
import csv
import io
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from etils import epath  # noqa: E402

from facealign import viewpoint  # noqa: E402
from facealign.checkpoints import load_run  # noqa: E402
from facealign.datasets import mugshots, photo_files, photos  # noqa: E402
from facealign.evaluate import make_translate  # noqa: E402
from facealign.evaluation.bench import load_photos  # noqa: E402
from facealign.input_pipeline import data_folder, to_float, to_uint8  # noqa: E402
from facealign.measurements import Meter  # noqa: E402
from facealign.pose import FRONTAL  # noqa: E402

YAWS = (-45.0, 45.0)  # degrees
FACE = np.s_[:, 40:100, 40:90]  # px of the crop: cheeks, nose, mouth


def read_index(data) -> dict[str, dict[str, str]]:
    """The rows of index.csv by file name."""
    place = photos.manual_folder(data, str(data_folder(data)))
    source = photo_files.find_source([place], mugshots.SOURCES)
    (content,) = photo_files.read_all(source, lambda name: name.endswith("index.csv")).values()
    return {row["file"]: row for row in csv.DictReader(io.StringIO(content.decode()))}


def halves(values: np.ndarray, unit: str) -> dict[str, np.ndarray]:
    """Name -> which of the values [N] lie in the lower and in the upper half; nan in neither."""
    middle = np.nanmedian(values)
    return {
        f"up to {middle:.0f} {unit}": values <= middle,
        f"above {middle:.0f} {unit}": values > middle,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workdir", type=epath.Path)
    parser.add_argument("--step", type=int, default=0, help="of the checkpoint; 0 is the newest")
    parser.add_argument("--splits", default="validation,test")
    args = parser.parse_args()
    run = load_run(args.workdir, args.step)
    data, translate = run.config.data, make_translate(run.networks)
    examples = load_photos(data, f"mugshots:{args.splits}", restricted=True).examples
    images, index = examples["image"], read_index(data)
    about = [index[Path(name).name] for name in examples["file_name"]]
    bank = viewpoint.make_bank(np.array([(yaw, 0.0, 0.0) for yaw in YAWS]))
    outputs = []
    for view in range(len(YAWS)):
        maps = viewpoint.pick(bank.turn, jnp.full(len(images), view))
        turned = to_uint8(viewpoint.turn(to_float(jnp.asarray(images)), maps))
        outputs.append(to_uint8(translate(run.state, turned, "decoder_r")))
    with Meter(data_folder(data)) as meter:
        before = meter.measure(images)
        after = [meter.measure(output) for output in outputs]
    moved = np.stack(
        [np.linalg.norm(a.descriptor - before.descriptor, axis=1) for a in after]
    )  # nan without a face
    moved = np.where(np.isnan(moved), np.inf, moved)
    frontal = np.stack([np.abs(a.yaw) < FRONTAL for a in after])
    sex = np.array([row["sex"] for row in about])
    age = np.array([float(row["age"].replace("NA", "") or "nan") for row in about])
    groups = {"everybody": np.full(len(images), True)}
    groups |= {name: sex == name for name in np.unique(sex) if name}
    groups |= {f"age {name}": inside for name, inside in halves(age, "years").items()}
    face = images[FACE].mean(axis=(1, 2, 3))
    groups |= {f"face {name}": inside for name, inside in halves(face, "of 255 bright").items()}
    print("| | portraits | yaw < 8 | median distance | 90 % below |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, inside in groups.items():
        far = moved[:, inside].ravel()
        print(
            f"| {name} | {inside.sum()} | {frontal[:, inside].mean():.0%} "
            f"| {np.median(far):.2f} | {np.quantile(far, 0.9, method='lower'):.2f} |"
        )


if __name__ == "__main__":
    main()
