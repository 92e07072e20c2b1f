"""What the networks make of held-out images, as numbers and as pictures."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from facealign.data.load import Examples, to_float, to_uint8
from facealign.errors import lookup
from facealign.metrics import image_quality
from facealign.names import DOMAINS, SWAP, encoder_of
from facealign.training import losses
from facealign.training.recognizer_check import measure_pixels, measure_recognizer
from facealign.training.state import NetState, Network, TrainState, apply_network, averaged
from facealign.workdir.figures import draw_grid

BATCH_SIZE = 32
MEAN_OF = 2000  # training images that the mean one is made of
TINY = 1e-6
SAMPLES = 4  # rows of the sample grid, of each split

# Of images [B, H, W, C] in [-1, 1] and their targets, [B].
AGAINST_TARGET = {"l1": losses.l1, "psnr": image_quality.psnr, "ssim": jax.jit(image_quality.ssim)}

# (state, images uint8 [N, H, W, 1], decoder) -> images float32 [N, H, W, 1] in [-1, 1]
Translate = Callable[[TrainState, np.ndarray, str], np.ndarray]


class View(NamedTuple):
    """A kind of output that is looked at."""

    domain: str  # of the inputs
    decoder: str
    target: str  # the domain whose images the outputs should equal, or "" where nobody knows them


def views(paired: bool, turned: bool = False) -> dict[str, View]:
    """All kinds of a run by name.

    Args:
      paired: each R image is the target of a U image.
      turned: R's images come turned as well, as the domain "turned"; then R's decoder alone counts.
    """
    swap = View(*SWAP, target="restricted" if paired else "")
    if turned:
        return {"turned": View("turned", "decoder_r", "restricted"), "swap": swap}
    found = {"reconstruction_u": View("unrestricted", "decoder_u", "unrestricted")}
    if not paired:
        found["reconstruction_r"] = View("restricted", "decoder_r", "restricted")
    return found | {"swap": swap}


class Evaluator:
    """Evaluates states of one run, always on the same images of its held-out people.

    The domain "people", where given, holds photos that its recognizer has to tell apart.
    """

    def __init__(
        self,
        config: Any,
        networks: Mapping[str, Network],
        train: Mapping[str, Examples],
        held_out: Mapping[str, Examples],
    ):
        every = views(config.data.paired, turned="turned" in held_out)
        self.views = {name: view for name, view in every.items() if view.decoder in networks}
        names = [f"l1/{name}" for name, view in self.views.items() if view.target]
        names += ["eer/recognizer"] if "people" in held_out else []
        lookup(dict.fromkeys(names), config.best_metric, "config.best_metric")
        self._translate = make_translate(networks)
        self._recognizer = networks.get("recognizer")
        self._train, self._held_out = train, dict(held_out)
        self._people = self._held_out.pop("people", None)
        self._samples = choose_samples((train, self._held_out), SAMPLES)
        self.before: dict[str, np.ndarray] = {}  # outputs of the last call of `measure`

    def measure(self, state: TrainState, names: Sequence[str] = ("l1",)) -> dict[str, float]:
        """Diversity, sharpness of every view, how far its outputs moved since the last call, L1.

        Or other metrics of `AGAINST_TARGET`.
        """
        outputs = {
            name: self._translate(state, self._held_out[view.domain]["image"], view.decoder)
            for name, view in self.views.items()
        }
        numbers = measure(outputs, self._held_out, self.views, names)
        for view, before in self.before.items():
            numbers[f"change/{view}"] = float(np.abs(outputs[view] - before).mean())
        self.before = outputs
        if self._people:
            net = averaged(state).nets["recognizer"].replace(opt_state={}, ema={})
            numbers |= measure_recognizer(self._recognizer, net, self._people)
        return numbers

    def baselines(self, names: Sequence[str] = ("l1",)) -> dict[str, dict[str, float]]:
        """The same numbers for outputs that need no network."""
        rows = measure_baselines(self._train, self._held_out, self.views, names)
        return rows | ({"pixels compared": measure_pixels(self._people)} if self._people else {})

    def draw(self, state: TrainState) -> np.ndarray:
        """The sample grid, uint8 [height, width]: people seen in training and held-out people."""
        u, r = (self._samples[domain] for domain in DOMAINS)
        columns = {"input": u}
        if "reconstruction_u" in self.views:
            columns["reconstruction"] = to_uint8(self._translate(state, u, "decoder_u"))
        if "swap" in self.views:
            columns["swap"] = to_uint8(self._translate(state, u, "decoder_r"))
        if "turned" in self.views:
            turned = self._samples["turned"]
            columns["turned"] = turned
            columns["turned back"] = to_uint8(self._translate(state, turned, "decoder_r"))
        paired = "swap" in self.views and self.views["swap"].target
        columns["target" if paired else "R photo"] = r
        if "reconstruction_r" in self.views:
            columns["reconstruction "] = to_uint8(self._translate(state, r, "decoder_r"))
        return draw_grid(columns, {"training": SAMPLES, "held out": SAMPLES})


def evaluate(
    config: Any,
    networks: Mapping[str, Network],
    state: TrainState,
    train: Mapping[str, Examples],
    data: Mapping[str, Examples],
) -> dict[str, dict[str, float]]:
    """Numbers of a state on all of the data, beside baselines: name -> number by name."""
    evaluator = Evaluator(config, networks, train, data)
    names = tuple(AGAINST_TARGET)
    return {config.model.name: evaluator.measure(state, names), **evaluator.baselines(names)}


def make_translate(networks: Mapping[str, Network]) -> Translate:
    """Encodes and decodes any number of images in batches of one size.

    So it compiles once, for all decoders that are alike.
    """
    kinds = {role: Network(net.module, None, dtype=net.dtype) for role, net in networks.items()}

    @partial(jax.jit, static_argnames="kind")
    def translate_batch(
        encoder: NetState, decoder: NetState, images: jax.Array, kind: Network
    ) -> jax.Array:
        code = apply_network(kinds["encoder"], encoder, to_float(images))
        return apply_network(kind, decoder, code)[-1]

    def translate(state: TrainState, images: np.ndarray, decoder: str) -> np.ndarray:
        nets, outputs = averaged(state).nets, []
        roles = (encoder_of(decoder, nets), decoder)
        own = [nets[role].replace(opt_state={}, ema={}) for role in roles]
        for start in range(0, len(images), BATCH_SIZE):
            batch = images[start : start + BATCH_SIZE]
            full = np.zeros((BATCH_SIZE, *batch.shape[1:]), batch.dtype)
            full[: len(batch)] = batch
            output = translate_batch(*own, full, kinds[decoder])
            outputs.append(np.asarray(output)[: len(batch)])
        return np.concatenate(outputs)

    return translate


def measure(
    outputs: Mapping[str, np.ndarray],
    data: Mapping[str, Examples],
    views: Mapping[str, View],
    names: Sequence[str] = ("l1",),
) -> dict[str, float]:
    """Means against the target of each view that has one; diversity and sharpness of each view.

    Diversity is a share of that of the inputs, sharpness of that of the R photos.
    """
    numbers, usual = {}, _sharpness(np.asarray(to_float(data["restricted"]["image"])))
    for name, images in outputs.items():
        view = views[name]
        if view.target:
            numbers |= _against(name, images, data[view.target]["image"], names)
        numbers[f"sharpness/{name}"] = _sharpness(images) / max(usual, TINY)
        if len(images) > 1:
            inputs = to_float(jnp.asarray(data[view.domain]["image"]))
            numbers[f"diversity/{name}"] = float(
                image_quality.diversity(jnp.asarray(images), inputs)
            )
    return numbers


def measure_baselines(
    train: Mapping[str, Examples],
    data: Mapping[str, Examples],
    views: Mapping[str, View],
    names: Sequence[str] = ("l1",),
) -> dict[str, dict[str, float]]:
    """The same for two outputs that need no network: the input, and the mean training image."""
    rows: dict[str, dict[str, float]] = {"copy of the input": {}, "mean training image": {}}
    for view, (domain, _, target) in views.items():
        if not target:
            continue
        images = data[target]["image"]
        some = take({target: train[target]}, MEAN_OF)[target]["image"]
        mean = np.asarray(to_float(some.mean(axis=0, keepdims=True)))
        means = np.repeat(mean, len(images), 0)
        rows["mean training image"] |= _against(view, means, images, names)
        if target != domain:
            inputs = np.asarray(to_float(data[domain]["image"]))
            rows["copy of the input"] |= _against(view, inputs, images, names)
    return {name: row for name, row in rows.items() if row}


def choose_samples(splits: Sequence[Mapping[str, Examples]], count: int) -> dict[str, np.ndarray]:
    """`count` images of each split by domain, for the sample grid: uint8 [splits * count, ...].

    As many people as there are, then further photos of them. Beside each U image stands an R image
    of the same subject, or of any, where the datasets share none.
    """
    chosen: dict[str, list[np.ndarray]] = {domain: [] for domain in splits[0]}
    for data in splits:
        u, r = (data[domain] for domain in DOMAINS)
        for index in _spread_over_subjects(u["subject"], count):
            same = np.flatnonzero(r["subject"] == u["subject"][index])
            row = same[0] if len(same) else index % len(r["image"])
            chosen["unrestricted"].append(u["image"][index])
            for domain in chosen.keys() - {"unrestricted"}:  # R, and R turned, row by row
                chosen[domain].append(data[domain]["image"][row])
    return {domain: np.stack(images) for domain, images in chosen.items()}


def take(data: Mapping[str, Examples], count: int) -> dict[str, Examples]:
    """At most `count` examples of each domain, evenly spaced, so that pairs stay together."""

    def spaced(examples: Examples) -> Examples:
        total = len(examples["image"])
        indices = np.linspace(0, total - 1, min(count, total)).astype(int)
        return {key: values[indices] for key, values in examples.items()}

    return {domain: spaced(examples) for domain, examples in data.items()}


def _against(
    view: str, images: np.ndarray, targets: np.ndarray, names: Sequence[str]
) -> dict[str, float]:
    """Means of metrics by NAME/VIEW, a batch at a time, since they take much memory."""
    numbers = {}
    for name in names:
        values = [
            AGAINST_TARGET[name](
                jnp.asarray(images[start : start + BATCH_SIZE]),
                to_float(jnp.asarray(targets[start : start + BATCH_SIZE])),
            )
            for start in range(0, len(images), BATCH_SIZE)
        ]
        numbers[f"{name}/{view}"] = float(np.concatenate(values).mean())
    return numbers


def _sharpness(images: np.ndarray) -> float:
    return float(image_quality.sharpness(jnp.asarray(images)).mean())


def _spread_over_subjects(subjects: np.ndarray, count: int) -> np.ndarray:
    """Indices [count] of photos: one of each of many people, or a second round over few."""
    people, person = np.unique(subjects, return_inverse=True)
    order = np.argsort(person, kind="stable")
    first = np.searchsorted(person[order], person[order])
    turn = np.arange(len(order)) - first  # 0 for a person's first photo, 1 for the second, ...
    rounds = order[np.lexsort((person[order], turn))]
    pool = rounds[: max(len(people), count)]
    return pool[np.linspace(0, len(pool) - 1, count).astype(int)]
