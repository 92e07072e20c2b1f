"""The evaluation on drawn faces ranks systems as sense demands, and says what it cannot say."""

import json
import re

import numpy as np
import pytest
from etils import epath

from facealign.errors import UserError
from facealign.evaluation import cfp_protocol, compare, html_page, tables, test_photos, write
from facealign.evaluation.baselines import BASELINES, of_all
from facealign.evaluation.recognition import tar_score, with_gallery
from facealign.evaluation.scoring import score
from tests import toy_faces


def evaluate(
    examples, translate=lambda images: images, open_meter=toy_faces.ToyMeter, names=("input",)
):
    photos = test_photos.Photos("folder", ("test",), examples)
    chosen = {name: BASELINES[name] for name in names}
    return compare.judge(
        "network", translate, photos, toy_faces.training(), 8.0, open_meter, chosen
    )


def value(judgement, system, name, part="all"):
    return judgement.systems[system].scores[part][name].value


def no_instruments():
    raise UserError("faces cannot be measured; run: pip install -r requirements-faces.txt")


@pytest.fixture(scope="module")
def judged():
    """Of a network that makes everybody frontal but keeps who they are."""

    def translate(images):
        turned = images.copy()
        turned[:, 16:, :16] = 128
        return turned

    return evaluate(toy_faces.people(12), translate, names=BASELINES)


def test_table_ranks_systems_as_sense_demands(judged):
    tar = {name: value(judged, name, "TAR") for name in judged.systems}
    assert tar["network"] == tar["input"] == tar["another photo (oracle)"] == 1
    assert tar["blurred input"] <= 1
    assert tar["mean R face"] < 0.1 and tar["stranger (R photo)"] < 0.25
    for name in ("network", "mean R face", "stranger (R photo)", "another photo (oracle)"):
        assert value(judged, name, "yaw < 8") == 1
    assert value(judged, "input", "yaw < 8") == 0.5  # 0, 2 and 4 of 0, 2, 4, 20, 35, 50
    sharp = {name: value(judged, name, "sharpness") for name in judged.systems}
    assert sharp["blurred input"] < 0.5 < sharp["input"]
    own = {name: value(judged, name, "to input") for name in judged.systems}
    assert own["input"] < 1e-4 and own["network"] < 1e-4 < own["another photo (oracle)"]
    assert own["another photo (oracle)"] < own["blurred input"] < own["stranger (R photo)"]
    novelty = {name: value(judged, name, "novelty") for name in judged.systems}
    assert novelty["stranger (R photo)"] == 0 < novelty["input"]
    assert value(judged, "mean R face", "diversity") < 1e-3


def test_outputs_against_outputs_are_fooled_by_a_stranger(judged):
    name = "stranger (R photo)"
    assert value(judged, name, "TAR of outputs by outputs") == 1
    assert value(judged, name, "TAR") < 0.25


def test_bins_hold_all_photos_by_the_yaw_of_the_input(judged):
    scores = judged.systems["input"].scores
    counts = {part: scores[part]["photos"].value for part in scores}
    assert counts == {"all": 72, "0-15": 36, "15-30": 12, "30-45": 12, "45+": 12}
    assert value(judged, "input", "yaw < 8", "0-15") == 1
    assert value(judged, "input", "yaw < 8", "45+") == 0
    assert value(judged, "network", "yaw < 8", "45+") == 1
    assert abs(value(judged, "input", "yaw median", "30-45") - 35) < 2


def test_a_permutation_of_people_destroys_identity_and_nothing_else():
    examples = toy_faces.people(12)
    shifted = evaluate(examples, lambda images: np.roll(images, 6, axis=0))
    assert value(shifted, "network", "TAR") < 0.1 and value(shifted, "network", "rank-1") == 0
    assert value(shifted, "network", "yaw < 8") == value(shifted, "input", "yaw < 8")


def test_turning_raises_yaw_and_lowers_the_share_of_frontal_faces():
    def turn(images):
        turned = images.copy()
        turned[:, 16:, :16] = 128 + 30
        return turned

    judged = evaluate(toy_faces.people(4), turn)
    assert abs(value(judged, "network", "yaw median") - 30) < 2
    assert value(judged, "network", "yaw < 8") == 0


