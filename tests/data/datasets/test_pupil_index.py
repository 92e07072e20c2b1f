"""An index of people and pupils, and pupils found by another photo of the person."""

import unicodedata

import numpy as np
import pytest
from PIL import Image

from facealign.data.datasets import folder, pupil_index
from facealign.errors import UserError
from tests import photo_sources


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
    known, blank = (listed[name].locate(gray) for name in ("known.jpg", "blank.jpg"))
    np.testing.assert_allclose(known, blank)  # the same photo: the eyes are where they were
    for name, reason in (("bad", "one place"), ("other", "not a number"), ("extra", "not in")):
        with pytest.raises(ValueError, match=reason):
            listed[f"{name}.jpg"].locate(gray)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_in_an_index_are_matched_however_they_are_written(
    form, delimiter, encoding, tmp_path
):
    if (form, encoding) == ("NFD", "cp1252"):
        pytest.skip("cp1252 has no combining signs")
    names = ["José.jpg", "sub/Ülla.jpg", "a.jpg"]
    rows = [
        ("file", "subject"),
        ("José.jpg", "José"),
        (".\\sub\\Ülla.jpg", "Ülla"),
        ("./a.jpg", "A"),
    ]
    text = "".join(delimiter.join(row) + "\r\n" for row in rows)
    files = {unicodedata.normalize("NFD" if form == "NFC" else "NFC", n): b"" for n in names}
    files["index.csv"] = unicodedata.normalize(form, text).encode(encoding)
    photo_sources.write_folder(tmp_path, files)
    index = pupil_index.read_index(tmp_path)
    assert index.keys() == files.keys() - {"index.csv"}
    assert [row["subject"] for row in index.values()] == ["José", "Ülla", "A"]


def test_of_two_names_the_exact_one_is_meant(tmp_path):
    one, other = (unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD"))
    table = f"file,subject\n{one},A\n{other},B\n".encode()
    photo_sources.write_folder(tmp_path, {one: b"", other: b"", "index.csv": table})
    index = pupil_index.read_index(tmp_path)
    assert (index[one]["subject"], index[other]["subject"]) == ("A", "B")


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
