"""How well a run's reader reads held-out heads, in photos and turned."""

from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw

from facealign.data.head_windows import middle_window
from facealign.data.load import Examples
from facealign.geometry import camera as cameras
from facealign.geometry.frame import SIZE as CROP
from facealign.geometry.frame import WIDTH
from facealign.geometry.reader_window import SIZE
from facealign.geometry.reader_window import WIDTH as WINDOW
from facealign.images import in_batches, to_float, to_uint8
from facealign.models.apply import NetState, Network, apply_network
from facealign.names import DOMAINS

KINDS = dict(zip(("photos", "turned"), DOMAINS, strict=True))
READER_METRICS = tuple(f"{what}/{kind}" for what in ("landmarks", "yaw") for kind in KINDS)
PX = WINDOW / 2 * CROP / WIDTH  # px of the canonical crop in half a window
DOT = 1.5  # px: radius of a landmark in a picture


def measure_reader(
    network: Network, net: NetState, held_out: Mapping[str, Examples]
) -> dict[str, float]:
    """Medians of errors: landmarks/KIND in px of the canonical crop, and yaw/KIND in degrees."""
    numbers = {}
    for kind, domain in KINDS.items():
        found = _read(network, net, held_out[domain]["image"])
        landmarks, rotation = found[:, :136].reshape(-1, 68, 2), found[:, 136:].reshape(-1, 3, 3)
        numbers |= _errors(kind, landmarks, rotation, held_out[domain])
    return numbers


def measure_mean(
    train: Mapping[str, Examples], held_out: Mapping[str, Examples]
) -> dict[str, float]:
    """The same for the mean training head, a baseline without a network."""
    numbers = {}
    for kind, domain in KINDS.items():
        landmarks, known = _in_window(train[domain]), train[domain]["known"][..., None]
        mean = (landmarks * known).sum(axis=0) / np.maximum(known.sum(axis=0), 1e-6)
        count = len(held_out[domain]["known"])
        guess = np.repeat(mean[None], count, 0), np.repeat(np.eye(3)[None], count, 0)
        numbers |= _errors(kind, *guess, held_out[domain])
    return numbers


def _errors(
    kind: str, landmarks: np.ndarray, rotation: np.ndarray, examples: Examples
) -> dict[str, float]:
    error = PX * np.linalg.norm(landmarks - _in_window(examples), axis=-1)
    yaw, known = (
        np.asarray(cameras.angles_of(each))[:, 0] for each in (rotation, examples["rotation"])
    )
    return {
        f"landmarks/{kind}": float(np.median(error[examples["known"] >= 1])),
        f"yaw/{kind}": float(np.median(np.abs(yaw - known))),
    }


def _in_window(examples: Examples) -> np.ndarray:
    """The known landmarks [N, 68, 2], from -1 to 1 across the middle windows of the photos."""
    nothing = jnp.zeros((len(examples["landmarks"]), 4, 4, 1))
    return np.asarray(middle_window(nothing, jnp.asarray(examples["landmarks"]))[1])


def draw_reading(network: Network, net: NetState, photos: np.ndarray) -> np.ndarray:
    """Windows uint8 [N, SIZE, SIZE, 3] of photos uint8, with the landmarks that are read."""
    found = _read(network, net, photos)[:, :136].reshape(-1, 68, 2)
    windows, _ = middle_window(to_float(jnp.asarray(photos)), jnp.zeros((len(photos), 1, 2)))
    pictures = []
    for window, landmarks in zip(to_uint8(windows), found, strict=True):
        picture = Image.fromarray(window)
        draw = ImageDraw.Draw(picture)
        for x, y in (landmarks + 1) * (SIZE / 2) - 0.5:
            draw.ellipse((x - DOT, y - DOT, x + DOT, y + DOT), fill=(0, 255, 0))
        pictures.append(np.asarray(picture))
    return np.stack(pictures)


def _read(network: Network, net: NetState, photos: np.ndarray) -> np.ndarray:
    """Landmarks and rotation of each photo, [N, 136 + 9]."""
    return in_batches(partial(_apply, network, net), photos)


@partial(jax.jit, static_argnums=0)
def _apply(network: Network, net: NetState, photos: jax.Array) -> jax.Array:
    windows, _ = middle_window(to_float(photos), jnp.zeros((len(photos), 1, 2)))
    output = apply_network(network, net, windows)
    parts = (output[name].reshape(len(photos), -1) for name in ("landmarks", "rotation"))
    return jnp.concatenate(list(parts), axis=1)
