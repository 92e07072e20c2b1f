"""The three files of an evaluation."""

import json
import re

import pytest
from etils import epath

from facealign.evaluation import html_page, run


def test_the_files_need_no_others_and_hold_the_same_numbers(comparison, tmp_path):
    facts = run.describe(comparison, "system of run, step 7")
    run.write_evaluation(epath.Path(tmp_path), comparison, facts, 7, {})
    html = (tmp_path / "evaluation.html").read_text()
    assert not re.search(r"(src|href)=[\"'](?!data:|#)", html) and "@import" not in html
    assert html.count("<figure>") == 3 * html_page.EXAMPLES and html.count("<svg") == 3
    content = json.loads((tmp_path / "evaluation.json").read_text(), parse_constant=pytest.fail)
    assert content["step"] == 7 and content["people"] == 12
    assert content["systems"]["network"]["all"]["TAR"]["value"] == 1
    markdown = (tmp_path / "evaluation.md").read_text()
    for name in comparison.systems:
        assert name in markdown and name in html
    for line in markdown.splitlines():
        assert not line.startswith("|") or line.endswith("|")


def test_numbers_with_a_known_target_are_in_json_and_markdown(comparison, tmp_path):
    rows = {"network": {"l1/swap": 0.125}}
    run.write_evaluation(epath.Path(tmp_path), comparison, [], 7, rows)
    assert json.loads((tmp_path / "evaluation.json").read_text())["rows"] == rows
    assert "| network | 0.1250  |" in (tmp_path / "evaluation.md").read_text()
