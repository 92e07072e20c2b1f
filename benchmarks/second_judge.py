"""Is it frontal to others too? `python benchmarks/second_judge.py WORKDIR --on=lfw:test --peer=PY`.

The evaluation measures yaw by dlib's landmarks. Here MediaPipe's face mesh, which nothing else in
this project uses, measures the same photos and outputs. PY is the python of an environment with
benchmarks/peers/requirements-mediapipe.txt. First, what both say of frontal photos that the generic
head turned by known angles. Needs requirements-faces.txt.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from etils import epath  # noqa: E402

from facealign import viewpoint  # noqa: E402
from facealign.checkpoints import load_run  # noqa: E402
from facealign.errors import UserError  # noqa: E402
from facealign.evaluate import make_translate  # noqa: E402
from facealign.evaluation.baselines import aligned  # noqa: E402
from facealign.evaluation.bench import create_bench, load_photos  # noqa: E402
from facealign.input_pipeline import data_folder, load_data, to_float, to_uint8  # noqa: E402
from facealign.measurements import Meter  # noqa: E402
from facealign.pose import FRONTAL  # noqa: E402

YAWS = (-45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0)
ASIDE = 15.0  # degrees by dlib, or no face found
TURNED = 150  # frontal photos that are turned, of validation


def measure_elsewhere(python: str, photos: np.ndarray) -> np.ndarray:
    """Yaws [N] in degrees of photos uint8 [N, H, W, 1] by MediaPipe, nan without a face."""
    script = ROOT / "benchmarks" / "peers" / "mediapipe_yaw.py"
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder, name)) for name in ("photos.npy", "yaws.npy")]
        np.save(files[0], photos)
        if subprocess.run([python, str(script), *files], stderr=subprocess.DEVNULL).returncode:
            sys.exit(f"error: {python} cannot run {script}; install its requirements there")
        return np.load(files[1])


def describe(yaw: np.ndarray) -> str:
    """Of yaws [N], nan where no face was found, as cells of a table."""
    frontal = (np.abs(yaw) < FRONTAL).mean()
    return f"{np.isfinite(yaw).mean():.0%} | {np.nanmedian(np.abs(yaw)):.1f} | {frontal:.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workdir", type=epath.Path)
    parser.add_argument("--step", type=int, default=0, help="of the checkpoint; 0 is the newest")
    parser.add_argument("--on", required=True, help="DATASET:SPLIT,SPLIT")
    parser.add_argument("--peer", required=True, help="python of the other environment")
    args = parser.parse_args()
    run = load_run(args.workdir, args.step)
    data = run.config.data
    with Meter(data_folder(data)) as meter:
        judges = {
            "dlib": lambda photos: meter.measure(photos).yaw,
            "MediaPipe": lambda photos: measure_elsewhere(args.peer, photos),
        }
        frontal = to_float(jnp.asarray(load_data(data, "validation")["restricted"]["image"]))
        bank = viewpoint.make_bank([(yaw, 0.0, 0.0) for yaw in YAWS])
        print(
            "| turned by | " + " | ".join(f"{name}: found | median yaw" for name in judges) + " |"
        )
        print("| ---: |" + " ---: | ---: |" * len(judges))
        for view, asked in enumerate(YAWS):
            maps = viewpoint.pick(bank.turn, jnp.full(len(frontal[:TURNED]), view))
            turned = to_uint8(viewpoint.turn(frontal[:TURNED], maps))
            yaws = [measure(turned) for measure in judges.values()]
            cells = [f"{np.isfinite(y).mean():.0%} | {np.nanmedian(y):.1f}" for y in yaws]
            print(f"| {asked:.0f} | " + " | ".join(cells) + " |")
        photos = load_photos(data, args.on, restricted=True)
        measured = meter.measure(photos.examples["image"])
        bench = create_bench(photos, load_data(data, "train"), data.frontal_yaw, measured)
        inputs = aligned(bench)[~(np.abs(measured.yaw) <= ASIDE)]
        outputs = to_uint8(make_translate(run.networks)(run.state, inputs, "decoder_r"))
        print(
            f"\n{len(inputs)} photos of {args.on}, more than {ASIDE:.0f} degrees aside for dlib\n"
        )
        print("| | found | median | yaw < 8 |\n| --- | ---: | ---: | ---: |")
        for name, measure in judges.items():
            for title, images in (("photos", inputs), ("outputs", outputs)):
                print(f"| {title} to {name} | {describe(measure(images))} |", flush=True)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