def test_a_missed_face_is_a_failure_everywhere():
    def hide_every_second(images):
        hidden = images.copy()
        hidden[::2, 16:, 16:] = 0
        return hidden

    judged = evaluate(toy_faces.people(12, (0, 2, 3, 4)), hide_every_second)
    assert value(judged, "network", "found") == 0.5
    assert value(judged, "network", "yaw < 8") == 0.5
    assert value(judged, "input", "yaw < 8") == 1
    # The gallery holds the photos at 0; of those at 2, 3 and 4 the one at 3 is hidden.
    assert value(judged, "network", "TAR") == pytest.approx(2 / 3)
    assert value(judged, "network", "rank-1") == pytest.approx(2 / 3)


def test_nothing_found_in_any_output_is_the_worst_of_systems():
    def hide(images):
        hidden = images.copy()
        hidden[:, 16:, 16:] = 0
        return hidden

    judged = evaluate(toy_faces.people(12), hide)
    assert value(judged, "network", "TAR") == 0 and value(judged, "network", "rank-1") == 0
    assert value(judged, "network", "EER") == value(judged, "network", "AUC") == 0.5
    assert np.isinf(value(judged, "network", "yaw median"))
    assert np.isnan(value(judged, "network", "KID"))
    assert any("FD, KID: too few faces" in note for note in judged.notes)
    assert "no face" in tables.markdown(judged, [])
    json.dumps(tables.to_json(judged), allow_nan=False)


def test_without_instruments_the_rest_is_judged():
    judged = evaluate(toy_faces.people(3), open_meter=no_instruments, names=BASELINES)
    assert any("requirements-faces.txt" in note for note in judged.notes)
    assert value(judged, "blurred input", "sharpness") < value(judged, "input", "sharpness")
    assert "TAR" not in judged.systems["network"].scores["all"]
    assert "TAR" not in tables.tables(judged)[0][1][0]
    assert "<h2>Examples</h2>" in html_page.html(judged, [])


def test_no_face_in_any_photo_is_said_in_words():
    rows = [(person, 0.0, photo, False) for person in range(2) for photo in range(2)]
    judged = evaluate(toy_faces.examples(rows))
    assert any("no face in any of the 4 photos" in note for note in judged.notes)
    assert "TAR" not in judged.systems["network"].scores["all"]


def test_one_person_only_is_said_in_words():
    judged = evaluate(toy_faces.people(1))
    for name in ("TAR", "rank-1", "diversity", "to others", "KID"):
        assert np.isnan(value(judged, "network", name))
    text = " ".join(judged.notes)
    assert "one person only" in text and "needs real frontal photos of two people" in text


def test_too_few_pairs_for_the_rate_are_said_in_words():
    judged = evaluate(toy_faces.people(5))  # 5 people x 5 probes x 4 others = 100, and 15 a bin
    assert value(judged, "network", "TAR") == 1
    assert np.isnan(value(judged, "network", "TAR", "45+"))
    text = " ".join(judged.notes)
    assert "TAR at 45+ degrees" in text and "needs 100 pairs of different people, has 20" in text
    assert np.isnan(value(evaluate(toy_faces.people(4)), "network", "TAR"))


def test_photos_of_training_have_no_novelty():
    photos = test_photos.Photos("folder", ("train",), toy_faces.training()["restricted"])
    judged = compare.judge(
        "network", np.copy, photos, toy_faces.training(), 8.0, toy_faces.ToyMeter, {}
    )
    assert np.isnan(value(judged, "network", "novelty"))
    text = " ".join(judged.notes)
    assert "are those of training" in text and "Some of these people were trained on" in text


def test_a_system_that_knows_canonical_crops_only_gets_such():
    photos = test_photos.Photos("folder", ("test",), toy_faces.people(4))
    chosen = {"geometric alignment": BASELINES["geometric alignment"]}
    judged = compare.judge(
        "network", np.copy, photos, toy_faces.training(), 8.0, toy_faces.ToyMeter, chosen, True
    )
    system, aligned = (judged.systems[name].outputs.images for name in ("network", *chosen))
    np.testing.assert_array_equal(system, aligned)
    assert (system != photos.examples["image"]).any()


