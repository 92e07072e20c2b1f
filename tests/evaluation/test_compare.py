"""A comparison on drawn faces ranks systems as it should, and says what it cannot say."""

import json

import numpy as np
import pytest

from facealign.errors import UserError
from facealign.evaluation import html_page, tables
from facealign.evaluation.baselines import BASELINES
from facealign.evaluation.compare import notes_on_photos
from tests import toy_faces
from tests.evaluation.toy_comparison import compare_toys, toy_set, value


def no_tools():
    raise UserError("faces cannot be measured; run: pip install -r requirements-faces.txt")


def hide(images):
    """Images in which no face is found."""
    hidden = images.copy()
    hidden[:, 16:, 16:] = 0
    return hidden


def test_systems_are_ranked_as_they_should(comparison):
    tar = {name: value(comparison, name, "TAR") for name in comparison.systems}
    assert tar["network"] == tar["input"] == tar["another photo (oracle)"] == 1
    assert tar["blurred input"] <= 1
    assert tar["mean R face"] < 0.1 and tar["stranger (R photo)"] < 0.25
    for name in ("network", "mean R face", "stranger (R photo)", "another photo (oracle)"):
        assert value(comparison, name, "yaw < 8") == 1
    assert value(comparison, "input", "yaw < 8") == 0.5  # 0, 2 and 4 of 0, 2, 4, 20, 35, 50
    sharp = {name: value(comparison, name, "sharpness") for name in comparison.systems}
    assert sharp["blurred input"] < 0.5 < sharp["input"]
    own = {name: value(comparison, name, "to input") for name in comparison.systems}
    assert own["input"] < 1e-4 and own["network"] < 1e-4 < own["another photo (oracle)"]
    assert own["another photo (oracle)"] < own["blurred input"] < own["stranger (R photo)"]
    novelty = {name: value(comparison, name, "novelty") for name in comparison.systems}
    assert novelty["stranger (R photo)"] == 0 < novelty["input"]
    assert value(comparison, "mean R face", "diversity") < 1e-3


def test_outputs_against_outputs_are_fooled_by_a_stranger(comparison):
    name = "stranger (R photo)"
    assert value(comparison, name, "TAR of outputs by outputs") == 1
    assert value(comparison, name, "TAR") < 0.25


def test_bins_hold_all_photos_by_the_yaw_of_the_input(comparison):
    scores = comparison.systems["input"].scores
    counts = {part: scores[part]["photos"].value for part in scores}
    assert counts == {"all": 72, "0-15": 36, "15-30": 12, "30-45": 12, "45+": 12}
    assert value(comparison, "input", "yaw < 8", "0-15") == 1
    assert value(comparison, "input", "yaw < 8", "45+") == 0
    assert value(comparison, "network", "yaw < 8", "45+") == 1
    assert abs(value(comparison, "input", "yaw median", "30-45") - 35) < 2


def test_a_permutation_of_people_destroys_identity_and_nothing_else():
    shifted = compare_toys(toy_faces.people(12), lambda images: np.roll(images, 6, axis=0))
    assert value(shifted, "network", "TAR") < 0.1 and value(shifted, "network", "rank-1") == 0
    assert value(shifted, "network", "yaw < 8") == value(shifted, "input", "yaw < 8")


def test_turning_raises_yaw_and_lowers_the_share_of_frontal_faces():
    def turn(images):
        turned = images.copy()
        turned[:, 16:, :16] = 128 + 30
        return turned

    turned = compare_toys(toy_faces.people(4), turn)
    assert abs(value(turned, "network", "yaw median") - 30) < 2
    assert value(turned, "network", "yaw < 8") == 0


def test_a_missed_face_is_a_failure_everywhere():
    def hide_every_second(images):
        hidden = images.copy()
        hidden[::2] = hide(images[::2])
        return hidden

    half = compare_toys(toy_faces.people(12, (0, 2, 3, 4)), hide_every_second)
    assert value(half, "network", "found") == 0.5
    assert value(half, "network", "yaw < 8") == 0.5
    assert value(half, "input", "yaw < 8") == 1
    # The gallery holds the photos at 0; of those at 2, 3 and 4 the one at 3 is hidden.
    assert value(half, "network", "TAR") == pytest.approx(2 / 3)
    assert value(half, "network", "rank-1") == pytest.approx(2 / 3)


