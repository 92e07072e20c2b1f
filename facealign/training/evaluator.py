"""Evaluates networks on held-out images: numbers, and a grid of samples."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from facealign.data.load import Examples, take
from facealign.images import in_batches, to_float, to_uint8
from facealign.metrics import image_quality
from facealign.models.apply import NetState, Network
from facealign.names import DOMAINS, SWAP
from facealign.training import losses
from facealign.training.checks import CHECKS, Trained
from facealign.training.recognizer_check import measure_pixels, measure_recognizer
from facealign.training.samples import choose_samples
from facealign.training.state import TrainState, averaged
from facealign.training.translate import make_translate
from facealign.workdir.figures import draw_grid

MEAN_OF = 2000  # training images in the mean training image
TINY = 1e-6
SAMPLES = 4  # rows of the sample grid, per split

# Metrics [B] of images and their targets, both [B, H, W, C] in [-1, 1].
AGAINST_TARGET = {"l1": losses.l1, "psnr": image_quality.psnr, "ssim": jax.jit(image_quality.ssim)}


class OutputKind(NamedTuple):
    """A kind of output to evaluate."""

    domain: str  # of the inputs
    decoder: str
    target: str  # domain of the images that the outputs should equal; "" if unknown


def output_kinds(paired: bool, turned: bool = False) -> dict[str, OutputKind]:
    """The kinds of output of a run, by name.

    Args:
      paired: each R image is the target of a U image.
      turned: there are turned R images, the domain "turned"; then only R's decoder is evaluated.
    """
    swap = OutputKind(*SWAP, target="restricted" if paired else "")
    if turned:
        return {"turned": OutputKind("turned", "decoder_r", "restricted"), "swap": swap}
    found = {"reconstruction_u": OutputKind("unrestricted", "decoder_u", "unrestricted")}
    if not paired:
        found["reconstruction_r"] = OutputKind("restricted", "decoder_r", "restricted")
    return found | {"swap": swap}


class Evaluator:
    """Evaluates states of one run, always on the same held-out images.

    Args:
      config: of the run.
      networks: of the run.
      train: the training examples by domain.
      held_out: the held-out examples by domain; "turned" has R's photos, turned.
      people: photos for the run's recognizer to tell apart; None if the run trains none.
    """

    def __init__(
        self,
        config: Any,
        networks: Mapping[str, Network],
        train: Mapping[str, Examples],
        held_out: Mapping[str, Examples],
        people: Examples | None = None,
    ):
        every = output_kinds(config.data.paired, turned="turned" in held_out)
        self.kinds = {name: kind for name, kind in every.items() if kind.decoder in networks}
        # Lower is better: what config.best_metric may name.
        self.best_metrics = [f"l1/{name}" for name, kind in self.kinds.items() if kind.target]
        self.best_metrics += ["eer/recognizer"] if people else []
        self._checks = {role: CHECKS[role] for role in CHECKS if role in networks}
        for check in self._checks.values():
            self.best_metrics += list(check.metrics)
        self._translate = make_translate(networks)
        self._networks = networks
        self._train, self._held_out, self._people = train, held_out, people
        self._samples = choose_samples((train, self._held_out), SAMPLES)
        self.before: dict[str, np.ndarray] = {}  # outputs of the last call of `measure`, by kind

    def measure(self, state: TrainState, names: Sequence[str] = ("l1",)) -> dict[str, float]:
        """Numbers by METRIC/KIND: those of the function `measure` for every kind of output.

        Adds change/KIND, the mean absolute change since the last call, if there was one; and the
        rates of a recognizer that the run trains. `names` are of `AGAINST_TARGET`.
        """
        outputs = {
            name: self._translate(state, self._held_out[kind.domain]["image"], kind.decoder)
            for name, kind in self.kinds.items()
        }
        numbers = measure(outputs, self._held_out, self.kinds, names)
        for kind, before in self.before.items():
            numbers[f"change/{kind}"] = float(np.abs(outputs[kind] - before).mean())
        self.before = outputs
        if self._people:
            net = self._net(state, "recognizer")
            numbers |= measure_recognizer(self._networks["recognizer"], net, self._people)
        for check in self._checks.values():
            numbers |= check.measure(self._trained(state), self._held_out)
        return numbers

    def _trained(self, state: TrainState) -> dict[str, Trained]:
        return {
            role: Trained(network, self._net(state, role))
            for role, network in self._networks.items()
        }

    def _net(self, state: TrainState, role: str) -> NetState:
        return averaged(state).nets[role].replace(opt_state={}, ema={})

    def baselines(self, names: Sequence[str] = ("l1",)) -> dict[str, dict[str, float]]:
        """Metrics of baselines that need no network: row -> metric -> value."""
        rows = measure_baselines(self._train, self._held_out, self.kinds, names)
        for check in self._checks.values():
            numbers = check.measure_baseline(self._train, self._held_out)
            rows[check.baseline] = rows.get(check.baseline, {}) | numbers
        if self._people:
            guess = {"eer/recognizer": 0.5, "auc/recognizer": 0.5}
            rows |= {"pixels compared": measure_pixels(self._people), "a guess": guess}
        return rows

    def draw(self, state: TrainState) -> np.ndarray:
        """The sample grid, uint8 [height, width]: training people above held-out people."""
        u, r = (self._samples[domain]["image"] for domain in DOMAINS)
        groups = {"training": SAMPLES, "held out": SAMPLES}
        columns = {}
        for check in self._checks.values():
            columns |= check.draw(self._trained(state), self._samples)
        if columns:
            return draw_grid(columns, groups)
        columns = {"input": u}
        if "reconstruction_u" in self.kinds:
            columns["reconstruction"] = to_uint8(self._translate(state, u, "decoder_u"))
        if "swap" in self.kinds:
            columns["swap"] = to_uint8(self._translate(state, u, "decoder_r"))
        if "turned" in self.kinds:
            turned = self._samples["turned"]["image"]
            columns["turned"] = turned
            columns["turned back"] = to_uint8(self._translate(state, turned, "decoder_r"))
        paired = "swap" in self.kinds and self.kinds["swap"].target
        columns["target" if paired else "R photo"] = r
        if "reconstruction_r" in self.kinds:
            columns["reconstruction "] = to_uint8(self._translate(state, r, "decoder_r"))
        return draw_grid(columns, groups)


def evaluate(
    config: Any,
    networks: Mapping[str, Network],
    state: TrainState,
    train: Mapping[str, Examples],
    data: Mapping[str, Examples],
) -> dict[str, dict[str, float]]:
    """Metrics of a state and of the baselines on all of the data: row -> metric -> value."""
    evaluator = Evaluator(config, networks, train, data)
    names = tuple(AGAINST_TARGET)
    return {config.model.name: evaluator.measure(state, names), **evaluator.baselines(names)}


def measure(
    outputs: Mapping[str, np.ndarray],
    data: Mapping[str, Examples],
    kinds: Mapping[str, OutputKind],
    names: Sequence[str] = ("l1",),
) -> dict[str, float]:
    """Numbers by METRIC/KIND, of outputs [N, H, W, C] in [-1, 1] by kind.

    Each metric of `names` against the target, where there is one; sharpness, divided by that of
    R's photos; diversity, divided by that of the inputs, if N > 1.
    """
    numbers, usual = {}, _sharpness(np.asarray(to_float(data["restricted"]["image"])))
    for name, images in outputs.items():
        kind = kinds[name]
        if kind.target:
            numbers |= _against(name, images, data[kind.target]["image"], names)
        numbers[f"sharpness/{name}"] = _sharpness(images) / max(usual, TINY)
        if len(images) > 1:
            inputs = to_float(jnp.asarray(data[kind.domain]["image"]))
            numbers[f"diversity/{name}"] = float(
                image_quality.diversity(jnp.asarray(images), inputs)
            )
    return numbers


def measure_baselines(
    train: Mapping[str, Examples],
    data: Mapping[str, Examples],
    kinds: Mapping[str, OutputKind],
    names: Sequence[str] = ("l1",),
) -> dict[str, dict[str, float]]:
    """`names` against the target, for the input itself and for the mean training image.

    Row -> metric -> value. Kinds without a target are left out, and an input that is the target.
    """
    rows: dict[str, dict[str, float]] = {"copy of the input": {}, "mean training image": {}}
    for kind, (domain, _, target) in kinds.items():
        if not target:
            continue
        images = data[target]["image"]
        some = take({target: train[target]}, MEAN_OF)[target]["image"]
        mean = np.asarray(to_float(some.mean(axis=0, keepdims=True)))
        means = np.repeat(mean, len(images), 0)
        rows["mean training image"] |= _against(kind, means, images, names)
        if target != domain:
            inputs = np.asarray(to_float(data[domain]["image"]))
            rows["copy of the input"] |= _against(kind, inputs, images, names)
    return {name: row for name, row in rows.items() if row}


def _against(
    kind: str, images: np.ndarray, targets: np.ndarray, names: Sequence[str]
) -> dict[str, float]:
    """Mean of each metric, by METRIC/KIND; in batches, to save memory."""

    def apply(metric: Callable, images: np.ndarray, targets: np.ndarray) -> jax.Array:
        return metric(jnp.asarray(images), to_float(jnp.asarray(targets)))

    return {
        f"{name}/{kind}": float(
            in_batches(partial(apply, AGAINST_TARGET[name]), images, targets).mean()
        )
        for name in names
    }


def _sharpness(images: np.ndarray) -> float:
    return float(image_quality.sharpness(jnp.asarray(images)).mean())