def test_people_without_a_frontal_photo_are_counted():
    rows = [(p, yaw, i, True) for p in range(3) for i, yaw in enumerate((0, 30))]
    judged = evaluate(toy_faces.examples([*rows, (3, 40, 0, True), (3, 50, 1, False)]))
    assert any(note.startswith("1 of 4 people") for note in judged.notes)
    assert any(note.startswith("No face is found in 1 of 8") for note in judged.notes)
    assert judged.systems["input"].scores["unknown"]["photos"].value == 1
    assert value(judged, "network", "rank-1") == 1


def test_the_gallery_is_the_most_frontal_photo_and_no_probe():
    examples = toy_faces.examples([(0, 7, 0, True), (0, -3, 1, True), (1, 0, 0, False)])
    with toy_faces.ToyMeter() as meter:
        measured = meter.measure(examples["image"])
    photos = test_photos.Photos("folder", ("test",), examples)
    made = test_photos.create_bench(photos, toy_faces.training(), 8.0, measured)
    assert made.gallery.tolist() == [1, -1] and made.frontal.tolist() == [0, 1]
    assert test_photos.is_probe(made).tolist() == [True, False, False]
    examples["yaw"] = np.array([1, 20, 0], np.float32)  # what the dataset says goes first
    made = test_photos.create_bench(photos, toy_faces.training(), 8.0, measured)
    assert made.gallery.tolist() == [0, -1] and made.frontal.tolist() == [0]
    made = test_photos.create_bench(photos, toy_faces.training(), 8.0, None)
    assert made.gallery.tolist() == [0, 2]


