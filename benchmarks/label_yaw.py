"""Measures `facealign/datasets/lfw_yaw.csv`: `python benchmarks/label_yaw.py --peer=PYTHON`.

MediaPipe's face mesh says how far LFW's training people look aside, for models that learn from real
heads too. It reads a known turn of the generic head a little too small; what is written is on the
generic head's scale. PYTHON is that of an environment with
benchmarks/peers/requirements-mediapipe.txt. Needs requirements-faces.txt.
"""

import argparse
import csv
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks.second_judge import measure_elsewhere  # noqa: E402
from configs import frontalize  # noqa: E402
from facealign import viewpoint  # noqa: E402
from facealign.datasets.lfw import YAW_FILE  # noqa: E402
from facealign.errors import UserError  # noqa: E402
from facealign.input_pipeline import load_data, load_examples, to_float, to_uint8  # noqa: E402

YAWS = np.arange(-45.0, 46.0, 15.0)  # degrees, by which frontal photos are turned
TURNED = 200  # of these


def fit_scale(python: str, photos: np.ndarray) -> tuple[float, float]:
    """(slope, offset in degrees) of what MediaPipe reads of frontal photos turned by known yaws."""
    frontal, bank = to_float(jnp.asarray(photos)), viewpoint.make_bank([(y, 0, 0) for y in YAWS])
    read = []
    for view, yaw in enumerate(YAWS):
        maps = viewpoint.pick(bank.turn, jnp.full(len(frontal), view))
        yaws = measure_elsewhere(python, to_uint8(viewpoint.turn(frontal, maps)))
        read.append(np.nanmedian(yaws))
        print(f"turned by {yaw:.0f}: read as {read[-1]:.1f}", flush=True)
    slope, offset = np.polyfit(YAWS, read, 1)
    return float(slope), float(offset)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peer", required=True, help="python of the other environment")
    parser.add_argument("--data_dir", default="", help="as config.data.data_dir")
    parser.add_argument("--manual_dir", default="", help="as config.data.manual_dir")
    args = parser.parse_args()
    data = frontalize.get_config().data
    data.update(data_dir=args.data_dir, manual_dir=args.manual_dir)
    slope, offset = fit_scale(args.peer, load_data(data, "train")["restricted"]["image"][:TURNED])
    print(f"read = {slope:.3f} x turn {offset:+.1f} degrees")
    data.restricted = "mugshots"  # so that nobody is left out
    photos = load_examples(data, "lfw", "train")
    yaws = (measure_elsewhere(args.peer, photos["image"]) - offset) / slope
    with YAW_FILE.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("photo", "yaw"))
        for name, yaw in zip(photos["file_name"], yaws, strict=True):
            if np.isfinite(yaw):
                rows.writerow((Path(name).stem, f"{yaw:.1f}"))
    print(f"{np.isfinite(yaws).sum()} of {len(yaws)} photos: {YAW_FILE}")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
