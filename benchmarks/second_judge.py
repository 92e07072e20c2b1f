"""Is it frontal to others too? `python benchmarks/second_judge.py WORKDIR --on=lfw:test --peer=PY`.

The evaluation measures yaw by dlib's landmarks, which also chose the near-frontal training photos.
Here MediaPipe's face mesh, which said how far training people look aside
(facealign/data/datasets/lfw_yaw.csv), measures the same photos and outputs. PY is the python of an
environment with benchmarks/peers/requirements-mediapipe.txt. First, what both say of frontal photos
that the generic head turned by known angles. Needs requirements-faces.txt.
"""

import functools
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from common import ROOT, run_main
from judging import create_run_parser, measure_photos, turn_by

from facealign.data.load import data_folder, load_data
from facealign.errors import UserError
from facealign.evaluation.baselines import aligned
from facealign.faces.measurement_cache import MeasurementCache
from facealign.geometry.pose import FRONTAL
from facealign.images import to_uint8
from facealign.training.saved_model import SavedModel, load_run
from facealign.training.translate import make_translate

Judge = Callable[[np.ndarray], np.ndarray]  # photos uint8 [N, H, W, 1] -> yaws [N] in degrees

PEER = str(ROOT / "benchmarks" / "peers" / "mediapipe_yaw.py")
YAWS = (-45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0)
ASIDE = 15.0  # degrees to dlib: what is looked at is beyond, or shows no face to it
TURNED = 150  # frontal photos that are turned, of validation


def measure_elsewhere(python: str, photos: np.ndarray) -> np.ndarray:
    """Yaws [N] in degrees of photos uint8 [N, H, W, 1] by MediaPipe, nan without a face."""
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder, name)) for name in ("photos.npy", "yaws.npy")]
        np.save(files[0], photos)
        try:
            subprocess.run([python, PEER, *files], stderr=subprocess.PIPE, check=True, text=True)
        except OSError as error:
            raise UserError(f"--peer={python} cannot be run: {error}") from None
        except subprocess.CalledProcessError as error:
            why = (error.stderr.splitlines() or ["it says nothing"])[-1]
            raise UserError(f"--peer={python} cannot measure with {PEER}: {why}") from None
        return np.load(files[1])


def describe(yaw: np.ndarray) -> str:
    """Of yaws [N], nan where no face was found, as cells of a table."""
    frontal = (np.abs(yaw) < FRONTAL).mean()
    return f"{np.isfinite(yaw).mean():.0%} | {np.nanmedian(np.abs(yaw)):.1f} | {frontal:.1%}"


def print_turned(judges: Mapping[str, Judge], data: Any) -> None:
    """A table of what judges say of frontal photos that the generic head turned."""
    photos = load_data(data, "validation")["restricted"]["image"][:TURNED]
    print(f"| turned by | {' | '.join(f'{name}: found | median yaw' for name in judges)} |")
    print("| ---: |" + " ---: | ---: |" * len(judges))
    for asked, turned in turn_by(photos, YAWS):
        yaws = [judge(turned) for judge in judges.values()]
        cells = [f"{np.isfinite(yaw).mean():.0%} | {np.nanmedian(yaw):.1f}" for yaw in yaws]
        print(f"| {asked:.0f} | {' | '.join(cells)} |", flush=True)


def make_outputs(
    run: SavedModel, on: str, meter: MeasurementCache
) -> tuple[np.ndarray, np.ndarray]:
    """Crops uint8 [N, H, W, 1] of photos that look aside, and what a run makes of them."""
    eval_set = measure_photos(run.config.data, on, meter)
    crops = aligned(eval_set)[~(np.abs(eval_set.measured.yaw) <= ASIDE)]
    return crops, to_uint8(make_translate(run.networks)(run.state, crops, "decoder_r"))


def main() -> None:
    parser = create_run_parser(__doc__)
    parser.add_argument("--on", required=True, help="DATASET:SPLIT,SPLIT")
    parser.add_argument("--peer", required=True, help="python of the other environment")
    args = parser.parse_args()
    run = load_run(args.workdir, args.step)
    with MeasurementCache(data_folder(run.config.data)) as meter:
        judges = {
            "dlib": lambda photos: meter.measure(photos).yaw,
            "MediaPipe": functools.partial(measure_elsewhere, args.peer),
        }
        print_turned(judges, run.config.data)
        crops, outputs = make_outputs(run, args.on, meter)
        print(f"\n{len(crops)} photos of {args.on}, to dlib {ASIDE:.0f} degrees aside or no face\n")
        print("| | found | median | yaw < 8 |\n| --- | ---: | ---: | ---: |")
        for name, judge in judges.items():
            for title, images in (("photos", crops), ("outputs", outputs)):
                print(f"| {title} to {name} | {describe(judge(images))} |", flush=True)


if __name__ == "__main__":
    run_main(main)