def test_a_system_without_any_face_gets_the_worst_numbers():
    hidden = compare_toys(toy_faces.people(12), hide)
    assert value(hidden, "network", "TAR") == 0 and value(hidden, "network", "rank-1") == 0
    assert value(hidden, "network", "EER") == value(hidden, "network", "AUC") == 0.5
    assert np.isinf(value(hidden, "network", "yaw median"))
    assert np.isnan(value(hidden, "network", "KID"))
    assert any("FD, KID: too few faces" in note for note in hidden.notes)
    assert "no face" in tables.markdown(hidden, [])
    json.dumps(tables.to_json(hidden), allow_nan=False)


def test_without_face_tools_the_rest_is_measured():
    blind = compare_toys(toy_faces.people(3), open_cache=no_tools, names=BASELINES)
    assert any("requirements-faces.txt" in note for note in blind.notes)
    assert value(blind, "blurred input", "sharpness") < value(blind, "input", "sharpness")
    assert "TAR" not in blind.systems["network"].scores["all"]
    assert "TAR" not in tables.tables(blind)[0][1][0]
    assert "<h2>Examples</h2>" in html_page.html(blind, [])


def test_no_face_in_any_photo_is_noted():
    rows = [(person, 0.0, photo, False) for person in range(2) for photo in range(2)]
    blind = compare_toys(toy_faces.examples(rows))
    assert any("no face in any of the 4 photos" in note for note in blind.notes)
    assert "TAR" not in blind.systems["network"].scores["all"]


def test_one_person_only_is_noted():
    single = compare_toys(toy_faces.people(1))
    for name in ("TAR", "rank-1", "diversity", "to others", "KID"):
        assert np.isnan(value(single, "network", name))
    text = " ".join(single.notes)
    assert "one person only" in text
    assert "needs real frontal photos of two people and other photos of them" in text
    assert "there are 1 and 5" in text


def test_too_few_pairs_for_the_rate_are_noted():
    small = compare_toys(toy_faces.people(5))  # 5 people x 5 probes x 4 others = 100, and 20 a bin
    assert value(small, "network", "TAR") == 1
    assert np.isnan(value(small, "network", "TAR", "45+"))
    text = " ".join(small.notes)
    assert "TAR at 45+ degrees" in text and "needs 100 pairs of different people, has 20" in text
    assert np.isnan(value(compare_toys(toy_faces.people(4)), "network", "TAR"))


def test_photos_of_training_have_no_novelty():
    examples = toy_faces.training()["restricted"]
    seen = compare_toys(examples, names=(), splits=("train",))
    assert np.isnan(value(seen, "network", "novelty"))
    text = " ".join(seen.notes)
    assert "are those of training" in text and "Some of these people were trained on" in text


def test_a_system_for_canonical_crops_gets_aligned_photos():
    examples, name = toy_faces.people(4), "geometric alignment"
    canonical = compare_toys(examples, names=(name,), canonical=True)
    inputs, aligned = (canonical.systems[key].outputs.images for key in ("network", name))
    np.testing.assert_array_equal(inputs, aligned)
    assert (inputs != examples["image"]).any()


def test_people_without_a_frontal_photo_are_counted():
    rows = [(p, yaw, i, True) for p in range(3) for i, yaw in enumerate((0, 30))]
    mixed = compare_toys(toy_faces.examples([*rows, (3, 40, 0, True), (3, 50, 1, False)]))
    assert any(note.startswith("1 of 4 people") for note in mixed.notes)
    assert any(note.startswith("No face is found in 1 of 8") for note in mixed.notes)
    assert mixed.systems["input"].scores["unknown"]["photos"].value == 1
    assert value(mixed, "network", "rank-1") == 1


def test_aligned_photos_are_noted_and_have_no_row_for_alignment():
    examples = toy_faces.people(2)
    examples["yaw"][:] = 0
    aligned, mixed = (toy_set(examples, None, name) for name in ("lfw+cfp", "lfw+folder"))
    assert "aligned already" in notes_on_photos(aligned)[0] and not notes_on_photos(mixed)
    assert not len(BASELINES["geometric alignment"](aligned).rows)


def test_the_order_of_photos_does_not_matter():
    examples = toy_faces.people(6)
    order = np.random.default_rng(0).permutation(len(examples["image"]))
    a = compare_toys(examples)
    b = compare_toys({key: values[order] for key, values in examples.items()})
    for name in ("TAR", "EER", "rank-1", "yaw < 8", "sharpness", "diversity"):
        assert value(a, "input", name) == pytest.approx(value(b, "input", name), rel=1e-4)
