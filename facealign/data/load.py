"""Loads prepared datasets as arrays; streams photos from disk if they need too much memory."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from etils import epath
from PIL import Image

from facealign.data import cache
from facealign.data.datasets.table import DATASETS
from facealign.data.prepare import HOME, intact, prepare
from facealign.data.streaming import StreamedImages
from facealign.errors import UserError, lookup
from facealign.names import DOMAINS
from facealign.paths import open_path

Examples = dict[str, Any]  # image uint8 [N, H, W, C], subject [N], yaw [N], ...
NAMED = 8  # people in an error
CACHE_VERSION = 1  # increase it when the same photos are decoded to other pixels


def load_data(data: Any, split: str) -> dict[str, Examples]:
    """The examples of both domains, images as uint8. The first call prepares datasets on disk.

    Args:
      data: `config.data`.
      split: train, validation or test.

    Raises:
      UserError: unknown dataset, an empty domain, pairs that do not match, an unusable folder.
    """
    names = {domain: data[domain].split("+") for domain in DOMAINS}
    for domain in DOMAINS:
        for name in names[domain]:
            lookup(DATASETS, name, f"config.data.{domain}")
    examples = {
        name: load_examples(data, name, split) for name in dict.fromkeys(chain(*names.values()))
    }
    parts = {
        domain: {name: select_domain(examples[name], domain, data) for name in names[domain]}
        for domain in DOMAINS
    }
    domains = {domain: _join(list(found.values())) for domain, found in parts.items()}
    for domain, selected in domains.items():
        for name, part in parts[domain].items():
            if not len(part["image"]):
                logging.warning("%r, in config.data.%s=%r, has no %s photo in its %s split",
                                name, domain, data[domain], domain, split)  # fmt: skip
        if not len(selected["image"]):
            raise UserError(
                f"config.data.{domain}={data[domain]!r} has no {domain} photo in its {split} "
                "split; choose another dataset or other config.data.frontal_* angles"
            )
    if data.paired and not np.array_equal(*(domains[domain]["subject"] for domain in DOMAINS)):
        raise UserError(
            f"config.data.paired=True, but {data.unrestricted!r} and {data.restricted!r} "
            "do not hold one image of each subject in each domain; set it to False"
        )
    return domains


def _join(parts: Sequence[Examples]) -> Examples:
    """Concatenates examples of several datasets, with the fields that all of them have.

    Raises:
      UserError: one of several datasets is streamed from disk.
    """
    if len(parts) == 1:
        return parts[0]
    if any(isinstance(part["image"], StreamedImages) for part in parts):
        raise UserError(
            "one of several datasets joined by + does not fit in config.data.memory_mb; "
            "raise that, or name one dataset"
        )
    shared = [key for key in parts[0] if all(key in part for part in parts)]
    return {key: np.concatenate([part[key] for part in parts]) for key in shared}


def data_folder(data: Any) -> epath.Path:
    """The folder of prepared datasets and of measurements of their photos.

    Raises:
      UserError: it cannot be opened.
    """
    return open_path(data.data_dir or HOME, "config.data.data_dir")


def load_examples(data: Any, name: str, split: str) -> Examples:
    """One split of one dataset, both domains, in the order of the file names.

    Raises:
      UserError: the dataset cannot be prepared, or has nobody in this split.
    """
    if not sys.stderr.isatty():  # progress bars would fill a log file
        tfds.disable_progress_bar()
    folder = data_folder(data)
    try:
        builder = prepare(partial(DATASETS[name], data), folder)
    except (OSError, AssertionError, RuntimeError, UnicodeError) as error:
        if type(error).__name__ == "JaxRuntimeError":  # which does not come from files
            raise
        # tfds asserts that no split is empty; array_record says so if there is no room.
        raise UserError(
            f"cannot prepare {name!r} in config.data.data_dir={folder}: {error}"
        ) from error
    if split not in builder.info.splits:
        raise UserError(
            f"{name!r} has nobody in its {split} split, which a hash of the names decides; it has "
            f"{_name_people(builder)}; add photos of more people"
        )
    shape, prepared = (data.image_size, data.channels), Path(builder.data_dir)
    colour = "_colour" * (data.channels > 1)
    key = f"{CACHE_VERSION} {data.image_size}{colour} {_content_key(prepared)}"
    if builder.info.splits[split].num_examples * shape[0] ** 2 * shape[1] <= data.memory_mb * 2**20:
        return cache.load_or_build(
            prepared / f"cache_{split}_{data.image_size}px{colour}",
            key,
            lambda: _decode_all(builder, split, shape),
        )
    fields = cache.load_or_build(
        prepared / f"cache_{split}_fields", key, lambda: _read_fields(builder, split)
    )
    images = StreamedImages(_Source(builder, split), fields.pop("record"), shape, _decode)
    return fields | {"image": images}


def _name_people(builder: Any) -> str:
    """How many people a prepared dataset has, and some of their names."""
    splits = [_read_fields(builder, split)["subject"] for split in builder.info.splits]
    people = np.unique(np.concatenate(splits))
    return f"{len(people)}, {', '.join(people[:NAMED])}{', ...' * (len(people) > NAMED)}"


class _Source:
    """The records of a split, read by their indices; damage raises `UserError`."""

    def __init__(self, builder: tfds.core.DatasetBuilder, split: str):
        self._folder = Path(builder.data_dir)
        with intact(self._folder):
            self._records = builder.as_data_source(split=split)

    def __getitems__(self, indices: Sequence[int]) -> Sequence[dict[str, Any]]:
        with intact(self._folder):
            return self._records.__getitems__(indices)


def _decode_all(builder: tfds.core.DatasetBuilder, split: str, shape: tuple[int, int]) -> Examples:
    """All examples in the order of the file names; shape as in `_decode`."""
    with intact(Path(builder.data_dir)):
        source = builder.as_data_source(split=split)
        rows = sorted(source, key=lambda row: row["file_name"])
        return _columns(rows) | {"image": np.stack([_decode(row, shape) for row in rows])}


def _read_fields(builder: tfds.core.DatasetBuilder, split: str) -> Examples:
    """All fields but the images, in the order of the file names.

    `record` is the index of each photo in the source.
    """
    skip = {"image": tfds.decode.SkipDecoding()}
    with intact(Path(builder.data_dir)):
        source = builder.as_data_source(split=split, decoders=skip)
        rows = [
            {key: value for key, value in row.items() if key != "image"} | {"record": record}
            for record, row in enumerate(source)
        ]
        return _columns(sorted(rows, key=lambda row: row["file_name"]))


def _columns(rows: Sequence[dict[str, Any]]) -> Examples:
    """One array per field, without images."""
    return {key: np.array([_plain(row[key]) for row in rows]) for key in rows[0] if key != "image"}


def _content_key(prepared: Path) -> str:
    """A key of the files in a folder: names, sizes and dates."""
    files = sorted(path for path in prepared.iterdir() if path.is_file())
    return " ".join(
        f"{path.name}:{path.stat().st_size}:{path.stat().st_mtime_ns}" for path in files
    )


def select_domain(examples: Examples, domain: str, data: Any) -> Examples:
    """The examples labelled with this domain, or assigned to it by their pose."""
    limits = {"yaw": data.frontal_yaw, "pitch": data.frontal_pitch, "roll": data.frontal_roll}
    frontal = np.all([np.abs(examples[angle]) < limit for angle, limit in limits.items()], axis=0)
    by_pose = np.where(frontal, "restricted", "unrestricted")
    domains = np.where(examples["domain"] == "", by_pose, examples["domain"])
    chosen = domains == domain
    if chosen.all():  # without a copy, a memory map stays one
        return dict(examples)
    return {
        key: values.where(chosen) if isinstance(values, StreamedImages) else values[chosen]
        for key, values in examples.items()
    }


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _decode(row: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    """The image of a record as uint8 [size, size, channels]; shape is (size, channels)."""
    image, (size, channels) = row["image"], shape
    if image.shape[:2] != (size, size):
        picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
        picture = picture.resize((size, size), Image.Resampling.LANCZOS)
        image = np.asarray(picture).reshape(size, size, -1)
    if image.shape[2] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=2)
    return np.asarray(Image.fromarray(image).convert("L"))[..., None]


def take(data: Mapping[str, Examples], count: int) -> dict[str, Examples]:
    """At most `count` evenly spaced examples of each domain, so that pairs stay together."""

    def spaced(examples: Examples) -> Examples:
        total = len(examples["image"])
        indices = np.linspace(0, total - 1, min(count, total)).astype(int)
        return {key: values[indices] for key, values in examples.items()}

    return {domain: spaced(examples) for domain, examples in data.items()}
