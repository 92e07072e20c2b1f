"""A folder of photos in, a folder of portraits out, over one or several runs."""

import csv

import pytest
from PIL import Image

from facealign.errors import UserError
from facealign.portraits import align_folder, aligner
from tests.toy_photos import create_tools
from tests.toy_portraits import NEGATIVE, photo, run, write_photos


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_keeps_its_names_and_says_what_was_left_out(tmp_path):
    write_photos(tmp_path / "in", ["a.png", "sub/a.png", "sub/empty.png"])
    (tmp_path / "in" / "bad.jpg").write_text("hello")
    (tmp_path / "in" / "notes.txt").write_text("not meant")
    rows = run(tmp_path / "in", tmp_path / "out")
    assert [(row.photo, row.portrait) for row in rows] == [
        ("a.png", "a.png.png"),
        ("a.png", ""),  # its tiny face
        ("bad.jpg", ""),
        ("sub/a.png", "sub/a.png.png"),
        ("sub/a.png", ""),
        ("sub/empty.png", ""),
    ]
    assert rows[1].note.startswith("a tiny face") and rows[2].note == "not a photo"
    assert rows[5].note == "no face was found" and rows[0].note == "already frontal"
    with (tmp_path / "out" / "results.csv").open(newline="") as file:
        assert [tuple(row.values()) for row in csv.DictReader(file)] == [
            tuple(map(str, row)) for row in rows
        ]
    with Image.open(tmp_path / "out" / "a.png.png") as portrait:
        assert portrait.size == (128, 128) and portrait.mode == "L"


def test_a_portrait_may_be_as_large_as_the_crop_in_the_photo(tmp_path):
    write_photos(tmp_path / "in", ["a.png"])
    run(tmp_path / "in", tmp_path / "out", original_size=True)
    ((portrait,),) = aligner.Aligner(NEGATIVE, create_tools())([photo(0)])
    with Image.open(tmp_path / "out" / "a.png.png") as image:
        assert image.size == (portrait.size, portrait.size) and portrait.size > 128
    with pytest.raises(UserError, match="as large as in the photo"):  # never both in one folder
        run(tmp_path / "in", tmp_path / "out")


def test_a_second_run_does_what_is_missing_and_no_more(tmp_path):
    write_photos(tmp_path / "in", ["a.png", "b.png", "c.png"])
    run(tmp_path / "in", tmp_path / "whole")
    (tmp_path / "in" / "c.png").rename(tmp_path / "c.png")
    run(tmp_path / "in", tmp_path / "parts")
    (tmp_path / "c.png").rename(tmp_path / "in" / "c.png")
    path = tmp_path / "parts" / "results.csv"
    # as if a kill had cut the second photo's line in two
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + lines[3][:7])
    untouched = (tmp_path / "parts" / "a.png.png").stat().st_mtime_ns
    run(tmp_path / "in", tmp_path / "parts")
    assert (tmp_path / "parts" / "a.png.png").stat().st_mtime_ns == untouched
    assert content(tmp_path / "parts") == content(tmp_path / "whole")


def test_another_model_may_not_mix_in(tmp_path):
    write_photos(tmp_path / "in", ["a.png"])
    run(tmp_path / "in", tmp_path / "out")
    before = content(tmp_path / "out")
    other = aligner.Method("other", lambda crops, poses: crops)
    with pytest.raises(UserError, match="portraits by negative, not by other"):
        run(tmp_path / "in", tmp_path / "out", other)
    assert content(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("file", "text"),
    [("model.json", "{"), ("model.json", "{}"), ("results.csv", "x\n" + 20 * "," + "\n")],
)
def test_files_that_are_not_ours_are_named(tmp_path, file, text):
    write_photos(tmp_path / "in", ["a.png"])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / file).write_text(text)
    with pytest.raises(UserError, match="changed by somebody else"):
        run(tmp_path / "in", tmp_path / "out")


def test_folders_that_cannot_be_meant_are_refused(tmp_path):
    write_photos(tmp_path / "in", ["a.png", "sub/b.png"])
    (tmp_path / "none").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    find_photos = align_folder.find_photos
    for output in ("in", "in/out", ".", "link/out"):
        with pytest.raises(UserError, match="lie in each other"):
            find_photos(tmp_path / "in", tmp_path / output)
    with pytest.raises(UserError, match="no folder and no photo"):
        find_photos(tmp_path / "missing", tmp_path / "out")
    with pytest.raises(UserError, match="has no photo"):
        find_photos(tmp_path / "none", tmp_path / "out")
    assert list(find_photos(tmp_path / "in", tmp_path / "out", recursive=False).photos) == ["a.png"]
    assert list(find_photos(tmp_path / "in" / "a.png", tmp_path / "out").photos) == ["a.png"]


def test_an_output_that_cannot_be_written_is_named(tmp_path):
    write_photos(tmp_path / "in", ["a.png"])
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write to --output=.*file.*goes on"):
        run(tmp_path / "in", tmp_path / "file" / "out")
