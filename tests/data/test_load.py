"""From datasets to batches: order, pairs, pixels, and what is refused."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from absl import logging

from configs import base
from facealign.data import load
from facealign.data.datasets.table import DATASETS
from facealign.data.load import load_data, load_examples, select_domain
from facealign.errors import UserError
from facealign.images import to_float, to_uint8
from facealign.names import DOMAINS


@pytest.fixture
def data(data_dir):
    """`config.data` for small polygons and small photos."""
    data = base.get_config().data
    data.data_dir, data.image_size, data.polygon_pairs = data_dir, 32, 80
    return data


def test_all_pixel_values_round_trip():
    pixels = np.arange(256, dtype=np.uint8)
    floats = to_float(jnp.asarray(pixels))
    assert floats.dtype == np.float32 and floats[0] == -1 and floats[-1] == 1
    np.testing.assert_array_equal(to_uint8(floats), pixels)


def test_values_out_of_range_are_clipped():
    np.testing.assert_array_equal(to_uint8(np.array([-9.0, 9.0])), [0, 255])


def test_a_photo_is_restricted_if_all_three_angles_are_small(data):
    data.frontal_yaw, data.frontal_pitch, data.frontal_roll = 8.0, 10.0, 10.0
    angles = np.array([(7, 9, -9), (-9, 0, 0), (0, 11, 0), (0, 0, -11), (np.nan, 0, 0)])
    examples = dict(zip(("yaw", "pitch", "roll"), angles.T, strict=True))
    examples |= {"number": np.arange(5), "domain": np.array([""] * 5)}
    np.testing.assert_array_equal(select_domain(examples, "restricted", data)["number"], [0])
    unrestricted = select_domain(examples, "unrestricted", data)["number"]
    np.testing.assert_array_equal(unrestricted, [1, 2, 3, 4])


def test_a_dataset_that_names_the_domain_is_believed(data):
    examples = {angle: np.zeros(2) for angle in ("yaw", "pitch", "roll")}
    examples |= {"domain": np.array(["unrestricted", "restricted"]), "number": np.arange(2)}
    for number, domain in enumerate(DOMAINS):
        assert select_domain(examples, domain, data)["number"] == [number]


def test_examples_come_in_the_order_of_their_names_and_at_the_size_asked_for(data):
    examples = load_examples(data, "orl_faces", "test")
    names = examples["file_name"].tolist()
    assert names == sorted(names)
    assert examples["image"].shape == (len(names), 32, 32, 1)
    assert examples["image"].dtype == np.uint8


def test_a_second_start_decodes_nothing_until_the_dataset_changes(data, tmp_path, monkeypatch):
    data.data_dir, data.polygon_pairs = str(tmp_path), 80
    first = load_examples(data, "polygons", "test")
    decoded = []
    decode = load._decode_all
    monkeypatch.setattr(
        load,
        "_decode_all",
        lambda builder, split, shape: decoded.append(shape) or decode(builder, split, shape),
    )
    again = load_examples(data, "polygons", "test")
    assert not decoded and set(again) == set(first)
    for field, values in first.items():
        np.testing.assert_array_equal(again[field], values)
    builder = DATASETS["polygons"](data, str(tmp_path))
    info = Path(builder.data_dir, "dataset_info.json")
    info.write_text(info.read_text() + " ")  # prepared anew
    load_examples(data, "polygons", "test")
    assert decoded == [(32, 1)]


def test_a_domain_that_is_the_whole_dataset_stays_memory_mapped(data):
    data.unrestricted, data.restricted = "lfw", "mugshots"
    for examples in load_data(data, "train").values():
        assert isinstance(examples["image"].base, np.memmap)


def test_every_photo_is_in_one_domain(data):
    domains = load_data(data, "train")
    names = [set(domains[domain]["file_name"]) for domain in DOMAINS]
    assert not names[0] & names[1]
    assert names[0] | names[1] == set(load_examples(data, "orl_faces", "train")["file_name"])


def test_domains_may_come_from_two_datasets(data):
    data.unrestricted = "polygons"
    domains = load_data(data, "train")
    assert domains["unrestricted"]["subject"][0].startswith("triangle")
    assert domains["restricted"]["subject"][0].startswith("s")


def test_a_domain_may_be_several_datasets_one_after_another(data):
    data.unrestricted = "polygons+orl_faces"
    both = load_data(data, "train")["unrestricted"]
    data.unrestricted = "polygons"
    first = load_data(data, "train")["unrestricted"]
    data.unrestricted = "orl_faces"
    second = load_data(data, "train")["unrestricted"]
    for key in both:
        np.testing.assert_array_equal(both[key], np.concatenate([first[key], second[key]]))
    data.unrestricted = "polygons+orl_face"
    with pytest.raises(UserError, match=r"config\.data\.unrestricted.*orl_faces"):
        load_data(data, "train")


def test_a_dataset_that_adds_nothing_to_a_domain_is_named(data, monkeypatch):
    warnings = []
    monkeypatch.setattr(logging, "warning", lambda text, *words: warnings.append(text % words))
    data.unrestricted, data.restricted = "lfw", "orl_faces+lfw"
    load_data(data, "test")
    assert [text for text in warnings if "no restricted photo in its test split" in text]


def test_several_datasets_cannot_be_streamed(data):
    data.unrestricted, data.memory_mb = "polygons+orl_faces", 0.01
    with pytest.raises(UserError, match=r"joined by \+.*memory_mb"):
        load_data(data, "train")


def test_pairs_share_their_subject(data):
    data.unrestricted = data.restricted = "polygons"
    data.paired = True
    u, r = (load_data(data, "train")[domain] for domain in DOMAINS)
    np.testing.assert_array_equal(u["subject"], r["subject"])


def test_photos_without_pairs_cannot_be_paired(data):
    data.paired = True
    with pytest.raises(UserError, match=r"config\.data\.paired=True"):
        load_data(data, "train")


def test_an_empty_domain_is_refused(data):
    data.frontal_yaw = 0.0
    with pytest.raises(UserError, match=r"no restricted photo in its train split"):
        load_data(data, "train")


def test_too_few_polygons_for_every_split_are_refused(data, tmp_path):
    data.unrestricted = data.restricted = "polygons"
    data.data_dir, data.polygon_pairs = str(tmp_path), 1
    with pytest.raises(UserError, match="polygon"):
        load_data(data, "validation")


def test_an_unknown_dataset_names_the_nearest(data):
    data.restricted = "polygon"
    with pytest.raises(UserError, match=r"config\.data\.restricted.*did you mean 'polygons'"):
        load_data(data, "train")


def test_a_folder_that_is_a_file_is_refused(data, tmp_path):
    (tmp_path / "file").write_text("")
    data.data_dir = str(tmp_path / "file")
    with pytest.raises(UserError, match=r"config\.data\.data_dir"):
        load_data(data, "train")
