"""Folders as people have them: every photo is made, noted, or passed over in words."""

import csv
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image, features

from facealign.errors import UserError
from facealign.images import is_photo
from facealign.portraits import folders
from facealign.portraits.image_files import Files
from facealign.portraits.photo_files import HEIC, count_kinds
from facealign.portraits.results import KILLED, describe
from tests.toy_portraits import run, write_photos
from tests.toy_tools import DEADLY, HUNGRY, create_deadly_tools
from tests.workdir.test_lock import hold

ROOT = Path(__file__).parents[2]
LONG = 124 * "ü"
HEIC_BYTES = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(40)


def saved(output):
    with (output / "results.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def made(rows):
    """Photos of portraits, in order."""
    return [row.photo for row in rows if row.portrait]


def write_odd_names(folder):
    names = [f"{LONG}.png", f"{LONG[:-1]}a.png", f"{LONG}/{LONG}.png", "a\nb\r.png", "-n.png"]
    names += ["A.png", "a.png", "=1+1,\";'.png", " .png", os.fsdecode(b"\xff.png"), "\\xff.png"]
    try:
        write_photos(folder, names)
    except OSError:
        pytest.skip("this file system refuses such names")
    return names


def test_photos_of_any_name_get_portraits_of_their_own_once(tmp_path):
    names = write_odd_names(tmp_path / "in")
    rows = run(tmp_path / "in", tmp_path / "out", files=Files(sheet=True))
    assert len(set(made(rows))) == len({row.portrait for row in rows} - {""}) == len(names)
    assert all((tmp_path / "out" / row.portrait).exists() for row in rows if row.portrait)
    table = (tmp_path / "out" / "results.csv").read_bytes()
    assert len(table.decode().splitlines()) == 1 + len(rows)
    run(tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out" / "results.csv").read_bytes() == table


def test_a_portrait_that_the_file_system_refuses_is_a_note_and_tried_again(tmp_path):
    """Here its name is taken by the folder of another photo's portrait."""
    write_photos(tmp_path / "in", ["a.png", "b.png", "a.png.png/c.png"])
    rows = run(tmp_path / "in", tmp_path / "out")
    assert made(rows) == ["a.png", "b.png"]
    (noted,) = (row for row in rows if row.note.startswith("[Errno"))
    assert noted.photo == "a.png.png/c.png"
    shutil.move(tmp_path / "in" / "a.png", tmp_path / "a.png")
    (tmp_path / "out" / "a.png.png").unlink()
    assert made(run(tmp_path / "in", tmp_path / "out")) == ["a.png", "b.png", "a.png.png/c.png"]


def test_a_photo_that_ends_its_process_is_noted_and_all_others_are_made(tmp_path):
    names = [f"{number:02}.png" for number in range(24)]
    write_photos(tmp_path / "in", names)
    deadly, hungry = (names[1], names[7], names[23]), names[9]
    for name in (*deadly, hungry):
        image = Image.open(tmp_path / "in" / name)
        image.putpixel((0, 0), HUNGRY if name == hungry else DEADLY)
        image.save(tmp_path / "in" / name)
    rows = run(tmp_path / "in", tmp_path / "out", create=create_deadly_tools)
    assert made(rows) == [name for name in names if name not in (*deadly, hungry)]
    assert "allocate memory" in next(row.note for row in rows if row.photo == hungry)
    assert [row.photo for row in rows if row.note == KILLED] == list(deadly)
    assert any("tries again" in line and deadly[0] in line for line in describe(rows))
    again = run(tmp_path / "in", tmp_path / "out")  # with tools that survive
    assert sorted(made(again)) == names


def test_errors_of_the_moment_are_noted_and_tried_again(tmp_path):
    write_photos(tmp_path / "in", ["a.png", "empty.png"])
    write_photos(tmp_path, ["later.png"])
    (tmp_path / "later.png").rename(tmp_path / "away.png")
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "later.png")
    (tmp_path / "in" / "gone.png").symlink_to(tmp_path / "in" / "gone.png")  # a loop
    rows = run(tmp_path / "in", tmp_path / "out")
    assert made(rows) == ["a.png"]
    assert any("tries again" in line and "link.png" in line for line in describe(rows))
    assert (
        "No such file" in {row["photo"]: row["note"] for row in saved(tmp_path / "out")}["link.png"]
    )
    (tmp_path / "away.png").rename(tmp_path / "later.png")
    (tmp_path / "in" / "gone.png").unlink()
    rows = run(tmp_path / "in", tmp_path / "out")
    assert [row.photo for row in rows] == ["a.png"] * 2 + ["empty.png"] + ["link.png"] * 2
    assert [row["photo"] for row in saved(tmp_path / "out")] == [row.photo for row in rows]
    assert not any("tries again" in line for line in describe(rows))


def test_what_was_removed_or_replaced_is_made_again(tmp_path):
    names = ["a.png", "b.png", "c.png", "empty.png"]
    write_photos(tmp_path / "in", names)
    first = run(tmp_path / "in", tmp_path / "out", files=Files(sheet=True))
    before = {name: (tmp_path / "out" / f"{name}.png").stat().st_mtime_ns for name in names[:3]}
    (tmp_path / "out" / "a.png.png").unlink()
    write_photos(tmp_path / "in", ["empty_now.png", "later.png"])
    (tmp_path / "in" / "empty_now.png").replace(tmp_path / "in" / "b.png")
    (tmp_path / "in" / "later.png").replace(tmp_path / "in" / "empty.png")
    rows = run(tmp_path / "in", tmp_path / "out")
    assert sorted(made(rows)) == ["a.png", "c.png", "empty.png"]
    assert sorted(map(tuple, saved_values(tmp_path / "out"))) == sorted(
        tuple(map(str, row)) for row in rows
    )
    assert len(rows) == len(first) == 7
    portraits = {path.name for path in (tmp_path / "out").glob("*.png.*png")}
    assert {name for name in portraits if name.startswith("b.")} == set()
    assert (tmp_path / "out" / "c.png.png").stat().st_mtime_ns == before["c.png"]
    assert (tmp_path / "out" / "a.png.png").exists()


def saved_values(output):
    return [row.values() for row in saved(output)]


def test_photos_that_cannot_be_seen_keep_their_portraits(tmp_path):
    """As on a drive that drops."""
    write_photos(tmp_path / "in", ["a.png"])
    write_photos(tmp_path / "drive", ["b.png"])
    (tmp_path / "in" / "b.png").symlink_to(tmp_path / "drive" / "b.png")
    rows = run(tmp_path / "in", tmp_path / "out")
    (tmp_path / "drive").rename(tmp_path / "dropped")
    again = run(tmp_path / "in", tmp_path / "out")
    assert made(again) == made(rows) == ["a.png", "b.png"]


def test_hidden_files_are_passed_over(tmp_path):
    hidden = ["._a.png", ".thumb/x.png", "@eaDir/a.png/S.png", "s/.ipynb_checkpoints/b.png"]
    hidden += ["__MACOSX/a.png", "#recycle/a.png", "$RECYCLE.BIN/a.png", "lost+found/a.png"]
    write_photos(tmp_path / ".in", ["a.png", "s/b.png", "@anna/c.png", *hidden])
    found = folders.find_photos(tmp_path / ".in", tmp_path / "out").photos
    assert sorted(found) == ["@anna/c.png", "a.png", "s/b.png"]


def test_a_second_run_is_told_who_is_there_until_the_first_is_gone(tmp_path):
    write_photos(tmp_path / "in", ["a.png"])
    first = hold(tmp_path / "out")
    with pytest.raises(UserError, match=f"process {first.pid} on .* another --output"):
        run(tmp_path / "in", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]
    first.kill()
    first.communicate()
    assert made(run(tmp_path / "in", tmp_path / "out")) == ["a.png"]


def test_a_portrait_may_be_beside_its_photo(tmp_path, monkeypatch):
    write_photos(tmp_path, ["me.jpg"])
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert made(run(Path("me.jpg"), Path("."))) == ["me.jpg"]
    assert (tmp_path / "me.jpg.png").exists() and len(saved(tmp_path)) == 2
    with pytest.raises(UserError, match="must not be nested"):
        folders.find_photos(Path("."), Path("."))


def test_portraits_behind_a_link_are_no_photos(tmp_path):
    write_photos(tmp_path / "in", ["a.png"])
    (tmp_path / "in" / "made").symlink_to(tmp_path / "out")
    run(tmp_path / "in", tmp_path / "out")
    assert made(run(tmp_path / "in", tmp_path / "out")) == ["a.png"]


def test_photos_of_phones_and_browsers_are_used(tmp_path):
    write_photos(tmp_path, ["a.png"])
    kinds = {
        "b.jfif": "JPEG",
        "c.jpe": "JPEG",
        "IMG_1.HEIC": "JPEG",
        "d.heif": "PNG",
        "e.hif": "WEBP",
    }
    kinds |= {"f.avif": "AVIF"} if features.check("avif") else {}
    (tmp_path / "in").mkdir()
    with Image.open(tmp_path / "a.png") as image:
        for name, kind in kinds.items():
            image.save(tmp_path / "in" / name, kind)
    assert sorted(made(run(tmp_path / "in", tmp_path / "out"))) == sorted(kinds)


def test_photos_are_used_by_content_whatever_their_names_end_with(tmp_path):
    names = ["a", "a.2", "a~", "a~.png", "a.crop", "a.png", "b.jpg_large", "c.png.bak"]
    write_photos(tmp_path / "in", names)
    (tmp_path / "in" / "raw.dng").write_bytes(b"II*\0" + bytes(60))
    rows = run(tmp_path / "in", tmp_path / "out", files=Files(sheet=True))
    assert sorted(made(rows)) == sorted(names)
    assert len({row.portrait for row in rows} - {""}) == len(names)
    assert len([*(tmp_path / "out").glob("*.png")]) == 2 * len(names)
    assert run(tmp_path / "in", tmp_path / "out") == [type(row)(*map(str, row)) for row in rows]


@pytest.mark.skipif("HEIF" in Image.OPEN, reason="the package is here")
def test_heic_without_its_package_is_one_line_and_tried_again(tmp_path):
    write_photos(tmp_path / "in", ["a.png"])
    for name in ("b.heic", "c.HEIF", "d.jpg"):
        (tmp_path / "in" / name).write_bytes(HEIC_BYTES)
    (tmp_path / "in" / "e.heic").write_bytes(b"no photo")
    rows = run(tmp_path / "in", tmp_path / "out")
    (line,) = (line for line in describe(rows) if "HEIC" in line)
    assert line.startswith("  3: ") and "pip install pillow-heif" in line
    assert {row.photo: row.note for row in rows}["e.heic"] == "not a photo"
    with Image.open(tmp_path / "in" / "a.png") as image:
        image.save(tmp_path / "in" / "b.heic", "JPEG")
    rows = run(tmp_path / "in", tmp_path / "out")
    assert sorted(made(rows)) == ["a.png", "b.heic"] and [r.note for r in rows].count(HEIC) == 2


def test_heic_is_used_with_its_package(tmp_path):
    heif = pytest.importorskip("pillow_heif")
    write_photos(tmp_path / "in", ["a.png"])
    with Image.open(tmp_path / "in" / "a.png") as image:
        heif.from_pillow(image.convert("RGB")).save(tmp_path / "in" / "b.heic")
    assert made(run(tmp_path / "in", tmp_path / "out")) == ["a.png", "b.heic"]


def test_files_of_other_kinds_are_counted_in_a_line(tmp_path, caplog):
    write_photos(tmp_path / "in", ["a.png"])
    for name in ("1.CR2", "s/2.cr2", "notes.txt", "README"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).touch()
    assert not is_photo("1.CR2")
    with caplog.at_level("INFO", "absl"):
        folders.find_photos(tmp_path / "in", tmp_path / "out")
    assert ".cr2 2, no ending 1, .txt 1" in caplog.text
    assert count_kinds("abcdefg") == "no ending 7"


def test_a_pipe_is_no_photo(tmp_path):
    write_photos(tmp_path / "in", ["a.png"])
    os.mkfifo(tmp_path / "in" / "b.png")
    assert list(folders.find_photos(tmp_path / "in", tmp_path / "out").photos) == ["a.png"]
