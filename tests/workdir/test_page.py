"""Parts of pages."""

from facealign.workdir.page import html_table, markdown_table


def test_a_markdown_table_is_padded_and_aligned():
    assert markdown_table([["", "l1"], ["input", "0.25"], ["mean", "-"]]).splitlines() == [
        "|       | l1   |",
        "| ----- | ---: |",
        "| input | 0.25 |",
        "| mean  | -    |",
    ]


def test_words_in_an_html_table_are_not_markup():
    table = html_table([["", "<b>"], ["a & b", "1"]], bold="a & b")
    assert "<th>&lt;b&gt;</th>" in table and "<b>" not in table
    assert '<tr class="evaluated"><td>a &amp; b</td><td>1</td></tr>' in table
