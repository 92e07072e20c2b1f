"""evaluation.html: its examples, and names that are no markup."""

import numpy as np

from facealign.evaluation import html_page
from tests import toy_faces
from tests.evaluation.toy_comparison import compare_toys


def test_examples_are_the_nearest_the_middle_and_the_farthest(comparison):
    distances = html_page.own_distances(comparison)
    chosen = html_page.choose_examples(comparison)
    best, median, worst = (distances[chosen[name]] for name in ("Best", "Median", "Worst"))
    assert (best <= median).all() and (median <= worst[::-1]).all()


def test_the_page_says_what_an_example_shows(comparison):
    assert "the output and a real frontal photo of the person. They are ordered" in (
        html_page.html(comparison, [])
    )
    nobody = toy_faces.examples([(person, 40, 0, True) for person in range(2)])
    page = html_page.html(compare_toys(nobody), [])
    assert "shows the input and the output.</p>" in page and "ordered" not in page


def test_names_of_people_are_not_markup():
    examples = toy_faces.people(2)
    examples["file_name"] = np.array(["<b>&.png"] * len(examples["image"]))
    assert "<b>&.png" not in html_page.html(compare_toys(examples), [])
