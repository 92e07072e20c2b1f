"""Telling people apart: which photos are compared, and what is made of their distances."""

import numpy as np
import pytest

from facealign.errors import UserError
from facealign.training.recognizer_check import choose_people, measure_pixels, rates


def examples(subjects):
    images = np.random.default_rng(0).integers(0, 256, (len(subjects), 4, 4, 1), np.uint8)
    return {"image": images, "subject": np.array(subjects)}


def test_people_with_one_photo_are_left_out_and_at_most_four_are_taken_of_one():
    chosen = choose_people(examples(["a"] * 9 + ["b"] + ["c"] * 2))
    assert list(chosen["subject"]) == ["a"] * 4 + ["c"] * 2
    for few in (["a", "b"], ["a", "a", "b"]):
        with pytest.raises(UserError, match="two or more photos"):
            choose_people(examples(few))


def test_rates_by_hand():
    subjects = np.array(["a", "a", "b", "b"])
    apart = np.float32([[0, 1], [0, 1], [1, 0], [1, 0]])
    assert rates(apart, subjects) == {"eer/recognizer": 0.0, "auc/recognizer": 1.0}
    assert rates(apart[[0, 2, 1, 3]], subjects)["auc/recognizer"] == 0.25  # 2 of 4 impostors at 0
    assert rates(apart, np.array(["a"] * 4)) == {}


def test_equal_photos_are_one_person_and_gain_and_offset_do_not_matter():
    people = examples(["a", "b", "c"])
    half = people["image"] // 2 + 10
    both = {
        "image": np.concatenate([people["image"] // 2 * 2, half]),
        "subject": np.tile(people["subject"], 2),
    }
    assert measure_pixels(both)["eer/recognizer"] == 0
