"""The features of every example, and the split of every person."""

import csv
import functools
import hashlib
import unicodedata
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

SPLITS = ("train", "validation", "test")
OFFICIAL_SPLITS = Path(__file__).with_name("cfp_splits.csv")


def features(
    channels: int = 1, **extra: tfds.features.FeatureConnector
) -> tfds.features.FeaturesDict:
    """The features that every dataset has, and `extra` ones; images of 1 or 3 channels."""
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(None, None, channels)),  # square
            "subject": tfds.features.Text(),  # a person, or the pair of a drawn image
            "file_name": tfds.features.Text(),  # unique in the dataset; gives the order
            "domain": tfds.features.Text(),  # unrestricted, restricted, or "" if the pose decides
            "yaw": np.float32,  # degrees, as pitch and roll; nan if unknown
            "pitch": np.float32,
            "roll": np.float32,
            **extra,
        }
    )


@functools.cache
def official_splits() -> dict[str, str]:
    """Splits of the people in Celebrities in Frontal-Profile, by a digest of the subject."""
    with OFFICIAL_SPLITS.open(newline="") as file:
        return {row["digest"]: row["split"] for row in csv.DictReader(file)}


def split_of(subject: str) -> str:
    """The split of a person: train 80 %, validation 10 %, test 10 %, by a hash of the name.

    The folds of Celebrities in Frontal-Profile take precedence over the hash. A name has the same
    split in every dataset, so that nobody is trained on in one and tested on in another.
    """
    digest = hashlib.sha256(subject.encode()).hexdigest()[:16]
    if digest in official_splits():
        return official_splits()[digest]
    share = int(digest[:8], 16) / 2**32
    return "train" if share < 0.8 else "validation" if share < 0.9 else "test"


def in_restricted_half(subject: str) -> bool:
    """Whether a person is in the half that gives frontal photos; independent of the split."""
    return bool(hashlib.sha256(f"R:{subject}".encode()).digest()[0] & 1)


def subject_name(name: str) -> str:
    """A person's name as all datasets spell it: `José  Serra ` -> `José_Serra`, in NFC."""
    return "_".join(unicodedata.normalize("NFC", name).split())
