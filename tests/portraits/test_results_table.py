"""results.csv after stops and after other programs: read as it was meant, or refused unharmed."""

from pathlib import Path

import pytest

from facealign.errors import UserError
from facealign.portraits.results import Row
from facealign.portraits.results_table import append, open_table
from tests.toy_portraits import run, write_photos

PHOTOS = Path("photos")
ROWS = [
    Row("a, b.png", "a, b.png.png", 1, 2, 30, 40, "5 bytes, 7 ns", "12.0", distance="0.41"),
    Row("a, b.png", note="a face left out: tiny"),
    Row("ü.png", note='no "face"; none'),
]
TEXTS = [Row(*map(str, row)) for row in ROWS]


@pytest.fixture
def output(tmp_path):
    open_table(tmp_path, "x", {}, PHOTOS)
    (tmp_path / "a, b.png.png").write_bytes(b"portrait")
    append(tmp_path / "results.csv", ROWS)
    return tmp_path


def by_spreadsheet(text, delimiter):
    """The table as LibreOffice or Excel save it."""
    import csv
    import io

    lines = list(csv.reader(io.StringIO(text, newline="")))
    saved = io.StringIO(newline="")
    csv.writer(saved, delimiter=delimiter, lineterminator="\r\n").writerows(lines)
    return saved.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_a_spreadsheet_saved_is_read_and_written_as_before(output, encoding, delimiter):
    path = output / "results.csv"
    before = path.read_bytes()
    path.write_bytes(by_spreadsheet(before.decode(), delimiter).encode(encoding))
    assert open_table(output, "x", {}, PHOTOS) == TEXTS
    assert path.read_bytes() == before


def test_decimal_commas_and_cells_that_a_spreadsheet_left_out_are_read(output):
    path = output / "results.csv"
    text = by_spreadsheet(path.read_text(), ";").replace("12.0", "12,0")
    lines = [line.rstrip(";") for line in text.splitlines()]
    path.write_text("\n".join([*lines, ";;;", ""]))
    assert open_table(output, "x", {}, PHOTOS) == TEXTS


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("distance,note", "distance,note,stars"),
        ("photo,portrait", "photo"),
        ("12.0", "12. Jan"),
        ('a, b.png.png"', '../b.png"'),
        ('a, b.png.png"', '/b.png"'),
        ('none"', "none"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_a_line_and_unchanged(output, before, after):
    path = output / "results.csv"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    changed = path.read_bytes()
    with pytest.raises(UserError, match="changed by another program") as caught:
        open_table(output, "x", {}, PHOTOS)
    assert "\n" not in str(caught.value) and path.read_bytes() == changed


@pytest.mark.parametrize("content", [b"notes", b"notes\n", "photo\n".encode("utf-16"), b"\xff\n"])
def test_a_file_of_somebody_else_is_unharmed(tmp_path, content):
    (tmp_path / "results.csv").write_bytes(content)
    with pytest.raises(UserError, match="changed by another program"):
        open_table(tmp_path, "x", {}, PHOTOS)
    assert [path.name for path in tmp_path.iterdir()] == ["results.csv"]
    assert (tmp_path / "results.csv").read_bytes() == content


def test_a_table_cut_anywhere_has_only_whole_photos(output):
    path = output / "results.csv"
    whole = path.read_bytes()
    ends = [number + 1 for number, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(len(whole)):
        if length in ends:  # where nothing shows the cut
            continue
        path.write_bytes(whole[:length])
        expected = TEXTS[:2] if length > ends[2] else []
        assert open_table(output, "x", {}, PHOTOS) == expected
        assert whole.startswith(path.read_bytes()) and path.read_bytes().endswith(b"\n")


def test_only_what_still_holds_is_kept(output):
    """With the stamps of photos that are to be aligned now."""
    same, other = {"a, b.png": "5 bytes, 7 ns"}, {"a, b.png": "5 bytes, 8 ns"}
    assert open_table(output, "x", same | {"ü.png": "1"}, PHOTOS)[2].stamp == "1"
    assert open_table(output, "x", {"a, b.png": ""}, PHOTOS) != []  # it cannot be seen now
    assert (output / "a, b.png.png").exists()
    assert [row.photo for row in open_table(output, "x", other, PHOTOS)] == ["ü.png"]
    assert not (output / "a, b.png.png").exists()


def test_an_empty_portrait_is_made_again(output):
    """As after a power cut."""
    (output / "a, b.png.png").write_bytes(b"")
    stamps = {"a, b.png": "5 bytes, 7 ns"}
    assert [row.photo for row in open_table(output, "x", stamps, PHOTOS)] == ["ü.png"]


def test_portraits_of_another_folder_are_not_replaced(tmp_path):
    """As of two folders of a camera's card, which number their photos alike."""
    for folder, name in (("100A", "a.png"), ("101A", "later.png")):
        write_photos(tmp_path / folder, [name])
    (tmp_path / "101A" / "later.png").rename(tmp_path / "101A" / "a.png")
    run(tmp_path / "100A", tmp_path / "out")
    before = (tmp_path / "out" / "a.png.png").read_bytes()
    with pytest.raises(UserError, match=r"100A, and others in .*101A have the same .* a.png"):
        run(tmp_path / "101A", tmp_path / "out")
    assert (tmp_path / "out" / "a.png.png").read_bytes() == before
    (tmp_path / "100A").rename(tmp_path / "moved")
    assert [row.photo for row in run(tmp_path / "moved", tmp_path / "out")] == ["a.png"] * 2
    write_photos(tmp_path / "101B", ["b.png"])
    for name in ("moved/a.png", "101B/b.png"):  # both folders are known, and may change
        run(tmp_path / "101B", tmp_path / "out")
        write_photos(tmp_path, [name])
        rows = run((tmp_path / name).parent, tmp_path / "out")
        assert sorted({row.photo for row in rows}) == ["a.png", "b.png"]
