"""Celebrities in Frontal-Profile: people, folds, yaws, and nobody held out who trains."""

from collections import Counter

import numpy as np
import pytest

from facealign.data.datasets import cfp, schema
from facealign.errors import UserError
from tests import photo_sources
from tests.prepared import data_config, load, rejected


def test_cfp_has_its_people_folds_and_nominal_yaw(tmp_path):
    photo_sources.write_tar(tmp_path / "cfp.tar", photo_sources.cfp_files())
    rows = load(data_config(tmp_path), "cfp")
    assert len(rows) == 9
    splits = {"50_Cent": "train", "Fernando_Alonso": "test", "Jackie_Chan": "validation"}
    folds = {"50_Cent": 1, "Fernando_Alonso": 4, "Jackie_Chan": 5}
    for name, row in rows.items():
        assert row["split"] == splits[row["subject"]] and row["domain"] == "unrestricted"
        assert cfp.fold_of(name) == folds[row["subject"]]
        yaw = {"frontal/01": np.nan, "profile/01": 90, "profile/02": -90}[name[4:14]]
        np.testing.assert_equal(row["yaw"], np.float32(yaw))


def test_cfp_without_list_or_fiducials(tmp_path):
    files = photo_sources.cfp_files()
    del files["cfp-dataset/Data/Fiducials/001/frontal/01.txt"]
    files["cfp-dataset/Data/Fiducials/001/profile/01.txt"] = b"1,2\n3,nonsense\n"
    photo_sources.write_zip(tmp_path / "cfp-dataset.zip", files)
    data = data_config(tmp_path)
    assert len(load(data, "cfp")) == 7
    assert set(rejected(data, "cfp")) == {"001/frontal/01.jpg", "001/profile/01.jpg"}
    del files["cfp-dataset/Data/list_name.txt"]
    photo_sources.write_zip(tmp_path / "cfp-dataset.zip", files)
    with pytest.raises(UserError, match="list_name"):
        list(cfp.list_cfp(tmp_path))


def test_nobody_of_cfp_s_held_out_folds_trains_in_lfw():
    """Also where the two spell a name differently."""
    expected = {"train": 150, "test": 50, "validation": 50}
    assert Counter(schema.official_splits().values()) == expected
    for name in ("Fernando_Alonso", "Gerhard_Schroeder"):
        assert schema.split_of(name) == "test"
    for name in ("Jennifer_Aniston", "Joseph_Biden", "Kevin_Costner"):
        assert schema.split_of(name) == "validation"
    assert schema.split_of(cfp.subject_of("George Bush")) == "test"
    assert cfp.subject_of("George Bush") == schema.subject_name("George_W_Bush")
    assert cfp.subject_of("José  Nobody") == schema.subject_name("Jose\u0301_Nobody")
