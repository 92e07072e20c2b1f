"""What the pictures and the columns of a run's page show, in plain words."""

from collections.abc import Iterable

PICTURES = {  # a number of the run -> what its pictures show; the first match is taken
    "l1/turned": "swap: the input, seen from the front. turned: R's photo, turned away in 3D. "
    "turned back: by the network, which sees nothing else; it should equal R's photo.",
    "l1/near": "turned: what came back of a portrait turned away, not mended. truth: what mended "
    "should equal.",
    "l1/swap": "swap: the input as R's decoder draws it. target: what it should equal.",
    "sharpness/swap": "reconstruction: of the image left of it. swap: the input as R's decoder "
    "draws it, which no image of R has to equal.",
    "landmarks/photos": "Green: the 68 landmarks that the network reads. Those of a hidden side "
    "are guesses, and are not measured.",
    "error/composed": "Green: what the network takes for background.",
    "lost/faces": "Circles: what may be a face; the line points up. Green: taken for one; red: "
    "not. Blocky patches are faces that were painted over.",
    "eer/recognizer": "Photos that the network compares. It makes no pictures.",
}
NUMBERS = {  # what stands before the slash in the names of numbers
    "l1": "mean distance from the wanted image, of values in [-1, 1]",
    "sharpness": "divided by that of R's images",
    "diversity": "divided by that of the inputs",
    "change": "mean distance from the outputs at the previous evaluation",
    "landmarks": "median error in px of a crop 128 px wide",
    "yaw": "median error in degrees",
    "error": "mean error of a matte from 0 to 1, where it is known",
    "lost": "1 - average precision",
    "missed": "share of the faces",
    "invented": "finds without a face, in a canvas",
    "turned": "median error of the way up in degrees, of faces found; in brackets of all",
    "eer": "equal error rate, the share of pairs of photos that are told wrongly",
    "auc": "area under the ROC curve, high is good; 0.5 is a guess",
}


def describe_pictures(names: Iterable[str]) -> str:
    """What the sample pictures of a run show that has numbers of these names; "" if unknown."""
    there = set(names)
    return next((text for name, text in PICTURES.items() if name in there), "")


def describe_numbers(names: Iterable[str]) -> str:
    """What each kind of number is, one after another."""
    kinds = dict.fromkeys(name.split("/")[0] for name in names)
    return "; ".join(f"{kind}: {NUMBERS[kind]}" for kind in kinds if kind in NUMBERS)
