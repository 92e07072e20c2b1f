"""Photos of an evaluation: which are asked for, which are frontal, which are the gallery."""

import re

import numpy as np
import pytest

from facealign.errors import UserError
from facealign.evaluation.evaluation_set import is_probe, load_photos
from tests import toy_faces
from tests.evaluation.toy_comparison import measure, toy_set


def test_the_gallery_is_the_most_frontal_photo_and_no_probe():
    examples = toy_faces.examples([(0, 7, 0, True), (0, -3, 1, True), (1, 0, 0, False)])
    measured = measure(examples["image"])
    made = toy_set(examples, measured)
    assert made.gallery.tolist() == [1, -1] and made.frontal.tolist() == [0, 1]
    assert is_probe(made).tolist() == [True, False, False]
    examples["yaw"] = np.array([1, 20, 0], np.float32)  # the yaw of the dataset takes precedence
    made = toy_set(examples, measured)
    assert made.gallery.tolist() == [0, -1] and made.frontal.tolist() == [0]
    assert toy_set(examples, None).gallery.tolist() == [0, 2]


def test_photos_by_dataset_and_split(tiny):
    photos = load_photos(tiny.data, "")
    assert photos.dataset == "polygons" and photos.splits == ("test",)
    assert set(photos.examples["domain"]) == {"unrestricted"}
    both = load_photos(tiny.data, "lfw:test,validation")
    assert set(both.examples["subject"]) == {"Fernando_Alonso", "Ulla_Berg", "Jackie_Chan",
                                             "Ola_Nordmann"}  # fmt: skip


@pytest.mark.parametrize(("on", "message"), [
    ("orl_face", "--on='orl_face' is unknown (did you mean 'orl_faces'?)"),
    ("polygons:tset", "--on='tset' is unknown (did you mean 'test'?)"),
    ("mugshots", "--on=mugshots has restricted photos only"),
])  # fmt: skip
def test_photos_that_cannot_be_evaluated_on(tiny, on, message):
    with pytest.raises(UserError, match=re.escape(message)):
        load_photos(tiny.data, on)
