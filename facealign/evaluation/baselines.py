"""Baselines: outputs that need no network, which put the numbers of one into perspective."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from facealign.evaluation.evaluation_set import EvaluationSet
from facealign.geometry import frame, views
from facealign.geometry.frame import five_points

BLUR = 1 / 32  # standard deviation of the blurred input, as a share of the image's side
# Datasets prepared as canonical crops.
ALIGNED = {"cfp", "lfw", "lfw-frontal", "mugshots", "orl_faces-framed"}
SEED = 0  # of the random choices


class Outputs(NamedTuple):
    """What a system makes of the photos, or of some of them."""

    images: np.ndarray  # uint8 [n, H, W, 1]
    rows: np.ndarray  # [n] row of the photo that each output was made of


Baseline = Callable[[EvaluationSet], Outputs]


def comes_aligned(dataset: str) -> bool:
    """Whether the prepared photos of a dataset, or of several joined by +, are canonical crops."""
    return set(dataset.split("+")) <= ALIGNED


def of_all(images: np.ndarray) -> Outputs:
    """Outputs for every photo: images uint8 [N, H, W, 1] in the order of the photos."""
    return Outputs(images, np.arange(len(images)))


def no_outputs(eval_set: EvaluationSet) -> Outputs:
    """No outputs, where a baseline cannot be made; it is left out of the tables."""
    return of_all(eval_set.images[:0])


def take_input(eval_set: EvaluationSet) -> Outputs:
    """The photo itself."""
    return of_all(eval_set.images)


def align(eval_set: EvaluationSet) -> Outputs:
    """The photo rotated, scaled and shifted to the canonical frame by its eyes, nose and mouth.

    A photo without a face stays as it is. Left out where the photos are canonical crops already.
    """
    if comes_aligned(eval_set.photos.dataset) or eval_set.measured is None:
        return no_outputs(eval_set)
    return of_all(aligned(eval_set))


def turn_back(eval_set: EvaluationSet) -> Outputs:
    """The face turned to the front in 3D by one generic head, from its measured pose.

    A photo of unknown yaw stays as it is. Left out where the yaw of all photos is unknown.
    """
    if np.isnan(eval_set.yaw).all():
        return no_outputs(eval_set)
    measured = eval_set.measured
    pitch = np.full(len(eval_set.yaw), np.nan) if measured is None else measured.pitch
    return of_all(views.turn_back(aligned(eval_set), eval_set.yaw, pitch))


def aligned(eval_set: EvaluationSet) -> np.ndarray:
    """The photos as canonical crops, uint8 [N, H, W, 1]; those without a face stay as they are."""
    images, measured = eval_set.images, eval_set.measured
    if comes_aligned(eval_set.photos.dataset) or measured is None:
        return images
    crops, size = images.copy(), images.shape[1]
    for row in np.flatnonzero(measured.found):
        points = five_points(measured.landmarks[row])
        photo = Image.fromarray(images[row, :, :, 0])
        crops[row] = frame.crop(photo, frame.from_five_points(points, size), size)
    return crops


def mean_face(eval_set: EvaluationSet) -> Outputs:
    """The mean R photo of training for every photo: frontal, and nobody."""
    mean = np.rint(eval_set.training["image"].mean(axis=0, keepdims=True))
    return of_all(np.repeat(mean.astype(np.uint8), len(eval_set.person), axis=0))


def blur(eval_set: EvaluationSet) -> Outputs:
    """The photo out of focus: the same pose and person, not sharp."""
    focus = ImageFilter.GaussianBlur(BLUR * eval_set.images.shape[1])
    blurred = [
        np.asarray(Image.fromarray(image[:, :, 0]).filter(focus)) for image in eval_set.images
    ]
    return of_all(np.stack(blurred)[..., None])


def stranger(eval_set: EvaluationSet) -> Outputs:
    """A random R photo of training for each person: frontal, sharp, and somebody else.

    It would seem perfect if outputs were compared with outputs only.
    """
    training = eval_set.training
    names = eval_set.photos.examples["subject"]
    order = np.random.default_rng(SEED).permutation(len(training["image"]))
    chosen = np.zeros(len(names), int)
    for number, name in enumerate(np.unique(names)):
        rest = np.roll(order, -number)  # another photo for each person while there are enough
        others = rest[training["subject"][rest] != name]
        chosen[names == name] = others[0] if len(others) else rest[0]
    return of_all(training["image"][chosen])


def another_photo(eval_set: EvaluationSet) -> Outputs:
    """Another real frontal photo of the person, not the gallery photo: the output of an oracle.

    Only for photos of people who have such a photo.
    """
    rng = np.random.default_rng(SEED)
    made = {}
    for row, person in enumerate(eval_set.person):
        own = eval_set.frontal[eval_set.person[eval_set.frontal] == person]
        own = own[(own != row) & (own != eval_set.gallery[person])]
        if len(own):
            made[row] = rng.choice(own)
    return Outputs(eval_set.images[list(made.values())], np.array(list(made), int))


BASELINES: dict[str, Baseline] = {
    "input": take_input,
    "geometric alignment": align,
    "generic 3D turn": turn_back,
    "mean R face": mean_face,
    "blurred input": blur,
    "stranger (R photo)": stranger,
    "another photo (oracle)": another_photo,
}
