"""The summary, the HTML page and the paths of portraits."""

import numpy as np
import pytest
from absl import logging

from facealign.faces import workers
from facealign.portraits import results, rows
from facealign.portraits.image_files import FORMATS, Files
from tests.toy_portraits import run, write_photos


def test_the_page_shows_every_face_and_escapes_names(tmp_path):
    write_photos(tmp_path / "in", ["<b>&#.png", "empty.png"])
    run(tmp_path / "in", tmp_path / "out", files=Files(sheet=True))
    page = (tmp_path / "out" / "sheet.html").read_text()
    assert "<b>" not in page and "&lt;b&gt;&amp;#.png" in page
    assert 'src="%3Cb%3E%26%23.png.png"' in page and 'src="%3Cb%3E%26%23.png.crop.png"' in page
    assert "empty.png: no face was found" in page
    assert (tmp_path / "out" / "<b>&#.png.crop.png").exists()


def test_the_summary_by_hand():
    rows = [
        results.Row("a", "a.png", yaw_before="-20.0", yaw_after="3.0", distance="0.2"),
        results.Row("a", "a.2.png", yaw_before="4.0", yaw_after="", note="no face"),
        results.Row("b", "b.png", yaw_before="9.0", yaw_after="-7.9", distance="0.4"),
        results.Row("c", note="no face was found"),
    ]
    first, failed, second, third = results.describe(rows)
    assert failed == "  1: no face was found (c)"
    assert first.startswith("3 portraits of 3 photos; photos without a portrait: 1, their notes")
    assert "33% before, 67% after" in second
    assert third.endswith("median 0.30 of 2 that could be measured")
    assert results.describe([results.Row("a", "a.png")]) == ["1 portrait of 1 photo"]


def test_an_error_of_the_system_is_one_reason_whatever_its_file_is_called():
    names = ("Album [2019] Rome/a: one.jpg", "b.jpg")
    rows = [results.Row(n, note=f"[Errno 13] Permission denied: '/in/{n}'") for n in names]
    (line,) = [line for line in results.describe(rows) if line.startswith("  ")]
    assert line.startswith("  2: Permission denied; the next start tries again (Album [2019]")


@pytest.mark.parametrize("format", FORMATS)
def test_portraits_and_files_beside_them_have_different_paths(format):
    photos = ["a.png", "a.jpg", "a.png.jpg", "a.2.png", "a.png.2.png", "a.crop.png", "b/a.png"]
    photos += ["a.mask.png", "a.turntable.webp", "a.webp", "a.png.turntable.webp"]
    every = [results.portrait_path(name, face, format) for name in photos for face in (1, 2, 3)]
    kinds = (results.CROP, results.MASK, results.TURNTABLE)
    every += [results.path_beside(portrait, kind) for portrait in every for kind in kinds]
    assert len(set(every)) == len(every)


def test_files_beside_a_portrait_have_its_name_without_its_format():
    portrait = results.portrait_path("a/b.jpg", 2, "webp")
    assert portrait == "a/b.jpg.2.webp"
    assert results.path_beside(portrait, results.MASK) == "a/b.jpg.2.mask.png"


def test_a_comparison_whose_process_is_killed_costs_a_distance_and_a_line(caplog):
    def killed():
        raise workers.KilledError

    logging.set_verbosity(logging.INFO)
    row = results.Row("a", "a.png", yaw_after="1.0")
    (made,) = rows._finish([rows.Made(row)], [lambda: np.ones(128), killed])
    assert made.row == row and "was killed" in caplog.text
