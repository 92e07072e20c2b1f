"""Fetch time of each batch over three epochs: `python benchmarks/input_pipeline.py --out=FILE.png`.

Ways to read one dataset: naive (read and decode each photo of each batch), facealign's batches from
memory, from the device and streamed, and where they are installed, tf.data with a cache and a torch
DataLoader with workers. The first batch bears what opening costs; the batch is on the device at the
end. The report's plot, for several readers.
"""

import importlib.util
import io
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tensorflow_datasets as tfds
from common import add_data_flags, create_parser, run_main
from matplotlib.figure import Figure
from PIL import Image

from configs import base
from facealign.data.batches import create_batches, look_up
from facealign.data.datasets.table import DATASETS
from facealign.data.load import load_data, load_examples
from facealign.names import DOMAINS

EPOCHS = 3


def open_source(data: Any, **options: Any) -> Any:
    """The records of the training split, decoded when they are read."""
    folder = str(Path(data.data_dir or "~/tensorflow_datasets").expanduser())
    return DATASETS[data.unrestricted](data, folder).as_data_source(split="train", **options)


def encoded_photos(data: Any) -> list[bytes]:
    """The PNG files of the training split."""
    skip = {"image": tfds.decode.SkipDecoding()}
    return [row["image"] for row in open_source(data, decoders=skip)]


def decode_png(photo: bytes, size: int) -> np.ndarray:
    """uint8 [size, size, 1]."""
    return np.asarray(Image.open(io.BytesIO(photo)).resize((size, size)))[:, :, None]


def read_naively(config: Any, steps: int) -> Iterator[Any]:
    """Every photo is read from disk and decoded each time."""
    source, size = open_source(config.data), config.data.image_size
    rng = np.random.default_rng(0)
    for _ in range(steps):
        rows = source.__getitems__(rng.integers(0, len(source), config.data.batch_size).tolist())
        photos = (Image.fromarray(row["image"][:, :, 0]).resize((size, size)) for row in rows)
        yield np.stack([np.asarray(photo)[:, :, None] for photo in photos])


def read_ours(config: Any, steps: int, **changes: Any) -> Iterator[Any]:
    """facealign's batches; a batch of U alone counts."""
    config = config.copy_and_resolve_references()
    config.data.update(changes)
    domains = load_data(config.data, "train")
    created = create_batches({domain: domains[DOMAINS[0]] for domain in DOMAINS}, config, ())
    gather = jax.jit(look_up)
    for batch in created.of_steps(0, steps):
        own = {DOMAINS[0]: batch[DOMAINS[0]]}
        yield gather(created.resident, own) if created.resident else own


def read_with_tf(config: Any, steps: int) -> Iterator[Any]:
    """tf.data: decoded in parallel once, cached in memory, shuffled, prefetched."""
    import tensorflow as tf

    def decode(photo: Any) -> Any:
        size = [config.data.image_size] * 2
        return tf.cast(tf.image.resize(tf.io.decode_png(photo, 1), size), tf.uint8)

    photos = encoded_photos(config.data)
    dataset = tf.data.Dataset.from_tensor_slices(photos).map(decode, tf.data.AUTOTUNE).cache()
    dataset = dataset.shuffle(len(photos)).repeat().batch(config.data.batch_size)
    return dataset.prefetch(tf.data.AUTOTUNE).take(steps).as_numpy_iterator()


def read_with_torch(config: Any, steps: int) -> Iterator[Any]:
    """A DataLoader whose two workers decode every photo of every batch."""
    import torch

    photos, size = encoded_photos(config.data), config.data.image_size

    class Photos(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return steps * config.data.batch_size

        def __getitem__(self, index: int) -> np.ndarray:
            return decode_png(photos[index % len(photos)], size)

    loader = torch.utils.data.DataLoader(
        Photos(), config.data.batch_size, shuffle=True, num_workers=2, persistent_workers=True
    )
    return (batch.numpy() for batch in loader)


def time_batches(batches: Callable[[], Iterator[Any]]) -> list[float]:
    """Milliseconds until each batch is on the device; the first with all that comes before it."""
    times, start = [], time.perf_counter()
    for batch in batches():
        jax.block_until_ready(jax.device_put(batch))
        now = time.perf_counter()
        times.append(1e3 * (now - start))
        start = now
    return times


def remove_cache(config: Any) -> None:
    """Forgets the decoded photos, which a first start has to make."""
    folder = str(Path(config.data.data_dir or "~/tensorflow_datasets").expanduser())
    prepared = Path(DATASETS[config.data.unrestricted](config.data, folder).data_dir)
    for cache in prepared.glob("cache_train_*"):
        shutil.rmtree(cache)


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("--dataset", default="orl_faces", choices=sorted(DATASETS))
    add_data_flags(parser)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--out", default="", help="PNG file for the plot")
    args = parser.parse_args()
    config = base.get_config()
    config.data.update(
        unrestricted=args.dataset, restricted=args.dataset, data_dir=args.data_dir,
        manual_dir=args.manual_dir, batch_size=args.batch_size, on_device="false",
    )  # fmt: skip
    if args.dataset in ("lfw", "cfp", "folder"):
        config.data.restricted = "mugshots"
    load_examples(config.data, args.dataset, "train")
    count = len(load_data(config.data, "train")[DOMAINS[0]]["image"])
    steps = EPOCHS * count // args.batch_size
    remove_cache(config)
    ways = {
        "naive": lambda: read_naively(config, steps),
        "memory, first start": lambda: read_ours(config, steps),
        "memory, second start": lambda: read_ours(config, steps),
        "device": lambda: read_ours(config, steps, on_device="true"),
        "stream": lambda: read_ours(config, steps, memory_mb=0.0),
    }
    for module, name, way in (
        ("tensorflow", "tf.data, cached", read_with_tf),
        ("torch", "torch DataLoader", read_with_torch),
    ):
        if importlib.util.find_spec(module):
            ways[name] = lambda way=way: way(config, steps)
        else:
            print(f"{module} is not installed: no row for {name}")
    print(f"{args.dataset}: {count} photos of U, batches of {args.batch_size}, {EPOCHS} epochs")
    print(
        f"{'':<22}{'first batch':>12}{'epoch 1':>11}{'epoch 2':>11}{'epoch 3':>11}{'images/s':>11}"
    )
    times = {}
    for name, way in ways.items():
        ms = times[name] = time_batches(way)
        epochs = [statistics.median(part) for part in np.array_split(ms[1:], EPOCHS)]
        rate = 1e3 * args.batch_size / epochs[-1]
        columns = "".join(f"{value:8.2f} ms" for value in epochs)
        print(f"{name:<22}{ms[0]:8.0f} ms{columns}{rate:11,.0f}", flush=True)
    if args.out:
        plot(args.out, times)


def plot(path: str, times: dict[str, list[float]]) -> None:
    """Fetch time over batches, a line for each way to read."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    for name, ms in times.items():
        axes.plot(np.arange(len(ms)) * EPOCHS / len(ms), ms, ".", markersize=2.5, label=name)
    axes.set(xlabel="epoch", ylabel="fetch time of a batch (ms)", yscale="log")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=4)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    run_main(main)
