"""Is it frontal to others too? `python benchmarks/second_judge.py WORKDIR --on=lfw:test --peer=PY`.

The evaluation measures yaw by dlib's landmarks, which also chose the near-frontal training photos.
Here MediaPipe's face mesh, which said how far training people look aside
(facealign/data/datasets/lfw_yaw.csv), measures the same photos and outputs. PY is the python of an
environment with benchmarks/peers/requirements-mediapipe.txt. First, what both say of frontal photos
that the generic head turned by known angles. Needs requirements-faces.txt.
"""

import argparse
import functools
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import jax.numpy as jnp
import numpy as np
from etils import epath

from facealign.data.load import data_folder, load_data, to_float, to_uint8
from facealign.errors import UserError
from facealign.evaluation.baselines import aligned
from facealign.evaluation.test_photos import create_bench, load_photos
from facealign.faces.measure import Meter
from facealign.geometry import views
from facealign.geometry.pose import FRONTAL
from facealign.training.checkpoints import SavedRun, load_run
from facealign.training.evaluator import make_translate

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


def turn_by_known(photos: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """Each of YAWS, and frontal photos uint8 [N, H, W, 1] turned by it by the generic head."""
    frontal, bank = to_float(jnp.asarray(photos)), views.make_bank([(y, 0, 0) for y in YAWS])
    for view, yaw in enumerate(YAWS):
        maps = views.pick(bank.turn, jnp.full(len(frontal), view))
        yield yaw, to_uint8(views.turn(frontal, maps))


def print_turned(judges: Mapping[str, Judge], data: Any) -> None:
    """A table of what judges say of frontal photos that the generic head turned."""
    photos = load_data(data, "validation")["restricted"]["image"][:TURNED]
    print(f"| turned by | {' | '.join(f'{name}: found | median yaw' for name in judges)} |")
    print("| ---: |" + " ---: | ---: |" * len(judges))
    for asked, turned in turn_by_known(photos):
        yaws = [judge(turned) for judge in judges.values()]
        cells = [f"{np.isfinite(yaw).mean():.0%} | {np.nanmedian(yaw):.1f}" for yaw in yaws]
        print(f"| {asked:.0f} | {' | '.join(cells)} |", flush=True)


def make_outputs(run: SavedRun, on: str, meter: Meter) -> tuple[np.ndarray, np.ndarray]:
    """Crops uint8 [N, H, W, 1] of photos that look aside, and what a run makes of them."""
    data = run.config.data
    photos = load_photos(data, on, restricted=True)
    measured = meter.measure(photos.examples["image"])
    bench = create_bench(photos, load_data(data, "train"), data.frontal_yaw, measured)
    crops = aligned(bench)[~(np.abs(measured.yaw) <= ASIDE)]
    return crops, to_uint8(make_translate(run.networks)(run.state, crops, "decoder_r"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workdir", type=epath.Path)
    parser.add_argument("--step", type=int, default=0, help="of the checkpoint; 0 is the newest")
    parser.add_argument("--on", required=True, help="DATASET:SPLIT,SPLIT")
    parser.add_argument("--peer", required=True, help="python of the other environment")
    args = parser.parse_args()
    run = load_run(args.workdir, args.step)
    with Meter(data_folder(run.config.data)) as meter:
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
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
