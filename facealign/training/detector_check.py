"""How well a run's detector and verifier find the faces of held-out people, on canvases."""

from collections.abc import Mapping
from functools import partial

import jax
import numpy as np
from PIL import Image, ImageDraw

from facealign.data.face_canvases import SIZE, Canvases, compose
from facealign.data.load import Examples
from facealign.faces.search import LIKELY, POSSIBLE, choose
from facealign.faces.verify import cut_windows
from facealign.geometry.face_cells import SMALLEST, Faces, centres, read_cells
from facealign.images import in_batches, to_float, to_uint8
from facealign.models.apply import NetState, Network, apply_network
from facealign.training.steps.detect import SEEN

DETECTOR_METRICS = ("lost/faces", "missed/faces", "invented/faces", "turned/faces")
VERIFIER_METRICS = tuple(name.replace("faces", "verified") for name in DETECTOR_METRICS)
LEAST = 0.05  # likeness from which faces count for the average precision
NEAR, ALIKE = 0.3, 1.6  # sides from a face to a find that is it; ratio of their sides
MIDDLE = 60.0  # px: side of the face that the baseline finds in the middle
COLOURS = {True: (0, 160, 80), False: (220, 60, 40)}  # of likely faces, and of others


def measure_detector(
    network: Network, net: NetState, held_out: Mapping[str, Examples]
) -> dict[str, float]:
    """lost: 1 - average precision. missed: share of faces. invented: finds a canvas. turned: the
    median of the degrees by which the way up is wrong."""
    canvases = _canvases(held_out)
    return _errors(_find(network, net, canvases.image, LEAST), canvases)


def measure_middle(
    train: Mapping[str, Examples], held_out: Mapping[str, Examples]
) -> dict[str, float]:
    """The same for an upright face in the middle of each canvas, a baseline without a network.

    The way up is compared with that of every face, since hardly any is hit.
    """
    del train
    canvases = _canvases(held_out)
    middle = np.full((1, 2), (SIZE - 1) / 2)
    face = Faces(middle, np.array([MIDDLE]), np.array([[0.0, -1.0]]), np.array([1.0]))
    there = (2 * canvases.ball[..., 2] >= SMALLEST) & (canvases.seen >= SEEN)
    turned = np.degrees(np.arccos(-canvases.up[there][:, 1].clip(-1, 1)))
    errors = _errors([face] * len(canvases.image), canvases)
    return errors | ({"turned/faces": float(np.median(turned))} if there.any() else {})


def measure_verifier(
    detector: Network,
    detector_net: NetState,
    network: Network,
    net: NetState,
    held_out: Mapping[str, Examples],
) -> dict[str, float]:
    """The numbers of `measure_detector` for what the verifier takes for faces."""
    canvases = _canvases(held_out)
    found = _find(detector, detector_net, canvases.image, POSSIBLE)
    return _of_verified(_errors(_verify(network, net, canvases.image, found), canvases))


def measure_middle_verified(
    train: Mapping[str, Examples], held_out: Mapping[str, Examples]
) -> dict[str, float]:
    """`measure_middle`, under the names of `measure_verifier`."""
    return _of_verified(measure_middle(train, held_out))


def _of_verified(numbers: dict[str, float]) -> dict[str, float]:
    return dict(zip(VERIFIER_METRICS, (numbers[name] for name in DETECTOR_METRICS), strict=True))


def _canvases(examples: Mapping[str, Examples]) -> Canvases:
    """Canvases of U's photos and R's pictures, always the same."""
    photos, pictures = examples["unrestricted"], examples["restricted"]
    rows = np.arange(len(photos["image"])) % len(pictures["image"])
    composed = jax.jit(compose)(
        to_float(photos["image"]),
        photos["ball"],
        photos["up"],
        to_float(pictures["image"][rows]),
        jax.random.key(0),
    )
    return Canvases(*map(np.asarray, composed))


def _find(network: Network, net: NetState, images: np.ndarray, least: float) -> list[Faces]:
    said = in_batches(partial(_say, network, net), images)
    return [choose(read_cells(each, centres(SIZE, SIZE), least)) for each in said]


@partial(jax.jit, static_argnums=0)
def _say(network: Network, net: NetState, images: jax.Array) -> jax.Array:
    return apply_network(network, net, images)


