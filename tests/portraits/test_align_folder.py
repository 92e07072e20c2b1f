"""A folder of photos to a folder of portraits, in one or several runs."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from facealign.errors import UserError
from facealign.faces.face import COVERED
from facealign.faces.turning.style import Style
from facealign.portraits import (
    align_folder,
    aligner,
    folders,
    methods,
    photo_files,
    turntable,
)
from facealign.portraits.image_files import Files
from tests.toy_photos import read
from tests.toy_portraits import NEGATIVE, photo, run, write_photos
from tests.toy_tools import LARGE, create_tools


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_portraits_have_the_names_of_photos_and_failures_are_noted(tmp_path):
    write_photos(tmp_path / "in", ["a.png", "sub/a.png", "sub/empty.png"])
    (tmp_path / "in" / "bad.jpg").write_text("hello")
    (tmp_path / "in" / "notes.txt").write_text("ignored")
    rows = run(tmp_path / "in", tmp_path / "out")
    assert [(row.photo, row.portrait) for row in rows] == [
        ("a.png", "a.png.png"),
        ("a.png", ""),  # the tiny face of a.png
        ("bad.jpg", ""),
        ("sub/a.png", "sub/a.png.png"),
        ("sub/a.png", ""),
        ("sub/empty.png", ""),
    ]
    assert rows[1].note == "a face left out: tiny" and rows[2].note == "not a photo"
    assert rows[5].note == "no face was found" and rows[0].note == "already frontal"
    with (tmp_path / "out" / "results.csv").open(newline="") as file:
        assert [tuple(row.values()) for row in csv.DictReader(file)] == [
            tuple(map(str, row)) for row in rows
        ]
    with Image.open(tmp_path / "out" / "a.png.png") as portrait:
        assert portrait.size == (128, 128) and portrait.mode == "L"


def test_a_portrait_may_be_as_large_as_its_crop_in_the_photo(tmp_path):
    write_photos(tmp_path / "in", ["a.png"])
    largest = methods.from_crops("negative", lambda crops, poses: 255 - crops, 0)
    row, _ = run(tmp_path / "in", tmp_path / "out", largest)
    ((portrait,),) = aligner.Aligner(largest, create_tools(), read)([photo(0)])
    with Image.open(tmp_path / "out" / "a.png.png") as image:
        assert image.size == (portrait.face.size,) * 2 and portrait.face.size > 128
    assert row.size == row.held == portrait.face.size and row.seen == ""
    with pytest.raises(UserError, match="size 0, not by negative, size 128"):  # one size per folder
        run(tmp_path / "in", tmp_path / "out")


def test_a_covered_face_has_a_row_with_its_place_and_no_portrait(tmp_path):
    write_photos(tmp_path / "in", ["a.png", "covered.png", "z.png"])
    rows = run(tmp_path / "in", tmp_path / "out")
    first, _, covered, _, last, _ = rows
    assert covered.photo == "covered.png" and covered.note == COVERED
    assert (covered.left, covered.top, covered.right, covered.bottom) == LARGE
    assert (covered.yaw_before, covered.error, covered.doubt) == ("0.0", "1.50", "2.50")
    assert (covered.portrait, covered.size, covered.held, covered.distance) == ("", "", "", "")
    assert (first.portrait, last.portrait) == ("a.png.png", "z.png.png")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        ".lock", "a.png.png", "model.json", "results.csv", "z.png.png"
    ]  # fmt: skip
    with Image.open(tmp_path / "out" / "z.png.png") as image:
        ((alone,),) = aligner.Aligner(NEGATIVE, create_tools(), read)([photo(2)])
        np.testing.assert_array_equal(np.asarray(image), alone.image[..., 0])


def test_photos_without_any_portrait_are_no_error(tmp_path):
    write_photos(tmp_path / "in", ["covered.png", "empty.png"])
    rows = run(tmp_path / "in", tmp_path / "out")
    assert [row.portrait for row in rows] == [""] * 3 and all(row.note for row in rows)


def test_what_is_known_of_a_portrait_is_in_its_row(tmp_path):
    """Of a head that looks ahead the photo shows everything."""
    write_photos(tmp_path / "in", ["a.png"])
    method = methods.turned_in_3d(Style(size=200))
    run(tmp_path / "in", tmp_path / "out", method)
    ((portrait,),) = aligner.Aligner(method, create_tools(), read)([photo(0)])
    with (tmp_path / "out" / "results.csv").open(newline="") as file:
        row, tiny = csv.DictReader(file)
    assert (row["size"], row["held"], row["seen"]) == (
        "200",
        f"{portrait.held:.0f}",
        f"{portrait.seen:.2f}",
    )
    assert [*row][-6:] == ["size", "held", "seen", "yaw_after", "distance", "note"]
    assert (tiny["size"], tiny["held"], tiny["seen"]) == ("", "", "")
    after = portrait.crop.mean() - portrait.face.crop.mean()  # the toy descriptor: 128 means
    assert float(row["distance"]) == pytest.approx(abs(after) / 255 * np.sqrt(128), abs=1e-3)


def test_a_mask_and_an_animation_are_beside_the_portrait(tmp_path, monkeypatch):
    monkeypatch.setattr(turntable, "COUNT", 3)
    write_photos(tmp_path / "in", ["sub/a.png"])
    method = methods.turned_in_3d(Style(size=128, yaw=25.0))
    files = Files("webp", sheet=True, mask=True, turntable=True)
    row, _ = run(tmp_path / "in", tmp_path / "out", method, files=files)
    assert row.portrait == "sub/a.png.webp" and 0.3 < float(row.seen) < 1
    found = {path.name: Image.open(path) for path in (tmp_path / "out" / "sub").iterdir()}
    assert {name: (image.format, image.size) for name, image in found.items()} == {
        "a.png.webp": ("WEBP", (128, 128)),
        "a.png.crop.png": ("PNG", (256, 256)),
        "a.png.mask.png": ("PNG", (128, 128)),
        "a.png.turntable.webp": ("WEBP", (128, 128)),
    }
    assert found["a.png.turntable.webp"].n_frames == 4 and found["a.png.webp"].n_frames == 1
    ((portrait,),) = aligner.Aligner(method, create_tools(), read)([photo(0)])
    np.testing.assert_array_equal(np.asarray(found["a.png.mask.png"]), portrait.sources)
    for image in found.values():
        image.close()


@pytest.mark.parametrize("files", [Files(mask=True), Files(turntable=True)])
def test_methods_of_crops_have_neither_mask_nor_animation(tmp_path, files):
    write_photos(tmp_path / "in", ["a.png"])
    with pytest.raises(UserError, match="--mask and --turntable need --method=portrait"):
        run(tmp_path / "in", tmp_path / "out", files=files)
    assert not (tmp_path / "out").exists()


def test_a_second_run_makes_only_missing_portraits(tmp_path):
    write_photos(tmp_path / "in", ["a.png", "b.png", "c.png"])
    run(tmp_path / "in", tmp_path / "whole")
    (tmp_path / "in" / "c.png").rename(tmp_path / "c.png")
    run(tmp_path / "in", tmp_path / "parts")
    (tmp_path / "c.png").rename(tmp_path / "in" / "c.png")
    path = tmp_path / "parts" / "results.csv"
    # A kill left half of the row of the second photo.
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + lines[3][:7])
    untouched = (tmp_path / "parts" / "a.png.png").stat().st_mtime_ns
    run(tmp_path / "in", tmp_path / "parts")
    assert (tmp_path / "parts" / "a.png.png").stat().st_mtime_ns == untouched
    assert content(tmp_path / "parts") == content(tmp_path / "whole")


def test_a_run_with_nothing_to_do_writes_the_sheet(tmp_path):
    write_photos(tmp_path / "in", ["a.png"])
    rows = run(tmp_path / "in", tmp_path / "out")
    assert run(tmp_path / "in", tmp_path / "out", files=Files(sheet=True)) == [
        type(rows[0])(*map(str, row)) for row in rows
    ]
    assert (tmp_path / "out" / "sheet.html").exists()


def test_photos_of_several_chunks_come_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(align_folder, "CHUNK", 2)
    names = [f"{number}.png" for number in range(5)]
    write_photos(tmp_path / "in", names)
    rows = run(tmp_path / "in", tmp_path / "out")
    assert [row.photo for row in rows if row.portrait] == names
    for seed, name in enumerate(names):
        ((alone,),) = aligner.Aligner(NEGATIVE, create_tools(), read)([photo(seed)])
        with Image.open(tmp_path / "out" / f"{name}.png") as image:
            np.testing.assert_array_equal(np.asarray(image), alone.image[..., 0])


def test_rows_of_an_earlier_version_are_kept(tmp_path):
    """It had neither stamp, pitch, roll, error, doubt, size, held nor seen."""
    write_photos(tmp_path / "in", ["a.png", "b.png"])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png.png").write_bytes(b"a portrait")
    (tmp_path / "out" / "model.json").write_text(json.dumps({"model": NEGATIVE.name}))
    header = "photo,portrait,left,top,right,bottom,yaw_before,yaw_after,distance,note"
    row = "a.png,a.png.png,1,2,30,40,12.0,3.0,0.41,"
    (tmp_path / "out" / "results.csv").write_text(f"{header}\n{row}\n")
    rows = run(tmp_path / "in", tmp_path / "out")
    assert [row.photo for row in rows] == ["a.png", "b.png", "b.png"]
    assert (rows[0].yaw_before, rows[0].pitch, rows[0].distance) == ("12.0", "", "0.41")
    assert rows[0].stamp == photo_files.stamp(tmp_path / "in" / "a.png") != rows[1].stamp
    assert (tmp_path / "out" / "a.png.png").read_bytes() == b"a portrait"
    assert rows[1].pitch == "0.0" and (rows[1].error, rows[1].doubt) == ("1.50", "2.50")
    with (tmp_path / "out" / "results.csv").open(newline="") as file:
        assert [tuple(row.values()) for row in csv.DictReader(file)] == [
            tuple(map(str, row)) for row in rows
        ]


def test_a_folder_of_another_method_is_refused_and_unchanged(tmp_path):
    write_photos(tmp_path / "in", ["a.png"])
    run(tmp_path / "in", tmp_path / "out")
    before = content(tmp_path / "out")
    other = methods.from_crops("other", lambda crops, poses: crops, 128)
    with pytest.raises(UserError, match="portraits by negative, size 128, not by other"):
        run(tmp_path / "in", tmp_path / "out", other)
    with pytest.raises(UserError, match="size 128, not by negative, size 128, jpg; choose"):
        run(tmp_path / "in", tmp_path / "out", files=Files("jpg"))
    assert content(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("file", "text"),
    [("model.json", "{"), ("model.json", "{}"), ("results.csv", "x\n" + 20 * "," + "\n")],
)
def test_files_changed_by_others_are_refused(tmp_path, file, text):
    write_photos(tmp_path / "in", ["a.png"])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / file).write_text(text)
    with pytest.raises(UserError, match="not as facealign wrote it"):
        run(tmp_path / "in", tmp_path / "out")


def test_bad_input_and_output_folders_are_refused(tmp_path):
    write_photos(tmp_path / "in", ["a.png", "sub/b.png"])
    (tmp_path / "none").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    find_photos = folders.find_photos
    for output in ("in", "in/out", ".", "link/out"):
        with pytest.raises(UserError, match="must not be nested"):
            find_photos(tmp_path / "in", tmp_path / output)
    with pytest.raises(UserError, match="neither a folder nor a photo"):
        find_photos(tmp_path / "missing", tmp_path / "out")
    with pytest.raises(UserError, match="has no photo; photos have names"):
        find_photos(tmp_path / "none", tmp_path / "out")
    (tmp_path / "none" / "a.cr2").write_bytes(b"raw")
    with pytest.raises(UserError, match=r"has no photo, only .*cr2"):
        find_photos(tmp_path / "none", tmp_path / "out")
    assert list(find_photos(tmp_path / "in", tmp_path / "out", recursive=False).photos) == ["a.png"]
    assert list(find_photos(tmp_path / "in" / "a.png", tmp_path / "out").photos) == ["a.png"]


def test_the_error_names_an_output_that_cannot_be_written(tmp_path):
    write_photos(tmp_path / "in", ["a.png"])
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write into --output=.*file.*choose another"):
        run(tmp_path / "in", tmp_path / "file" / "out")
