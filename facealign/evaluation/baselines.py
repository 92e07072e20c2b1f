"""Outputs that need no network. A number without them is no evidence."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from facealign.evaluation.test_photos import Bench
from facealign.faces.dlib_tools import five_points
from facealign.geometry import frame, generic_turn

BLUR = 1 / 32  # standard deviation of the blurred input, as a share of the image's side
ALIGNED = {"cfp", "lfw", "lfw-frontal", "mugshots"}  # prepared photos are alignments


class Outputs(NamedTuple):
    """What a system makes of the photos, or of some of them."""

    images: np.ndarray  # uint8 [n, H, W, 1]
    rows: np.ndarray  # [n] of the photo that each was made of


Baseline = Callable[[Bench], Outputs]


def comes_aligned(dataset: str) -> bool:
    """Whether the prepared photos of a dataset, or of several joined by +, are canonical crops."""
    return set(dataset.split("+")) <= ALIGNED


def of_all(images: np.ndarray) -> Outputs:
    """Outputs for every photo, in their order."""
    return Outputs(images, np.arange(len(images)))


def take_input(bench: Bench) -> Outputs:
    """The photo itself."""
    return of_all(bench.photos.examples["image"])


def align(bench: Bench) -> Outputs:
    """Rotated, scaled and shifted until the found eyes, nose and mouth are where they should be.

    A photo without a face stays as it is. Nothing where the photos were prepared that way.
    """
    if comes_aligned(bench.photos.dataset) or bench.measured is None:
        return of_all(bench.photos.examples["image"][:0])
    return of_all(aligned(bench))


def turn_back(bench: Bench) -> Outputs:
    """Turned to the front in 3D by one generic head, from the measured pose, without learning.

    A photo of unknown yaw stays as it is.
    """
    if np.isnan(bench.yaw).all():
        return of_all(bench.photos.examples["image"][:0])
    pitch = np.full(len(bench.yaw), np.nan) if bench.measured is None else bench.measured.pitch
    return of_all(generic_turn.turn_back(aligned(bench), bench.yaw, pitch))


def aligned(bench: Bench) -> np.ndarray:
    """The photos as canonical crops, as far as a face is found in them."""
    images = bench.photos.examples["image"]
    if comes_aligned(bench.photos.dataset) or bench.measured is None:
        return images
    crops, size = images.copy(), images.shape[1]
    for row in np.flatnonzero(bench.measured.found):
        points = five_points(bench.measured.landmarks[row])
        photo = Image.fromarray(images[row, :, :, 0])
        crops[row] = frame.crop(photo, frame.from_five_points(points, size), size)
    return crops


def mean_face(bench: Bench) -> Outputs:
    """The mean R photo of training, whoever is asked for: frontal, and nobody."""
    mean = np.rint(bench.train["restricted"]["image"].mean(axis=0, keepdims=True))
    return of_all(np.repeat(mean.astype(np.uint8), len(bench.person), axis=0))


def blur(bench: Bench) -> Outputs:
    """The photo out of focus: the same pose and person, not sharp."""
    images = bench.photos.examples["image"]
    focus = ImageFilter.GaussianBlur(BLUR * images.shape[1])
    blurred = [np.asarray(Image.fromarray(image[:, :, 0]).filter(focus)) for image in images]
    return of_all(np.stack(blurred)[..., None])


def stranger(bench: Bench) -> Outputs:
    """A random R photo of training, one for each person: frontal, sharp, not them.

    It would pass for perfect where outputs are only compared with outputs.
    """
    training = bench.train["restricted"]
    names = bench.photos.examples["subject"]
    order = np.random.default_rng(bench.seed).permutation(len(training["image"]))
    chosen = np.zeros(len(names), int)
    for number, name in enumerate(np.unique(names)):
        rest = np.roll(order, -number)  # another photo for everybody, as long as there are enough
        others = rest[training["subject"][rest] != name]
        chosen[names == name] = others[0] if len(others) else rest[0]
    return of_all(training["image"][chosen])


def another_photo(bench: Bench) -> Outputs:
    """Another real frontal photo of the person, what an oracle would give; not the gallery's.

    For the photos of those who have one.
    """
    images = bench.photos.examples["image"]
    rng = np.random.default_rng(bench.seed)
    made = {}
    for row, person in enumerate(bench.person):
        own = bench.frontal[bench.person[bench.frontal] == person]
        own = own[(own != row) & (own != bench.gallery[person])]
        if len(own):
            made[row] = rng.choice(own)
    return Outputs(images[list(made.values())], np.array(list(made), int))


BASELINES: dict[str, Baseline] = {
    "input": take_input,
    "geometric alignment": align,
    "generic 3D turn": turn_back,
    "mean R face": mean_face,
    "blurred input": blur,
    "stranger (R photo)": stranger,
    "another photo (oracle)": another_photo,
}
