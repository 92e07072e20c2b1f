"""Batches for the loop: from memory, from the device, or streamed from disk; always the same ones.

A batch is a pure function of (seed, step), whichever way it comes.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from facealign.data.load import Examples
from facealign.data.sampling import Sampler, make_sampler, yaw_weights
from facealign.data.streaming import StreamedImages
from facealign.errors import UserError, lookup
from facealign.names import DOMAINS
from facealign.stages import OF_TURNED, learns

DEVICE_SHARE = 0.25  # of the device's memory that photos may take
ON_DEVICE = ("auto", "true", "false")

# Domain -> images uint8 [B, H, W, 1], or their numbers [B]. For a run that turns photos
# yaw_unrestricted [B] in degrees too, nan where unknown; for one that recognizes people
# subject_DOMAIN [B], their numbers.
Batch = dict[str, np.ndarray]


class Feed(NamedTuple):
    """Where the loop gets its batches."""

    resident: dict[str, Any]  # what belongs on the device: all images, uint8 [N, H, W, 1], or {}
    batches: Callable[[int, int], Iterator[Batch]]  # those of the steps from start to stop - 1
    mode: str  # memory, device or stream


def create_feed(
    domains: Mapping[str, Examples], config: Any, rows: np.ndarray | None = None
) -> Feed:
    """The feed that `config.data` asks for.

    Args:
      domains: the training examples.
      config: of the run.
      rows: of every batch, those that this process reads; None where it reads all.

    Raises:
      UserError: a batch larger than a domain, yaw that is not known, a wrong `on_device`.
    """
    data = config.data
    lookup(dict.fromkeys(ON_DEVICE), data.on_device, "config.data.on_device")
    samplers = create_samplers(domains, config)
    mine = slice(None) if rows is None else rows
    shared = rows is not None and len(rows) < data.batch_size
    images = {domain: examples["image"] for domain, examples in domains.items()}
    streamed = any(isinstance(each, StreamedImages) for each in images.values())
    if shared and data.on_device == "true":
        raise UserError(
            "config.data.on_device='true' has every process read all photos; set it to 'auto'"
        )
    fit = data.on_device == "auto" and not shared and _fit_on_device(images)
    on_device = data.on_device == "true" or fit
    if streamed and data.on_device == "true":
        raise UserError(
            f"config.data.on_device='true', but the photos take more than config.data.memory_mb="
            f"{data.memory_mb}; raise that, or set on_device to 'auto'"
        )

    labels = create_labels(domains, config)

    def label(step: int) -> Batch:
        return {
            f"{name}_{domain}": values[samplers[domain](step)[mine]]
            for (name, domain), values in labels.items()
        }

    def numbers(step: int) -> Batch:
        found = {d: sampler(step)[mine].astype(np.int32) for d, sampler in samplers.items()}
        return found | label(step)

    def pixels(step: int) -> Batch:
        found = {d: images[d][sampler(step)[mine]] for d, sampler in samplers.items()}
        return found | label(step)

    if streamed:
        return Feed({}, lambda start, stop: _prefetch(pixels, start, stop), "stream")
    if on_device:
        resident = {domain: np.asarray(each) for domain, each in images.items()}
        return Feed(resident, lambda start, stop: map(numbers, range(start, stop)), "device")
    return Feed({}, lambda start, stop: map(pixels, range(start, stop)), "memory")


def create_labels(
    domains: Mapping[str, Examples], config: Any
) -> dict[tuple[str, str], np.ndarray]:
    """What a step is told of the photos besides: (name, domain) -> [N].

    Raises:
      UserError: more people than the recognizer can learn to know.
    """
    labels = {}
    if learns(config, *OF_TURNED, "attribute"):
        labels["yaw", "unrestricted"] = domains["unrestricted"]["yaw"].astype(np.float32)
    if learns(config, "attribute"):
        labels["yaw", "restricted"] = domains["restricted"]["yaw"].astype(np.float32)
    if learns(config, "recognize"):
        subjects = [domains[domain]["subject"] for domain in DOMAINS]
        people, person = np.unique(np.concatenate(subjects), return_inverse=True)
        if len(people) > config.recognizer.people:
            raise UserError(
                f"config.recognizer.people={config.recognizer.people}, but there are {len(people)} "
                "in the training photos; give at least as many"
            )
        cut = len(subjects[0])
        for domain, part in zip(DOMAINS, (person[:cut], person[cut:]), strict=True):
            labels["subject", domain] = part.astype(np.int32)
    return labels


def create_samplers(domains: Mapping[str, Examples], config: Any) -> dict[str, Sampler]:
    """A sampler for each domain; paired domains share theirs.

    Raises:
      UserError: a batch is larger than a domain, or yaw is asked for but not known.
    """
    data, samplers = config.data, {}
    for number, domain in enumerate(DOMAINS):
        examples = domains[domain]
        count = len(examples["image"])
        if data.batch_size > count:
            raise UserError(
                f"config.data.batch_size={data.batch_size} is larger than the {domain} training "
                f"data; choose at most {count}"
            )
        weights = None
        if data.uniform_yaw and domain == "unrestricted":
            if not np.isfinite(examples["yaw"]).any():
                raise UserError(
                    f"config.data.uniform_yaw=True, but none of the {count} photos of "
                    f"{data.unrestricted!r} has a known yaw; set it to False"
                )
            weights = yaw_weights(examples["yaw"])
        stream = 0 if data.paired else number
        samplers[domain] = make_sampler(config.seed, stream, data.batch_size, count, weights)
    return samplers


def look_up(resident: Mapping[str, jax.Array], batch: Mapping[str, jax.Array]) -> dict[str, Any]:
    """The images uint8 [B, H, W, 1] of a batch, inside of jit."""
    return {d: resident[d][rows] if d in resident else rows for d, rows in batch.items()}


def _prefetch(batch: Callable[[int], Batch], start: int, stop: int) -> Iterator[Batch]:
    """Batches made by threads ahead of their use."""
    import grain  # costs a second, which a run from memory should not pay

    threads = 2 * (os.cpu_count() or 1)
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * threads)
    return iter(grain.MapDataset.range(start, stop).map(batch).to_iter_dataset(options))


def _fit_on_device(images: Mapping[str, Any]) -> bool:
    """Whether there is a device besides the host's memory, and room for all photos on it."""
    if jax.default_backend() == "cpu":
        return False
    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit", 0)
    return sum(each.nbytes for each in images.values()) < DEVICE_SHARE * limit
