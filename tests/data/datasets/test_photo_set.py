"""The sets of photo files: who, which crop, which split, and what is rejected with which reason."""

import os
import re
from collections import Counter

import numpy as np
import pytest
from absl import logging
from PIL import Image

from facealign.data.datasets import cfp, download, folder, lfw, mugshots, pupil_index, schema
from facealign.data.datasets.table import DATASETS
from facealign.data.load import load_data, load_examples
from facealign.errors import UserError
from facealign.geometry import frame
from tests import photo_sources
from tests.prepared import data_config, load, rejected


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


def test_mugshots_have_their_pupils_where_all_faces_have_them(tmp_path):
    """A bright spot on each pupil of a photo lands on the canonical eyes."""
    files = photo_sources.mugshot_files()
    canvas = np.zeros((240, 190), np.uint8)
    for x, y in ((100, 100), (80, 101)):
        canvas[y - 2 : y + 3, x - 2 : x + 3] = 255
    for name in files:
        if name.endswith(".jpg"):
            Image.fromarray(canvas).save(tmp_path / "spots.png")
            files[name] = (tmp_path / "spots.png").read_bytes()
    photo_sources.write_tar(tmp_path / "mugshots.tar", files)
    rows = load(data_config(tmp_path, image_size=128), "mugshots")
    assert {row["subject"] for row in rows.values()} == set(photo_sources.EVERYBODY)
    for row in rows.values():
        assert row["domain"] == "restricted"
        for x, y in frame.EYES:
            assert row["image"][round(y), round(x), 0] > 250
        assert row["image"].mean() < 20


def test_mugshots_of_nist_have_their_person_in_the_name(tmp_path):
    photo = photo_sources.photo_bytes(0)
    names = ("f1_p1/00012_1_F.jpg", "f1_p2/00012_2_F.jpg", "f1_p1/00013_1_P.jpg", "f1_p1/notes.txt")
    photo_sources.write_folder(tmp_path / "sd18" / "single", dict.fromkeys(names, photo))
    listed = list(mugshots.list_mugshots(tmp_path))
    assert [photo.subject for photo in listed] == ["00012", "00013", "00012"]
    with pytest.raises(ValueError, match="a profile"):
        listed[1].cut(Image.new("L", (250, 250)))


def test_a_photo_without_pupils_takes_them_from_the_other_one_of_the_person():
    """The second photo is the first, 17 px further down and 6 to the right."""
    coarse = np.random.default_rng(3).integers(0, 256, (40, 40), dtype=np.uint8)
    canvas = Image.fromarray(coarse).resize((300, 300), Image.Resampling.BICUBIC)
    pupils = np.array([(118.0, 130.0), (182.0, 128.0)])
    moved = Image.fromarray(np.roll(np.asarray(canvas), (17, 6), axis=(0, 1)))
    found = pupil_index.find_pupils(canvas, pupils, moved)
    np.testing.assert_allclose(found, pupils + np.array((6, 17)), atol=1.0)
    other = Image.fromarray(np.random.default_rng(4).integers(0, 256, (300, 300), dtype=np.uint8))
    with pytest.raises(ValueError, match="do not match"):
        pupil_index.find_pupils(canvas, pupils, other)


def test_an_index_decides_who_and_where(tmp_path):
    photo = photo_sources.photo_bytes(0)
    files = {f"{name}.jpg": photo for name in ("known", "blank", "bad", "extra", "other")}
    files["index.csv"] = (
        b"file,subject,pupil1_x,pupil1_y,pupil2_x,pupil2_y,yaw\n"
        b"known.jpg,Anna  Kowalska,100,110,160,112,12.5\nblank.jpg,Anna Kowalska,,,,,\n"
        b"bad.jpg,Ivo,7,7,7,7\nother.jpg,Ulla,x,1,2,3\n"
    )
    photo_sources.write_folder(tmp_path, files)
    listed = {p.file_name: p for p in folder.list_folder(tmp_path, "unrestricted")}
    assert listed["known.jpg"].subject == "Anna_Kowalska" and listed["known.jpg"].yaw == 12.5
    gray = Image.open(tmp_path / "known.jpg").convert("L")
    known, blank = (np.asarray(listed[name].cut(gray)) for name in ("known.jpg", "blank.jpg"))
    np.testing.assert_array_equal(known, blank)  # the same photo: the eyes are where they were
    for name, reason in (("bad", "one place"), ("other", "not a number"), ("extra", "not in")):
        with pytest.raises(ValueError, match=reason):
            listed[f"{name}.jpg"].cut(gray)


def test_an_index_without_its_columns_is_refused(tmp_path):
    photo_sources.write_folder(tmp_path, {"index.csv": b"name,person\n", "a.jpg": b""})
    with pytest.raises(UserError, match="no column file or subject"):
        list(folder.list_folder(tmp_path, "unrestricted"))


def test_correlation_is_pearsons():
    window = np.random.default_rng(0).normal(size=(9, 8))
    patch = window[3:7, 2:7] * 3 + 5
    found = pupil_index.correlation(patch, window)
    assert found.shape == (6, 4)
    assert np.unravel_index(found.argmax(), found.shape) == (3, 2)
    expected = np.corrcoef(patch.ravel(), window[1:5, 3:8].ravel())[0, 1]
    np.testing.assert_allclose([found[3, 2], found[1, 3]], [1, expected], rtol=1e-9)


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
    data.unrestricted, data.restricted = "folder", "mugshots"
    domains = load_data(data, "test")
    assert set(domains["unrestricted"]["domain"]) == {"unrestricted"}


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
    with pytest.raises(UserError, match="nobody in its test split"):
        load_examples(data, "folder", "test")


def test_a_set_of_bad_photos_alone_is_one_line(tmp_path):
    photo_sources.write_folder(tmp_path, {"anna/1.jpg": b"", "anna/2.jpg": b"x"})
    with pytest.raises(UserError, match=r"can be used; the last is anna/2.jpg: not a photo"):
        load_examples(data_config(tmp_path), "folder", "train")


def test_a_damaged_archive_leaves_nothing_behind(tmp_path):
    photo_sources.write_tar(tmp_path / "lfw.tgz", photo_sources.lfw_files())
    whole = (tmp_path / "lfw.tgz").read_bytes()
    (tmp_path / "lfw.tgz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="fetch it again"):
        load_examples(data_config(tmp_path), "lfw", "train")
    (tmp_path / "lfw.tgz").write_bytes(whole)
    assert len(load(data_config(tmp_path), "lfw")) == 12
