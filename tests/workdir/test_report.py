"""Tables and report.md."""

import numpy as np

from facealign.workdir.report import markdown_table, number_table, write_report


def test_a_markdown_table_is_padded_and_aligned():
    assert markdown_table([["", "l1"], ["input", "0.25"], ["mean", "-"]]).splitlines() == [
        "|       | l1   |",
        "| ----- | ---: |",
        "| input | 0.25 |",
        "| mean  | -    |",
    ]


def test_a_number_table_has_a_row_for_each_name_and_dashes_for_missing_numbers():
    lines = number_table({"model": {"l1": 0.25}, "copy": {"tar": 1.0}}).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["", "l1", "tar"]
    assert cells[2] == ["model", "0.2500", "-"]
    assert cells[3] == ["copy", "-", "1.0000"]
    assert number_table({}).splitlines() == ["|     |", "| --- |"]


def test_the_page_shows_the_last_row_of_each_stage_and_every_alarm(tiny, tmp_path):
    rows = [
        {"step": 1, "stage": "reconstruction", "loss": 0.75, "timing": {}},
        {"step": 2, "stage": "reconstruction", "loss": 0.5, "timing": {}},
        {"step": 2, "stage": "reconstruction", "alarm": "spike", "text": "it leapt"},
        {"step": 4, "stage": "mirror", "trained_views": ["swap"], "l1/swap": 0.125},
    ]
    people = {"subject": np.array(["a", "a", "b"])}
    data = {"unrestricted": people, "restricted": {"subject": np.array(["c"])}}
    write_report(tmp_path, tiny, data, rows, {"copy of the input": {"l1/swap": 0.3}}, best_step=2)
    page = (tmp_path / "report.md").read_text()
    assert "U is polygons, 3 photos of 2 people; R is polygons, 1 photos of 1 people." in page
    assert "0.5000" in page and "0.7500" not in page
    assert "0.1250" in page and "(copy of the input)" in page and "0.3000" in page
    assert "step 2, spike: it leapt" in page
    assert "samples/step_000004.png" in page