def _verify(network: Network, net: NetState, images: np.ndarray, found: list[Faces]) -> list[Faces]:
    """Faces with the mean likeness of detector and verifier."""
    photos = [Image.fromarray(image[..., 0]) for image in to_uint8(images)]
    windows = [cut_windows(*each) for each in zip(photos, found, strict=True)]
    if not any(map(len, windows)):
        return found
    logits = in_batches(partial(_say, network, net), np.concatenate(windows))
    ends = np.cumsum([len(each) for each in windows])[:-1]
    likeness = np.split(1 / (1 + np.exp(-logits.clip(-30, 30))), ends)
    return [
        faces._replace(likeness=(faces.likeness + own) / 2)
        for faces, own in zip(found, likeness, strict=True)
    ]


def _errors(found: list[Faces], canvases: Canvases) -> dict[str, float]:
    likeness, right, turned, known, hit, invented = [], [], [], 0, 0, 0
    for faces, ball, up, seen in zip(found, *canvases[1:], strict=True):
        there = (2 * ball[:, 2] >= SMALLEST) & (seen >= SEEN)
        maybe = (ball[:, 2] > 0) & ~there  # half hidden: neither right nor wrong
        taken = set()
        known += int(there.sum())
        for i in np.argsort(-faces.likeness):
            away = np.linalg.norm(ball[:, :2] - faces.centre[i], axis=1) / np.maximum(
                2 * ball[:, 2], 1e-6
            )
            ratio = np.abs(np.log(np.maximum(2 * ball[:, 2], 1e-6) / faces.side[i]))
            near = (away < NEAR) & (ratio < np.log(ALIKE))
            mine = [k for k in np.flatnonzero(near & there) if k not in taken]
            likely = faces.likeness[i] >= LIKELY
            if mine:
                taken.add(mine[0])
                cosine = float(np.clip(faces.up[i] @ up[mine[0]], -1, 1))
                turned.append(np.degrees(np.arccos(cosine)))
                hit += likely
            elif (away[maybe] < 1).any():
                continue
            else:
                invented += likely
            likeness.append(faces.likeness[i])
            right.append(bool(mine))
    return {
        "lost/faces": 1 - _average_precision(np.array(likeness), np.array(right, bool), known),
        "missed/faces": 1 - hit / max(known, 1),
        "invented/faces": invented / max(len(found), 1),
        "turned/faces": float(np.median(turned)) if turned else 90.0,
    }


def _average_precision(likeness: np.ndarray, right: np.ndarray, known: int) -> float:
    """The mean precision over all faces that are known, of those not found 0."""
    if not known or not right.any():
        return 0.0
    right = right[np.argsort(-likeness, kind="stable")]
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    best_after = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best_after[right].sum() / known)


def draw_found(
    network: Network, net: NetState, samples: Mapping[str, Examples]
) -> dict[str, np.ndarray]:
    """Canvases with what is found on them, uint8 [N, SIZE, SIZE, 3]."""
    images = _canvases(samples).image
    return {"found": _draw(images, _find(network, net, images, POSSIBLE))}


def draw_verified(
    detector: Network,
    detector_net: NetState,
    network: Network,
    net: NetState,
    samples: Mapping[str, Examples],
) -> dict[str, np.ndarray]:
    """The same, with what the verifier says of it."""
    images = _canvases(samples).image
    found = _find(detector, detector_net, images, POSSIBLE)
    return {"verified": _draw(images, _verify(network, net, images, found))}


def _draw(images: np.ndarray, found: list[Faces]) -> np.ndarray:
    pictures = []
    for image, faces in zip(to_uint8(images), found, strict=True):
        picture = Image.fromarray(image[..., 0]).convert("RGB")
        pen = ImageDraw.Draw(picture)
        for centre, side, up, likeness in zip(*faces, strict=True):
            colour = COLOURS[bool(likeness >= LIKELY)]
            pen.ellipse([*(centre - side / 2), *(centre + side / 2)], outline=colour, width=2)
            pen.line([*centre, *(centre + up * side / 2)], fill=colour, width=2)
        pictures.append(np.asarray(picture))
    return np.stack(pictures)