def test_an_interval_redraws_people():
    examples = toy_faces.people(12)
    with toy_faces.ToyMeter() as meter:
        measured = meter.measure(examples["image"])
        made = test_photos.create_bench(
            test_photos.Photos("folder", ("test",), examples), toy_faces.training(), 8.0, measured
        )
        half = examples["image"].copy()
        half[: len(half) // 2] = toy_faces.draw(77)  # six of twelve people become another one
        outputs = of_all(half)
        scored = tar_score(with_gallery(made, outputs, meter.measure(half), np.arange(len(half))))
    assert 0.4 < scored.value < 0.6 and scored.low < 0.35 and scored.high > 0.65


def cfp_bench(names, people, descriptors):
    """Photos by file name, whose descriptors are numbers on a line."""
    examples = toy_faces.examples([(p, 0.0, i, True) for i, p in enumerate(people)])
    examples["file_name"] = np.array(names)
    with toy_faces.ToyMeter() as meter:
        measured = meter.measure(examples["image"])
    measured = measured._replace(
        descriptor=np.array(descriptors, float)[:, None] * np.eye(1, 128),
        found=~np.isnan(descriptors),
    )
    photos = test_photos.Photos("cfp", ("test",), examples)
    return test_photos.create_bench(photos, toy_faces.training(), 8.0, measured), measured


def test_frontal_profile_protocol_by_hand():
    names = ["151/frontal/01.jpg", "151/profile/01.jpg", "152/frontal/01.jpg", "152/profile/01.jpg",
             "201/frontal/01.jpg", "201/profile/01.jpg", "202/frontal/01.jpg",
             "202/profile/01.jpg"]  # fmt: skip
    people = [0, 0, 1, 1, 2, 2, 3, 3]
    # Fold 4: genuine 1 and 2, impostor 9 and 12. Fold 5: genuine 3 and missed, impostor 7 and
    # missed: 3 is nearer than both, and the missed ones tie.
    made, measured = cfp_bench(names, people, [0, 1, 10, 12, 0, 3, 10, np.nan])
    scores = cfp_protocol.frontal_profile(made, of_all(made.photos.examples["image"]), measured)
    assert scores["folds"].value == 2
    np.testing.assert_allclose(scores["AUC"].value, (1 + 2.5 / 4) / 2)
    np.testing.assert_allclose(scores["EER"].value, (0 + 0.5) / 2)
    # The threshold of fold 5 is 2, from fold 4: it accepts nobody. That of fold 4 is 3: all right.
    np.testing.assert_allclose(scores["accuracy"].value, (1 + 0.5) / 2)


def test_one_fold_alone_has_no_threshold():
    names = ["151/frontal/01.jpg", "151/profile/01.jpg", "152/frontal/01.jpg", "152/profile/01.jpg"]
    made, measured = cfp_bench(names, [0, 0, 1, 1], [0, 1, 10, 12])
    scores = cfp_protocol.frontal_profile(made, of_all(made.photos.examples["image"]), measured)
    assert np.isnan(scores["accuracy"].value) and "other folds" in scores["accuracy"].why
    assert scores["EER"].value == 0


def test_photos_to_judge_on(tiny):
    photos = test_photos.load_photos(tiny.data, "")
    assert photos.dataset == "polygons" and photos.splits == ("test",)
    assert set(photos.examples["domain"]) == {"unrestricted"}
    both = test_photos.load_photos(tiny.data, "lfw:test,validation")
    assert set(both.examples["subject"]) == {"Fernando_Alonso", "Ulla_Berg", "Jackie_Chan",
                                             "Ola_Nordmann"}  # fmt: skip


@pytest.mark.parametrize(("on", "message"), [
    ("orl_face", "--on='orl_face' is unknown (did you mean 'orl_faces'?)"),
    ("polygons:tset", "--on='tset' is unknown (did you mean 'test'?)"),
    ("mugshots", "--on=mugshots has restricted photos only"),
])  # fmt: skip
def test_photos_that_cannot_be_judged_on(tiny, on, message):
    with pytest.raises(UserError, match=re.escape(message)):
        test_photos.load_photos(tiny.data, on)


def test_the_files_stand_alone_and_hold_the_same_numbers(judged, tmp_path):
    facts = write.describe(judged, "run", 7)
    write.write_evaluation(epath.Path(tmp_path), judged, facts, 7, {})
    html = (tmp_path / "evaluation.html").read_text()
    assert not re.search(r"(src|href)=[\"'](?!data:|#)", html) and "@import" not in html
    assert html.count("<figure>") == 3 * html_page.EXAMPLES and html.count("<svg") == 3
    content = json.loads((tmp_path / "evaluation.json").read_text(), parse_constant=pytest.fail)
    assert content["step"] == 7 and content["people"] == 12
    assert content["systems"]["network"]["all"]["TAR"]["value"] == 1
    markdown = (tmp_path / "evaluation.md").read_text()
    for name in judged.systems:
        assert name in markdown and name in html
    for line in markdown.splitlines():
        assert not line.startswith("|") or line.endswith("|")


def test_examples_are_the_nearest_the_middle_and_the_farthest(judged):
    distance = html_page.own_distance(judged)
    chosen = html_page.choose_examples(judged)
    best, median, worst = (distance[chosen[name]] for name in ("Best", "Median", "Worst"))
    assert (best <= median).all() and (median <= worst[::-1]).all()


def test_names_of_people_are_not_markup():
    examples = toy_faces.people(2)
    examples["file_name"] = np.array(["<b>&.png"] * len(examples["image"]))
    assert "<b>&.png" not in html_page.html(evaluate(examples), [])


def test_scores_need_no_order_of_photos():
    examples = toy_faces.people(6)
    order = np.random.default_rng(0).permutation(len(examples["image"]))
    mixed = {key: values[order] for key, values in examples.items()}
    a, b = evaluate(examples), evaluate(mixed)
    for name in ("TAR", "EER", "rank-1", "yaw < 8", "sharpness", "diversity"):
        assert value(a, "input", name) == pytest.approx(value(b, "input", name), rel=1e-4)


def test_score_of_some_photos_says_how_many():
    examples = toy_faces.people(4)
    with toy_faces.ToyMeter() as meter:
        measured = meter.measure(examples["image"])
        photos = test_photos.Photos("folder", ("test",), examples)
        made = test_photos.create_bench(photos, toy_faces.training(), 8.0, measured)
        outputs = of_all(examples["image"])._replace(rows=np.arange(24)[::-1])
        some = outputs._replace(images=outputs.images[:5], rows=outputs.rows[:5])
        scored = score(made, some, meter.measure(some.images))
    assert scored["all"]["photos"].value == 5
