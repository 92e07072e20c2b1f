"""Plans a large run: `python benchmarks/plan.py --data_dir=FOLDER --manual_dir=FOLDER > PAGE.md`.

Measures on this machine what a photo costs to keep, to read and to learn from, and prints what that
means for `--photos` of them. What cannot be measured here, the speed and price of accelerators, is
assumed in flags and marked so.
"""

import json
import math
import os
import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
from common import create_parser, run_main

from configs import frontalize
from facealign.data.load import load_examples
from facealign.data.sampling import make_sampler, yaw_weights
from facealign.models.convolutions import portable
from facealign.training.experiment import create_experiment

READ = 4000  # photos, to time their decoding
SAMPLED = 7_000_000  # photos, to time the order of an epoch
TIB, GIB = 2**40, 2**30
CONCLUSION = """\
Reading, not computing, is what such a run waits for: a network of 128 px images is small. Four things must
change before it: datasets are prepared by one process; every process keeps the fields of all photos, names as
text of one width, and draws the order of a whole epoch when it starts; and a prepared dataset is read from a
disk, which must be each host's own or fast enough for all."""  # noqa: E501


def measure_reading(data) -> dict[str, float]:
    """What photos of lfw cost: bytes as stored, bytes of their fields, photos a second and core."""
    data.memory_mb = 0.0  # so that they are streamed
    examples = load_examples(data, "lfw", "train")
    images = examples.pop("image")
    fields = sum(values.nbytes for values in examples.values()) / len(images)
    prepared = sorted(Path(data.data_dir).expanduser().glob("*/lfw*/*"))
    stored = [path.stat().st_size for each in prepared for path in each.glob("*array_record*")]
    splits = [json.loads((each / "dataset_info.json").read_text())["splits"] for each in prepared]
    count = sum(int(n) for each in splits for split in each for n in split["shardLengths"])
    rows = np.random.default_rng(0).permutation(len(images))[:READ]
    images[rows[:100]]
    start = time.process_time()
    for part in np.array_split(rows, len(rows) // 32):
        images[part]
    return {
        "stored": sum(stored) / count,
        "decoded": images.nbytes / len(images),
        "fields": fields,
        "a second": len(rows) / (time.process_time() - start),
    }


def measure_order() -> dict[str, float]:
    """Seconds and bytes a photo for the order of an epoch."""
    yaw = np.random.default_rng(0).normal(0.0, 20.0, SAMPLED)  # the config shows yaws alike often
    weights = yaw_weights(yaw)
    start = time.process_time()
    make_sampler(0, 0, 32, SAMPLED, weights)(0)
    return {"seconds": (time.process_time() - start) / SAMPLED, "bytes": 8.0}


def measure_step(config) -> float:
    """Floating-point operations a photo of each domain, as XLA counts them, last stage."""
    config.data.update(unrestricted="orl_faces", restricted="orl_faces", uniform_yaw=False)
    experiment = create_experiment(config)
    batch = next(experiment.batches.of_steps(0, 1))
    with portable():  # as on an accelerator
        lowered = experiment.steps[-1].lower(experiment.like, experiment.batches.resident, [batch])
    return lowered.cost_analysis()["flops"] / config.data.batch_size


def table(title: str, rows: Mapping[str, str]) -> str:
    """Two columns, of names and values."""
    lines = (f"| {name} | {value} |" for name, value in rows.items())
    return "\n".join((f"| {title} | |", "| --- | ---: |", *lines))


def measured_rows(
    args: Namespace, reading: Mapping[str, float], order: Mapping[str, float], flops: float
) -> dict[str, str]:
    return {
        "a photo as stored (PNG, lossless)": f"{reading['stored']:,.0f} bytes",
        "a photo decoded, 128 x 128 px, gray": f"{reading['decoded']:,.0f} bytes",
        "its fields in memory (file name, person, pose, ...)": f"{reading['fields']:,.0f} bytes",
        "photos read and decoded from disk": f"{reading['a second']:,.0f} a second and core",
        "order of an epoch": f"{1e9 * order['seconds']:.0f} ns and {order['bytes']:.0f} bytes "
        "a photo",
        "photos prepared, `lfw` in [the numbers](README.md)": f"{args.prepared:,.0f} a second",
        "last stage of `configs/frontalize.py`, by XLA's count": f"{flops / 1e9:.1f} GFLOP a photo "
        "and step",
    }


def assumed_rows(args: Namespace) -> dict[str, str]:
    return {
        "devices, eight a host": f"{args.devices}",
        "sustained by a device": f"{args.tflops:.0f} TFLOP/s",
        "price of a device hour": f"{args.price:.2f}",
        "epochs": f"{args.epochs:g}",
    }


def following_rows(
    args: Namespace, reading: Mapping[str, float], order: Mapping[str, float], flops: float
) -> dict[str, str]:
    rate = args.devices * args.tflops * 1e12 / flops
    of_host = rate / math.ceil(args.devices / 8)
    hours = args.photos * args.epochs / rate / 3600
    cost = hours * args.devices * args.price
    in_memory = args.photos * (reading["fields"] + 2 * order["bytes"])
    return {
        "dataset as stored": f"{args.photos * reading['stored'] / TIB:.2f} TiB",
        "the same decoded": f"{args.photos * reading['decoded'] / TIB:.2f} TiB",
        "photos a second, all devices": f"{rate:,.0f}",
        "reading rate needed, a host": f"{of_host:,.0f} photos, "
        f"{of_host * reading['stored'] / 1e6:,.0f} MB a second",
        "cores that decode, a host": f"{of_host / reading['a second']:.0f}",
        "memory for fields and orders, every process": f"{in_memory / GIB:.0f} GiB",
        "start of an epoch, every process": f"{args.photos * order['seconds']:.0f} s",
        "hours": f"{hours:.1f}",
        "device hours": f"{hours * args.devices:,.0f}",
        "cost": f"{cost:,.0f}",
        "the same with devices of a tenth of that speed": f"{10 * cost:,.0f}",
        "preparing the dataset, in one process": f"{args.photos / args.prepared / 3600:.0f} hours",
    }


def read_flags() -> Namespace:
    parser = create_parser(__doc__)
    parser.add_argument("--data_dir", required=True, help="prepared datasets, lfw among them")
    parser.add_argument("--manual_dir", default="")
    parser.add_argument("--photos", type=int, default=70_000_000)
    parser.add_argument(
        "--prepared", type=float, default=456, help="photos a second: 13,233 of lfw in 29 s"
    )
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--devices", type=int, default=64, help="accelerators, eight a host")
    parser.add_argument("--tflops", type=float, default=20.0, help="assumed: sustained, a device")
    parser.add_argument("--price", type=float, default=2.0, help="assumed: of a device hour")
    return parser.parse_args()


def main() -> None:
    args, config = read_flags(), frontalize.get_config("lfw")
    config.data.update(data_dir=args.data_dir, manual_dir=args.manual_dir)
    flops = measure_step(config.copy_and_resolve_references())
    measured = measure_reading(config.data), measure_order(), flops
    print(f"""\
# A run of {args.photos / 1e6:.0f} million photos

Printed by `python benchmarks/plan.py --data_dir=FOLDER --manual_dir=FOLDER` on {os.cpu_count()} \
cores, jax {jax.__version__}.

{table("measured here", measured_rows(args, *measured))}

{table("assumed, by flags", assumed_rows(args))}

{table("follows", following_rows(args, *measured))}

{CONCLUSION}""")


if __name__ == "__main__":
    run_main(main)
