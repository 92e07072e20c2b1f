"""The page that ends a run."""

import numpy as np
import pytest
from etils import epath

from facealign.workdir.report import number_table, write_report


def test_a_number_table_has_a_row_for_each_name_and_dashes_for_missing_numbers():
    lines = number_table({"model": {"l1": 0.25}, "copy": {"tar": 1.0}}).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["", "l1", "tar"]
    assert cells[2] == ["model", "0.2500", "-"]
    assert cells[3] == ["copy", "-", "1.0000"]
    assert number_table({}).splitlines() == ["|     |", "| --- |"]


ROWS = [
    {"step": 1, "stage": "reconstruction", "loss": 0.75, "timing": {}},
    {"step": 2, "stage": "reconstruction", "loss": 0.5, "timing": {}},
    {"step": 2, "stage": "reconstruction", "alarm": "spike", "text": "it leapt"},
    {"step": 2, "stage": "mirror", "trained_views": ["swap"], "l1/swap": 0.125},
    {"step": 4, "stage": "mirror", "trained_views": ["swap"], "l1/swap": 0.125},
]
BASELINES = {"copy of the input": {"l1/swap": 0.3}}


@pytest.fixture
def pages(tiny, tmp_path):
    """report.md and report.html of ROWS, in a folder with pictures but curves.png."""
    people = {"subject": np.array(["a", "a", "b"])}
    data = {"unrestricted": people, "restricted": {"subject": np.array(["c"])}}
    (tmp_path / "samples").mkdir()
    for name in ("samples/step_000002.png", "samples/step_000004.png", "fetch_times.png"):
        (tmp_path / name).write_bytes(b"pixels")
    write_report(epath.Path(tmp_path), tiny, data, ROWS, BASELINES, best_step=2)
    return [(tmp_path / f"report.{ending}").read_text() for ending in ("md", "html")]


def test_the_page_shows_the_last_row_of_each_stage_and_every_alarm(pages):
    for page in pages:
        assert "U is polygons, 3 images of 2 people; R is polygons, 1 images." in page
        assert "swap: the input as R&#x27;s decoder draws it. target" in page.replace("'", "&#x27;")
        assert "l1: mean distance from the wanted image" in page and "eer:" not in page
        assert "0.5000" in page and "0.7500" not in page
        assert "0.1250" in page and "(copy of the input)" in page and "0.3000" in page
        assert "step 2, spike: it leapt" in page


def test_pictures_come_first_then_sentences_then_tables(pages):
    order = ("At the end, step 4", "Where l1/swap was lowest", "Learned", "0.1250", "spike:")
    for page in pages:
        places = [page.index(text) for text in order]
        assert places == sorted(places)
        assert "curves.png" not in page and "Dashed" not in page  # which could not be drawn


def test_the_html_page_needs_no_other_file(pages):
    assert "(samples/step_000004.png)" in pages[0]
    assert pages[1].count("data:image/png;base64,") == 3 and ".png" not in pages[1]
