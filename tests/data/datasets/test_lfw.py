"""LFW: from an archive, a folder or fetched, cut by its box."""

import re

import numpy as np
import pytest
from PIL import Image

from facealign.data.datasets import download, lfw
from facealign.data.load import load_examples
from facealign.errors import UserError
from tests import photo_sources
from tests.prepared import data_config, load


def test_lfw_is_the_same_from_archive_and_folder(tmp_path):
    files = photo_sources.lfw_files()
    photo_sources.write_folder(tmp_path / "one", files)
    (tmp_path / "two").mkdir()
    photo_sources.write_tar(tmp_path / "two" / "lfw-funneled.tgz", files)
    one, two = (load(data_config(tmp_path / place), "lfw") for place in ("one", "two"))
    assert set(one) == set(two) == {name.removeprefix("lfw/") for name in files}
    for name, row in one.items():
        assert row["subject"] == name.split("/")[0] and row["domain"] == "unrestricted"
        assert row["subject"] in photo_sources.PEOPLE[row["split"]]
        np.testing.assert_array_equal(row["image"], two[name]["image"])


def test_lfw_keeps_the_pixels_of_its_box(tmp_path):
    photo_sources.write_folder(tmp_path, photo_sources.lfw_files())
    rows = load(data_config(tmp_path), "lfw")
    for name, row in rows.items():
        with Image.open(tmp_path / "lfw" / name) as photo:
            np.testing.assert_array_equal(row["image"][..., 0], np.asarray(photo)[61:189, 61:189])


def test_lfw_is_fetched_where_nobody_has_it(tmp_path, monkeypatch):
    def fetch(addresses, sha256, target, otherwise):
        target.parent.mkdir(parents=True)
        photo_sources.write_tar(target, photo_sources.lfw_files())
        return target

    monkeypatch.setattr(download, "fetch", fetch)
    data = data_config(tmp_path)
    assert len(load(data, "lfw")) == 12
    assert (tmp_path / "prepared" / "downloads" / "manual" / "lfw.tgz").is_file()


def test_lfw_that_cannot_be_fetched_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setattr(lfw, "ADDRESSES", ("http://127.0.0.1:9/lfw.tgz",))
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(UserError, match=re.escape(f"folder lfw/ in {tmp_path}")):
        load_examples(data_config(tmp_path), "lfw", "train")
