"""Which faces of a photo become portraits."""

import pytest

from facealign.errors import UserError
from facealign.faces.find import Wanted
from facealign.portraits.results import describe
from tests.toy_portraits import run, write_photos


@pytest.mark.parametrize(
    ("wanted", "note"),
    [
        (Wanted(largest=True), "left out: --faces=largest"),
        (Wanted(smallest=21), "left out: smaller than --min_face=21 px"),
        (Wanted(smallest=121), "left out: smaller than --min_face=121 px"),
    ],
)
def test_faces_that_are_not_wanted_are_left_out_and_counted(wanted, note, tmp_path, caplog):
    """Each photo has faces of 120 and 20 px. What computes is said at the start."""
    write_photos(tmp_path / "in", ["a.png"])
    with caplog.at_level("INFO", "absl"):
        rows = run(tmp_path / "in", tmp_path / "out", wanted=wanted, jobs=1)
    (line,) = (line for line in caplog.messages if "networks run on" in line)
    assert line.startswith("photos to do: 1; processes that find their faces: 1, of ")
    assert "the CPU" in line
    large = wanted.smallest < 120
    assert [row.photo for row in rows if row.portrait] == ["a.png"] * large
    assert [row.note for row in rows if not row.portrait] == [note] * (2 - large)
    said = "left out: 1" if large else f"1: {note} (a.png)"
    assert any(said in line for line in describe(rows))
    with pytest.raises(UserError, match="holds portraits by"):
        run(tmp_path / "in", tmp_path / "out")
