"""Strangers with the yaw that is asked for: `python benchmarks/pose_strip.py WORKDIR --out=FILE`.

A row for each photo: as it is, then as a run of configs/attgan_pose.py turns it to -45, -30, ... 45
degrees. Prints the yaw that is measured for each that is asked for, the slope of a line through
them, and the mean error. Needs requirements-faces.txt.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from common import run_main
from judging import create_run_parser
from PIL import Image

from facealign.data.load import data_folder
from facealign.evaluation.evaluation_set import load_photos
from facealign.faces.measurement_cache import MeasurementCache
from facealign.images import to_float, to_uint8
from facealign.models.apply import apply_network
from facealign.models.attribute import BINS, attribute_of
from facealign.training.samples import choose_samples
from facealign.training.saved_model import SavedModel, load_run
from facealign.training.state import averaged

FURTHEST = 45  # degrees; instruments measure too little beyond


def ask(run: SavedModel, photos: np.ndarray, yaws: np.ndarray) -> np.ndarray:
    """Photos uint8 [N, H, W, 1], each at every yaw [Y] in degrees: uint8 [N, Y, H, W, 1]."""
    nets = averaged(run.state).nets

    @jax.jit
    def turn(images: jax.Array, yaw: jax.Array) -> jax.Array:
        code = apply_network(run.networks["encoder"], nets["encoder"], to_float(images))
        code["attribute"] = attribute_of(jnp.full(len(images), yaw))
        return apply_network(run.networks["decoder_r"], nets["decoder_r"], code)[-1]

    return np.stack([to_uint8(turn(photos, yaw)) for yaw in yaws], axis=1)


def print_fit(asked: np.ndarray, yaw: np.ndarray) -> None:
    """Measured yaw [N, Y], nan where no face was found, by the yaws [Y] that were asked for."""
    for number, wanted in enumerate(asked):
        print(f"asked {wanted:4.0f}: measured {np.nanmedian(yaw[:, number]):6.1f} (median)")
    wanted = np.broadcast_to(asked, yaw.shape)
    found = ~np.isnan(yaw)
    slope, offset = np.polyfit(wanted[found], yaw[found], 1)
    error = np.abs(yaw - wanted)[found].mean()
    print(
        f"face found in {found.mean():.0%}; measured = {slope:.2f} * asked {offset:+.1f} degrees; "
        f"mean error {error:.1f} degrees"
    )


def main() -> None:
    parser = create_run_parser(__doc__)
    parser.add_argument("--on", default="", help="DATASET:SPLIT,SPLIT; the test split of U's")
    parser.add_argument("--photos", type=int, default=16)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    run = load_run(args.workdir, args.step)
    if run.config.model.name != "attribute":
        sys.exit(f"error: {args.workdir} cannot be asked for a yaw; take a run of attgan_pose.py")
    examples = load_photos(run.config.data, args.on).examples
    both = {domain: examples for domain in ("unrestricted", "restricted")}
    photos = choose_samples([both], args.photos)["unrestricted"]
    asked = np.array([yaw for yaw in BINS if abs(yaw) <= FURTHEST], np.float32)
    turned = ask(run, photos, asked)
    rows = np.concatenate([photos[:, None], turned], axis=1)[..., 0]
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
    Image.fromarray(sheet).save(args.out)
    with MeasurementCache(data_folder(run.config.data)) as meter:
        measured = meter.measure(turned.reshape(-1, *photos.shape[1:]), "outputs")
    if not measured.found.any():
        sys.exit("no face is found in any output")
    print_fit(asked, measured.yaw.reshape(len(photos), -1))


if __name__ == "__main__":
    run_main(main)
