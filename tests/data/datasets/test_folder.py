"""A folder of one's own photos: who is who, what is rejected, when it is prepared anew."""

import os

import pytest
from absl import logging

from facealign.data.datasets import folder, schema
from facealign.data.datasets.table import DATASETS
from facealign.data.load import load_data
from tests import photo_sources
from tests.prepared import data_config, load, rejected


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("anna/1.jpg", "anna"),
        ("2019/Anna Kowalska/1.jpg", "Anna_Kowalska"),
        ("anna_02.jpg", "anna"),
        ("17.jpg", "17"),
        ("f1/00012_3_F.png", "00012"),
        ("Jose\u0301/1.jpg", "José"),
    ],
)
def test_a_person_is_a_folder_or_a_name(name, subject):
    assert folder.subject_of(name) == subject


def write_people(tmp_path):
    """A photo of everybody, each in a folder, and good and bad ones beside."""
    good = photo_sources.photo_bytes(1, (90, 120), "RGB")
    people = {f"{person}/1.jpg": good for person in photo_sources.EVERYBODY}
    bad = {"text.jpg": b"no photo", "empty.png": b"", "cut.jpg": good[:-300]}
    bad = {f"Anna_Kowalska/{name}": content for name, content in bad.items()}
    fine = {"Ulla_Berg/ünï cödé 1.JPG": good, "Ulla_Berg/notes.txt": b"ignored"}
    photo_sources.write_folder(tmp_path, people | bad | fine)
    os.symlink(tmp_path, tmp_path / "Ulla_Berg" / "loop")
    os.symlink(tmp_path / "nowhere.jpg", tmp_path / "Ulla_Berg" / "dangling.jpg")


def test_a_folder_is_prepared_without_its_bad_photos(tmp_path, caplog):
    write_people(tmp_path / "photos")
    data = data_config(tmp_path, image_size=32)
    data.manual_dir = str(tmp_path / "photos")
    with caplog.at_level(logging.WARNING):
        rows = load(data, "folder")
    assert len(rows) == 7 and "Ulla_Berg/ünï cödé 1.JPG" in rows
    reasons = rejected(data, "folder")
    assert {name.split("/")[1]: reason.split(":")[0] for name, reason in reasons.items()} == {
        "text.jpg": "not a photo",
        "empty.png": "the file is empty",
        "cut.jpg": "damaged",
        "dangling.jpg": reasons["Ulla_Berg/dangling.jpg"].split(":")[0],
    }
    lines = [r.getMessage() for r in caplog.records if "could not be used" in r.getMessage()]
    assert len(lines) == 1 and "4 of 11 photos" in lines[0]


def test_equal_pixels_of_two_people_are_counted_across_splits(tmp_path, caplog):
    photos = {
        f"{person}/{number}.jpg": photo_sources.photo_bytes(10 * i + number, (90, 120), "RGB")
        for i, person in enumerate(photo_sources.EVERYBODY)
        for number in range(2)
    }
    one, *_, other = photo_sources.EVERYBODY
    photos[f"{one}/same.jpg"] = photos[f"{one}/0.jpg"]  # that is nobody else's
    photos[f"{other}/copy.jpg"] = photos[f"{one}/1.jpg"]
    assert schema.split_of(one) != schema.split_of(other)
    photo_sources.write_folder(tmp_path / "photos", photos)
    data = data_config(tmp_path, image_size=32)
    data.manual_dir = str(tmp_path / "photos")
    with caplog.at_level(logging.WARNING):
        load(data, "folder")
    (line,) = (line for line in caplog.messages if "somebody else" in line)
    assert ": 1 photos" in line and f"{one}/1.jpg" in line and f"{other}/copy.jpg" in line


def test_a_folder_is_prepared_anew_when_a_photo_is_added(tmp_path):
    write_people(tmp_path / "photos")
    data = data_config(tmp_path)
    data.manual_dir = str(tmp_path / "photos")
    before = DATASETS["folder"](data, data.data_dir).data_dir
    assert DATASETS["folder"](data, data.data_dir).data_dir == before
    (tmp_path / "photos" / "Ulla_Berg" / "new.jpg").write_bytes(b"")
    assert DATASETS["folder"](data, data.data_dir).data_dir != before


def test_the_domain_of_a_folder_is_the_one_it_is_taken_for(tmp_path):
    photo_sources.write_manual_dir(tmp_path)
    data = data_config(tmp_path, unrestricted="lfw", restricted="folder")
    domains = load_data(data, "test")
    assert set(domains["restricted"]["domain"]) == {"restricted"}
    alone = len(domains["restricted"]["image"])
    data.restricted = "mugshots+folder"
    both = load_data(data, "test")["restricted"]
    data.restricted = "mugshots"
    mugshots = load_data(data, "test")["restricted"]
    assert len(both["image"]) == alone + len(mugshots["image"])
    data.unrestricted, data.restricted = "folder", "mugshots"
    domains = load_data(data, "test")
    assert set(domains["unrestricted"]["domain"]) == {"unrestricted"}
