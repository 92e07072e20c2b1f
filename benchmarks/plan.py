"""Plans a large run: `python benchmarks/plan.py --data_dir=FOLDER --manual_dir=FOLDER > PAGE.md`.

Measures on this machine what a photo costs to keep, to read and to learn from, and prints what that
means for `--photos` of them. What cannot be measured here, the speed and price of accelerators, is
assumed in flags and marked so.
"""

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import jax  # isort: skip
import numpy as np

from configs import frontalize
from facealign.data.load import load_examples
from facealign.data.sampling import make_sampler, yaw_weights
from facealign.errors import UserError
from facealign.models.convolutions import portable
from facealign.training.experiment import create_experiment

READ = 4000  # photos, to time their decoding
SAMPLED = 7_000_000  # photos, to time the order of an epoch


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
    batch = next(experiment.feed.batches(0, 1))
    with portable():  # as on an accelerator
        lowered = experiment.updates[-1].lower(experiment.like, experiment.feed.resident, [batch])
    return lowered.cost_analysis()["flops"] / config.data.batch_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data_dir", required=True, help="prepared datasets, lfw among them")
    parser.add_argument("--manual_dir", default="")
    parser.add_argument("--photos", type=int, default=70_000_000)
    parser.add_argument(
        "--prepared",
        type=float,
        default=456,
        help="photos a second: 13,233 of lfw in 29 s",
    )
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--devices", type=int, default=64, help="accelerators, eight a host")
    parser.add_argument("--tflops", type=float, default=20.0, help="assumed: sustained, a device")
    parser.add_argument("--price", type=float, default=2.0, help="assumed: of a device hour")
    args = parser.parse_args()
    config = frontalize.get_config()
    config.data.update(data_dir=args.data_dir, manual_dir=args.manual_dir)
    flops = measure_step(config.copy_and_resolve_references())
    reading, order = measure_reading(config.data), measure_order()

    seen = args.photos * args.epochs
    rate = args.devices * args.tflops * 1e12 / flops
    hosts = math.ceil(args.devices / 8)
    hours = seen / rate / 3600
    cores = rate / hosts / reading["a second"]
    tib, gib = 2**40, 2**30
    print(f"""\
# A run of {args.photos / 1e6:.0f} million photos

Printed by `python benchmarks/plan.py --data_dir=FOLDER --manual_dir=FOLDER` on {os.cpu_count()} \
cores, jax {jax.__version__}.

| measured here | |
| --- | ---: |
| a photo as stored (PNG, lossless) | {reading["stored"]:,.0f} bytes |
| a photo decoded, 128 x 128 px, gray | {reading["decoded"]:,.0f} bytes |
| its fields in memory (file name, person, pose, ...) | {reading["fields"]:,.0f} bytes |
| photos read and decoded from disk | {reading["a second"]:,.0f} a second and core |
| order of an epoch | {1e9 * order["seconds"]:.0f} ns and {order["bytes"]:.0f} bytes a photo |
| photos prepared, `lfw` in [the numbers](README.md) | {args.prepared:,.0f} a second |
| last stage of `configs/frontalize.py`, by XLA's count | {flops / 1e9:.1f} GFLOP a photo and step |

| assumed, by flags | |
| --- | ---: |
| devices, eight a host | {args.devices} |
| sustained by a device | {args.tflops:.0f} TFLOP/s |
| price of a device hour | {args.price:.2f} |
| epochs | {args.epochs:g} |

| follows | |
| --- | ---: |
| dataset as stored | {args.photos * reading["stored"] / tib:.2f} TiB |
| the same decoded | {args.photos * reading["decoded"] / tib:.2f} TiB |
| photos a second, all devices | {rate:,.0f} |
| reading rate needed, a host | {rate / hosts:,.0f} photos, \
{rate / hosts * reading["stored"] / 1e6:,.0f} MB a second |
| cores that decode, a host | {cores:.0f} |
| memory for fields and orders, every process | {args.photos * (reading["fields"] + 2 * order["bytes"]) / gib:.0f} GiB |
| start of an epoch, every process | {args.photos * order["seconds"]:.0f} s |
| hours | {hours:.1f} |
| device hours | {hours * args.devices:,.0f} |
| cost | {hours * args.devices * args.price:,.0f} |
| the same with devices of a tenth of that speed | {10 * hours * args.devices * args.price:,.0f} |
| preparing the dataset, in one process | {args.photos / args.prepared / 3600:.0f} hours |

Reading, not computing, is what such a run waits for: a network of 128 px images is small. Four things must
change before it: datasets are prepared by one process; every process keeps the fields of all photos, names as
text of one width, and draws the order of a whole epoch when it starts; and a prepared dataset is read from a
disk, which must be each host's own or fast enough for all.""")  # noqa: E501


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
