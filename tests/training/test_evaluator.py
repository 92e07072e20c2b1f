"""Evaluation: numbers over all examples, whatever the batch size, beside baselines."""

import jax
import numpy as np
import pytest

from facealign.data.load import load_data
from facealign.images import BATCH_SIZE, to_float, to_uint8
from facealign.stages import create_stages
from facealign.training import evaluator, samples, translate
from facealign.training.state import create_networks, create_state


def examples(images, subjects=None):
    subjects = [f"s{i}" for i in range(len(images))] if subjects is None else subjects
    return {"image": np.asarray(images, np.uint8), "subject": np.array(subjects)}


def flat(*values):
    """Images of one gray value each, uint8 [N, 2, 2, 1]."""
    return np.stack([np.full((2, 2, 1), value, np.uint8) for value in values])


@pytest.fixture
def translate_and_state(tiny):
    stages = create_stages(tiny)
    networks = create_networks(tiny, stages)
    state = jax.jit(lambda key: create_state(networks, key, 32))(jax.random.key(0))
    return translate.make_translate(networks), state


def test_a_short_last_batch_gives_the_same_images(translate_and_state):
    translate, state = translate_and_state
    images = np.random.default_rng(0).integers(0, 256, (BATCH_SIZE + 3, 32, 32, 1), np.uint8)
    together = translate(state, images, "decoder_u")
    assert together.shape == images.shape
    alone = translate(state, images[-3:], "decoder_u")
    np.testing.assert_allclose(together[-3:], alone, atol=1e-6)


def test_l1_and_diversity_by_hand():
    data = {
        "unrestricted": examples(flat(0, 255)),
        "restricted": examples(flat(255, 0)),
    }
    outputs = {"reconstruction_u": to_float(flat(0, 255)), "swap": to_float(flat(255, 255))}
    numbers = evaluator.measure(outputs, data, evaluator.output_kinds(paired=True))
    assert numbers["l1/reconstruction_u"] == 0
    assert numbers["l1/swap"] == 1  # one image right, one off by the whole range of 2
    assert numbers["diversity/reconstruction_u"] == 1
    assert numbers["diversity/swap"] == 0


def test_sharpness_is_a_share_of_that_of_r_photos():
    edge = np.zeros((1, 2, 2, 1), np.uint8)
    edge[:, :, 1] = 200
    data = {"unrestricted": examples(edge), "restricted": examples(edge)}
    outputs = {"swap": to_float(edge), "reconstruction_u": to_float(edge) / 2}
    numbers = evaluator.measure(outputs, data, evaluator.output_kinds(paired=True))
    np.testing.assert_allclose(numbers["sharpness/swap"], 1, rtol=1e-6)
    np.testing.assert_allclose(numbers["sharpness/reconstruction_u"], 0.25, rtol=1e-6)


def test_baselines_by_hand():
    train = {"unrestricted": examples(flat(0, 255)), "restricted": examples(flat(255, 255))}
    data = {"unrestricted": examples(flat(0, 0)), "restricted": examples(flat(255, 0))}
    rows = evaluator.measure_baselines(train, data, evaluator.output_kinds(paired=True))
    assert rows["copy of the input"] == {"l1/swap": 1.0}
    np.testing.assert_allclose(rows["mean training image"]["l1/reconstruction_u"], 1, atol=1e-6)
    np.testing.assert_allclose(rows["mean training image"]["l1/swap"], 1, atol=1e-6)


def test_the_swap_of_unpaired_photos_has_no_target():
    data = {domain: examples(flat(0, 255)) for domain in ("unrestricted", "restricted")}
    kinds = evaluator.output_kinds(paired=False)
    outputs = {kind: to_float(flat(0, 255)) for kind in kinds}
    assert "l1/swap" not in evaluator.measure(outputs, data, kinds)


def test_change_is_measured_from_the_call_before(tiny):
    stages = create_stages(tiny)
    networks = create_networks(tiny, stages)
    data = {split: load_data(tiny.data, split) for split in ("train", "validation")}
    own = evaluator.Evaluator(tiny, networks, data["train"], data["validation"])
    a, b = (
        jax.jit(lambda key: create_state(networks, key, 32))(jax.random.key(seed))
        for seed in (0, 1)
    )
    assert not any(name.startswith("change") for name in own.measure(a))
    assert own.measure(b)["change/swap"] > 0
    assert own.measure(b)["change/swap"] == 0


def test_what_was_best_in_training_need_not_be_measured_again(tiny):
    stages = create_stages(tiny)
    networks = create_networks(tiny, stages)
    data = [load_data(tiny.data, split) for split in ("train", "validation")]
    state = jax.jit(lambda key: create_state(networks, key, 32))(jax.random.key(0))
    tiny.best_metric = "eer/recognizer"  # of a run whose recognizer was measured on people
    rows = evaluator.evaluate(tiny, networks, state, *data)
    assert "l1/swap" in rows[tiny.model.name]


def test_samples_show_as_many_people_as_there_are():
    many = examples(flat(*range(6)), ["a", "a", "b", "b", "c", "d"])
    few = examples(flat(10, 11, 12), ["x", "x", "x"])
    for data, expected in ((many, {0, 2, 4, 5}), (few, {10, 11, 12})):
        pair = {"unrestricted": data, "restricted": data}
        shown = samples.choose_samples([pair], 4)["unrestricted"]["image"][:, 0, 0, 0]
        assert set(shown.tolist()) == expected


def test_a_sample_stands_beside_a_photo_of_the_same_person():
    u = examples(flat(1, 2), ["a", "b"])
    r = examples(flat(20, 10), ["b", "a"])
    chosen = samples.choose_samples([{"unrestricted": u, "restricted": r}], 2)
    assert chosen["restricted"]["image"][:, 0, 0, 0].tolist() == [10, 20]


def test_pixels_come_back_from_floats():
    pixels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_uint8(to_float(pixels)), pixels)
