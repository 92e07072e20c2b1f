"""Turned faces to look at: `python benchmarks/viewpoint.py --out=views.png --data_dir=DIR`.

A row a person, a column a pose; below each row the same views turned back to the front. Prints how
long the maps and a batch take.
"""

import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
from common import add_data_flags, create_parser, run_main
from PIL import Image

from configs import base
from facealign.data.load import load_examples
from facealign.geometry import views
from facealign.workdir import figures

POSES = np.array(
    [(yaw, 0, 0) for yaw in (-90, -75, -60, -45, -30, -15, 0, 15, 30, 45, 60, 75, 90)]
    + [(0, -25, 0), (0, 25, 0), (35, 20, 0), (-35, -20, 0), (0, 0, 10)]
)


def make_sheet(photos: np.ndarray, bank: views.ViewBank) -> np.ndarray:
    """Photos uint8 [N, H, W, 1] in all views of the bank, and back: uint8 [height, width]."""
    count = len(photos)
    images = jnp.repeat(jnp.asarray(photos, jnp.float32) / 127.5 - 1, 2, axis=0)
    columns = {}
    for number, pose in enumerate(bank.poses):
        index = jnp.full(count, number)
        turned = jax.jit(views.turn)(images[::2], views.pick(bank.turn, index))
        back = jax.jit(views.frontalize)(turned, bank.poses[index], bank)
        both = jnp.stack([turned, back], axis=1).reshape(images.shape)
        title = "/".join(f"{angle:.0f}" for angle in pose)
        columns[title] = np.asarray((both + 1) * 127.5).clip(0, 255).astype(np.uint8)
    columns = {"photo": np.repeat(photos, 2, axis=0)} | columns
    return figures.draw_grid(columns, {"": 2 * count})


def time_turn(batch_size: int, size: int, rounds: int = 20) -> float:
    """ms for a batch of random images, one map each."""
    rng = np.random.default_rng(0)
    images = jnp.asarray(rng.uniform(-1, 1, (batch_size, size, size, 1)), jnp.float32)
    bank = views.make_bank([(yaw, 0, 0) for yaw in np.linspace(-60, 60, batch_size)])
    maps = views.pick(bank.turn, jnp.arange(batch_size))
    function = jax.jit(views.turn)
    jax.block_until_ready(function(images, maps))
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        jax.block_until_ready(function(images, maps))
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("--out", required=True, help="PNG file to write")
    parser.add_argument("--dataset", default="mugshots", help="dataset of frontal photos")
    add_data_flags(parser)
    parser.add_argument("--split", default="validation")
    parser.add_argument("--people", type=int, default=6)
    args = parser.parse_args()
    data = base.get_config().data
    data.data_dir, data.manual_dir = args.data_dir, args.manual_dir
    examples = load_examples(data, args.dataset, args.split)
    rows = np.linspace(0, len(examples["image"]) - 1, args.people).astype(int)
    start = time.perf_counter()
    bank = views.make_bank(POSES)
    print(f"{(time.perf_counter() - start) / len(POSES):.3f} s a view of two maps")
    Image.fromarray(make_sheet(np.asarray(examples["image"][rows]), bank)).save(args.out)
    print(f"{time_turn(32, 128):.1f} ms for a batch of 32 at 128 px")


if __name__ == "__main__":
    run_main(main)
