"""Sets of photo files that cannot be prepared: each says what to do."""

import pytest

from facealign.data.datasets import schema
from facealign.data.load import load_examples
from facealign.errors import UserError
from tests import photo_sources
from tests.prepared import data_config, load


@pytest.mark.parametrize(
    ("name", "advice"),
    [("mugshots", "mugshots.tar"), ("cfp", "cfp-dataset.zip"), ("folder", "put photos")],
)
@pytest.mark.parametrize("place", ["empty", "missing"])
def test_nothing_there_says_what_to_put_where(tmp_path, name, advice, place):
    (tmp_path / "empty").mkdir()
    data = data_config(tmp_path)
    data.manual_dir = str(tmp_path / place)
    with pytest.raises(UserError, match=rf"{place}.*{advice}.*config\.data\.manual_dir"):
        load_examples(data, name, "train")


def test_a_split_without_people_says_so(tmp_path):
    photo_sources.write_folder(tmp_path, {"anna/1.jpg": photo_sources.photo_bytes(0)})
    data = data_config(tmp_path)
    assert len(load_examples(data, "folder", schema.split_of("anna"))["image"]) == 1
    with pytest.raises(UserError, match=r"nobody in its test split.* it has \d+, .*; add"):
        load_examples(data, "folder", "test")


def test_a_set_of_bad_photos_alone_is_one_line(tmp_path):
    photo_sources.write_folder(tmp_path, {"anna/1.jpg": b"", "anna/2.jpg": b"x"})
    with pytest.raises(UserError, match=r"can be used; the last is anna/2.jpg: not a photo"):
        load_examples(data_config(tmp_path), "folder", "train")


def test_a_damaged_archive_leaves_nothing_behind(tmp_path):
    photo_sources.write_tar(tmp_path / "lfw.tgz", photo_sources.lfw_files())
    whole = (tmp_path / "lfw.tgz").read_bytes()
    (tmp_path / "lfw.tgz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="download it again"):
        load_examples(data_config(tmp_path), "lfw", "train")
    (tmp_path / "lfw.tgz").write_bytes(whole)
    assert len(load(data_config(tmp_path), "lfw")) == 12
