"""How well a run's detector finds the faces of held-out people, on canvases."""

from collections.abc import Mapping
from functools import partial

import jax
import numpy as np
from PIL import Image, ImageDraw

from facealign.data.face_canvases import SIZE, Canvases, compose
from facealign.data.load import Examples
from facealign.faces.search import LIKELY, choose
from facealign.geometry.face_cells import SMALLEST, Faces, centres, read_cells
from facealign.images import in_batches, to_float, to_uint8
from facealign.models.apply import NetState, Network, apply_network
from facealign.training.steps.detect import SEEN

DETECTOR_METRICS = ("lost/faces", "missed/faces", "invented/faces", "turned/faces")
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
    """The same for a face in the middle of each canvas, a baseline without a network."""
    del train
    canvases = _canvases(held_out)
    middle = np.full((1, 2), (SIZE - 1) / 2)
    face = Faces(middle, np.array([MIDDLE]), np.array([[0.0, -1.0]]), np.array([1.0]))
    return _errors([face] * len(canvases.image), canvases)


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
    canvases = _canvases(samples)
    pictures = []
    for image, faces in zip(
        to_uint8(canvases.image), _find(network, net, canvases.image, 0.2), strict=True
    ):
        picture = Image.fromarray(image[..., 0]).convert("RGB")
        pen = ImageDraw.Draw(picture)
        for centre, side, up, likeness in zip(*faces, strict=True):
            colour = COLOURS[bool(likeness >= LIKELY)]
            pen.ellipse([*(centre - side / 2), *(centre + side / 2)], outline=colour, width=2)
            pen.line([*centre, *(centre + up * side / 2)], fill=colour, width=2)
        pictures.append(np.asarray(picture))
    return {"found": np.stack(pictures)}
