"""Batches for the training loop: from memory, from the device, or streamed from disk.

A batch is a pure function of (seed, step), the same from every source.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from facealign.data.load import Examples
from facealign.data.sampling import Sampler, make_sampler, yaw_weights
from facealign.data.streaming import StreamedImages
from facealign.errors import UserError, check_choice
from facealign.names import DOMAINS
from facealign.stages import OBJECTIVES, Stage

DEVICE_SHARE = 0.25  # largest share of the device's memory for photos
ON_DEVICE = ("auto", "true", "false")

# Domain -> images uint8 [B, H, W, 1], or their indices [B] in resident images. And the labels of
# the objectives: yaw_DOMAIN [B] in degrees, nan if unknown; subject_DOMAIN [B], indices of people;
# what stages.HEAD_FIELDS names, as in datasets.heads.
RawBatch = dict[str, np.ndarray]


class Batches(NamedTuple):
    """The batches of a run."""

    resident: dict[str, Any]  # arrays for the device: all images, uint8 [N, H, W, 1], or {}
    of_steps: Callable[[int, int], Iterator[RawBatch]]  # (start, stop) -> batches of these steps


def create_batches(
    domains: Mapping[str, Examples],
    config: Any,
    stages: Sequence[Stage],
    rows: np.ndarray | None = None,
) -> Batches:
    """Creates the batches of a run as `config.data` asks for.

    Args:
      domains: the training examples.
      config: of the run.
      stages: of the run.
      rows: the rows of every batch that this process reads; None: all.

    Raises:
      UserError: a batch larger than a domain, no known yaw, or an invalid `on_device`.
    """
    samplers = create_samplers(domains, config)
    mine = slice(None) if rows is None else rows
    images = {domain: examples["image"] for domain, examples in domains.items()}
    shared = rows is not None and len(rows) < config.data.batch_size
    on_device = _keep_on_device(images, config.data, shared)
    labels = create_labels(domains, config, stages)

    def label(step: int) -> RawBatch:
        rows = {domain: samplers[domain](step)[mine] for domain in {d for _, d in labels}}
        return {
            f"{name}_{domain}": values[rows[domain]] for (name, domain), values in labels.items()
        }

    def numbers(step: int) -> RawBatch:
        found = {d: sampler(step)[mine].astype(np.int32) for d, sampler in samplers.items()}
        return found | label(step)

    def pixels(step: int) -> RawBatch:
        found = {d: images[d][sampler(step)[mine]] for d, sampler in samplers.items()}
        return found | label(step)

    if on_device:
        resident = {domain: np.asarray(each) for domain, each in images.items()}
        return Batches(resident, lambda start, stop: map(numbers, range(start, stop)))
    if _streamed(images):
        return Batches({}, lambda start, stop: _prefetch(pixels, start, stop))
    return Batches({}, lambda start, stop: map(pixels, range(start, stop)))


def create_labels(
    domains: Mapping[str, Examples], config: Any, stages: Sequence[Stage]
) -> dict[tuple[str, str], np.ndarray]:
    """Labels of photos that the run's objectives need: (field, domain) -> [N, ...].

    Raises:
      UserError: more people than `config.recognizer.people`.
    """
    wanted = {label for stage in stages for label in OBJECTIVES[stage.objective].labels}
    labels = {
        ("yaw", domain): domains[domain]["yaw"].astype(np.float32)
        for domain in DOMAINS
        if ("yaw", domain) in wanted
    }
    for name, domain in sorted(wanted - {(n, d) for n in ("yaw", "subject") for d in DOMAINS}):
        if name not in domains[domain]:
            raise UserError(
                f"config.data.{domain}={config.data[domain]!r} does not know the {name} that "
                "this run needs; choose datasets as in its config"
            )
        labels[name, domain] = domains[domain][name]
    if ("subject", DOMAINS[0]) in wanted:  # numbered over both domains, which share people
        subjects = [domains[domain]["subject"] for domain in DOMAINS]
        people, person = np.unique(np.concatenate(subjects), return_inverse=True)
        if len(people) > config.recognizer.people:
            raise UserError(
                f"config.recognizer.people={config.recognizer.people}, but there are {len(people)} "
                "in the training photos; give at least as many"
            )
        parts = np.split(person.astype(np.int32), [len(subjects[0])])
        labels |= {("subject", d): part for d, part in zip(DOMAINS, parts, strict=True)}
    return labels


def create_samplers(domains: Mapping[str, Examples], config: Any) -> dict[str, Sampler]:
    """A sampler for each domain; paired domains share theirs.

    Raises:
      UserError: a batch larger than a domain, or `uniform_yaw` without a known yaw.
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
        if number and data.paired:
            samplers[domain] = samplers[DOMAINS[0]]
            continue
        weights = None
        if data.uniform_yaw and domain == "unrestricted":
            if not np.isfinite(examples["yaw"]).any():
                raise UserError(
                    f"config.data.uniform_yaw=True, but none of the {count} photos of "
                    f"{data.unrestricted!r} has a known yaw; set it to False"
                )
            weights = yaw_weights(examples["yaw"])
        samplers[domain] = make_sampler(config.seed, number, data.batch_size, count, weights)
    return samplers


def look_up(resident: Mapping[str, jax.Array], batch: Mapping[str, jax.Array]) -> dict[str, Any]:
    """Replaces indices in a batch by images uint8 [B, H, W, 1]; for use inside jit."""
    return {d: resident[d][rows] if d in resident else rows for d, rows in batch.items()}


def _prefetch(batch: Callable[[int], RawBatch], start: int, stop: int) -> Iterator[RawBatch]:
    """Batches that threads prepare ahead of their use."""
    import grain  # importing it takes a second; only streaming needs it

    threads = 2 * (os.cpu_count() or 1)
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * threads)
    return iter(grain.MapDataset.range(start, stop).map(batch).to_iter_dataset(options))


def _keep_on_device(images: Mapping[str, Any], data: Any, shared: bool) -> bool:
    """Whether to keep all photos in the device's memory.

    Args:
      images: by domain.
      data: `config.data`.
      shared: whether several processes share the rows of a batch.

    Raises:
      UserError: `on_device` is unknown, or "true" where that is impossible.
    """
    check_choice(data.on_device, ON_DEVICE, "config.data.on_device")
    if data.on_device == "auto":
        return not (shared or _streamed(images)) and _fit_on_device(images)
    if data.on_device == "true" and shared:
        raise UserError(
            "config.data.on_device='true' has every process read all photos; set it to 'auto'"
        )
    if data.on_device == "true" and _streamed(images):
        raise UserError(
            f"config.data.on_device='true', but the photos take more than config.data.memory_mb="
            f"{data.memory_mb}; raise that, or set on_device to 'auto'"
        )
    return data.on_device == "true"


def _streamed(images: Mapping[str, Any]) -> bool:
    return any(isinstance(each, StreamedImages) for each in images.values())


def _fit_on_device(images: Mapping[str, Any]) -> bool:
    """Whether there is an accelerator with room for all photos."""
    if jax.default_backend() == "cpu":
        return False
    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit", 0)
    return sum(each.nbytes for each in images.values()) < DEVICE_SHARE * limit
