"""Photos beside what a run makes of them: `python benchmarks/contact_sheet.py WORKDIR --out=FILE`.

`--on=orl_faces:train,validation,test --yaw=10` takes all photos of ORL that look more than 10
degrees aside. Prints how far their heads are turned before and after, and how far the descriptor
moved. Needs requirements-faces.txt.
"""

import sys
from pathlib import Path

import numpy as np
from common import run_main
from judging import create_run_parser, measure_photos
from PIL import Image

from facealign.data.load import data_folder
from facealign.evaluation.baselines import aligned
from facealign.faces.measure import Measured
from facealign.faces.measurement_cache import MeasurementCache
from facealign.images import to_uint8
from facealign.training.saved_model import load_run
from facealign.training.translate import make_translate

COLUMNS = 16  # photos in a row of the sheet


def draw_sheet(photos: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Rows of photos uint8 [N, H, W, 1], below each row its outputs: uint8 [height, width]."""
    pairs = np.concatenate([photos, outputs], axis=1)[..., 0]  # one above the other
    missing = -len(pairs) % COLUMNS
    pairs = np.pad(pairs, [(0, missing), (0, 0), (0, 0)], constant_values=255)
    _, height, width = pairs.shape
    rows = pairs.reshape(-1, COLUMNS, height, width).transpose(0, 2, 1, 3)
    return rows.reshape(-1, COLUMNS * width)


def print_change(before: Measured, after: Measured) -> None:
    """Of all photos: faces found, median |yaw| and share below 8 degrees; the descriptor's way."""
    for name, measured in (("before", before), ("after", after)):
        yaw = np.abs(measured.yaw)
        print(
            f"{name:<7} face found {measured.found.mean():.0%}, median |yaw| "
            f"{np.nanmedian(yaw):.1f} degrees, below 8 degrees {(yaw < 8).mean():.0%}"
        )
    both = before.found & after.found
    way = np.linalg.norm(before.descriptor - after.descriptor, axis=1)[both]
    print(f"distance of descriptors: median {np.median(way):.2f}, 90 % {np.quantile(way, 0.9):.2f}")


def main() -> None:
    parser = create_run_parser(__doc__)
    parser.add_argument("--on", default="", help="DATASET:SPLIT,SPLIT; that of the run's U")
    parser.add_argument("--yaw", type=float, default=0.0, help="degrees, at least, of |yaw|")
    parser.add_argument("--most", type=int, default=10_000, help="photos at most, evenly spaced")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    run = load_run(args.workdir, args.step)
    data, translate = run.config.data, make_translate(run.networks)
    with MeasurementCache(data_folder(data)) as meter:
        eval_set = measure_photos(data, args.on, meter)
        rows = np.flatnonzero(np.abs(eval_set.yaw) >= args.yaw)
        if not len(rows):
            sys.exit(f"error: no photo looks {args.yaw} degrees aside; choose a smaller --yaw")
        rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), args.most)).astype(int)]
        crops = aligned(eval_set)[rows]
        outputs = to_uint8(translate(run.state, crops, "decoder_r"))
        Image.fromarray(draw_sheet(crops, outputs)).save(args.out)
        print(f"{len(rows)} photos of {eval_set.photos.dataset}")
        print_change(meter.measure(crops, "crops"), meter.measure(outputs, "outputs"))


if __name__ == "__main__":
    run_main(main)
