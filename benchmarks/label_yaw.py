"""Measures `facealign/data/datasets/lfw_yaw.csv`: `python benchmarks/label_yaw.py --peer=PYTHON`.

MediaPipe's face mesh says how far LFW's training people look aside, for models that learn from real
heads too. It reads a known turn of the generic head a little too small; what is written is on the
generic head's scale. PYTHON is that of an environment with
benchmarks/peers/requirements-mediapipe.txt. Needs requirements-faces.txt.
"""

import csv
from pathlib import Path

import numpy as np
from common import add_data_flags, create_parser, run_main
from judging import turn_by
from second_judge import YAWS, measure_elsewhere

from configs import frontalize
from facealign.data.datasets.lfw import YAW_FILE
from facealign.data.load import load_data, load_examples

TURNED = 200  # frontal photos that are turned by known yaws


def fit_scale(python: str, photos: np.ndarray) -> tuple[float, float]:
    """(slope, offset in degrees) of what MediaPipe reads of frontal photos turned by known yaws.

    Photos are uint8 [N, H, W, 1].
    """
    read = []
    for yaw, turned in turn_by(photos, YAWS):
        read.append(np.nanmedian(measure_elsewhere(python, turned)))
        print(f"turned by {yaw:.0f}: read as {read[-1]:.1f}", flush=True)
    slope, offset = np.polyfit(YAWS, read, 1)
    return float(slope), float(offset)


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("--peer", required=True, help="python of the other environment")
    add_data_flags(parser)
    args = parser.parse_args()
    data = frontalize.get_config("lfw").data
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
    print(
        "what is prepared keeps the old yaws: raise the version of lfw in "
        "facealign/data/datasets/lfw.py"
    )


if __name__ == "__main__":
    run_main(main)
