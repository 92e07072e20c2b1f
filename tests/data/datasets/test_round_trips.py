"""Round trips as examples: pairs of the same photo, always the same, of training people."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from facealign.data.datasets import round_trips, schema
from facealign.errors import UserError
from facealign.faces.reading import load_reader
from facealign.faces.turning.layout import GRID
from facealign.models.completion import KNOWN, MAPS, OWN
from tests.data.datasets.test_heads import known_photos


@pytest.fixture(scope="module")
def examples():
    known = known_photos("train", 2)
    chosen = round_trips._choose(iter(known), "train", None)
    trips = [round_trips._leave(*each) for each in round_trips._read(iter(known), chosen, 1)]
    with ThreadPoolExecutor(1) as pool:
        found = round_trips._return(load_reader(), trips, pool)
    pairs = zip(trips, found, strict=True)
    return trips, [dict(round_trips._examples(*pair)) for pair in pairs if pair[1]]


def pixels(example):
    return np.asarray(Image.open(example["image"]))


def test_a_photo_that_comes_back_gives_a_pair(examples):
    _, found = examples
    assert found
    for pair in found:
        (_, returned), (_, truth) = sorted(pair.items(), key=lambda each: each[1]["domain"])[::-1]
        assert returned["domain"] == "unrestricted" and truth["domain"] == "restricted"
        assert returned["subject"] == truth["subject"] and returned["yaw"] == truth["yaw"]
        assert 5 < abs(returned["yaw"]) < 95
        assert pixels(returned).shape == pixels(truth).shape == (GRID, GRID, 3)
        assert returned["maps"].shape == (GRID // 2, GRID // 2, MAPS + 1)
        assert returned["maps"][..., [OWN, KNOWN]].max() == 255 and not truth["maps"].any()


def test_the_same_photo_goes_the_same_way(examples):
    trips, _ = examples
    first = trips[0]
    again = round_trips._leave(first.known, first.head, 0, first.photo)
    assert again.name == first.name
    digests = {hashlib.sha256(np.asarray(t.seen).tobytes()).digest() for t in (first, again)}
    assert len(digests) == 1
    np.testing.assert_array_equal(first.window, again.window)


def test_only_some_photos_of_a_person_and_only_of_the_split():
    known = known_photos("train", 6)
    every = round_trips._choose(iter(known), "train", None)
    some = round_trips._choose(iter(known), "train", 1)
    people = {name.split("/")[0] for name in every}
    assert len(every) > len(some) == len(people) and set(some) < set(every)
    assert {schema.split_of(person) for person in people} == {"train"}
    with pytest.raises(UserError, match="nobody in this split"):
        round_trips._choose(iter(known), "validation", None)


def test_a_file_of_the_same_name_comes_once():
    known = known_photos("train", 1)
    chosen = round_trips._choose(iter(known), "train", None)
    assert len(list(round_trips._read(iter([*known, *known]), chosen, 3))) == 3
