"""Pictures: every image is in its place, every plot is a readable file."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facealign.workdir.figures import (
    MARGIN,
    WHITE,
    draw_grid,
    levels,
    panel_of,
    plot_curves,
    plot_fetch_times,
)

HEIGHT, WIDTH, ROWS = 24, 32, 5
COLUMNS = {
    title: np.random.default_rng(seed).integers(0, 256, (ROWS, HEIGHT, WIDTH, 1), np.uint8)
    for seed, title in enumerate(("input", "swap", "target"))
}
GROUPS = {"training": 3, "held out": 2}


def find(grid, image):
    """The only place (y, x) of an image in a grid."""
    windows = np.lib.stride_tricks.sliding_window_view(grid, image.shape)
    ((y, x),) = np.argwhere((windows == image).all(axis=(2, 3)))
    return y, x


def test_each_image_is_unchanged_in_its_row_and_column():
    grid = draw_grid(COLUMNS, GROUPS)
    top, left = find(grid, COLUMNS["input"][0, :, :, 0])
    for column, images in enumerate(COLUMNS.values()):
        for row, image in enumerate(images):
            place = top + row * (HEIGHT + MARGIN), left + column * (WIDTH + MARGIN)
            assert find(grid, image[:, :, 0]) == place
    assert grid.dtype == np.uint8
    assert grid.shape == (top + ROWS * (HEIGHT + MARGIN), left + len(COLUMNS) * (WIDTH + MARGIN))


def test_images_keep_their_colours():
    shares = np.array((1, 2, 3), np.uint8)
    colours = {title: images.repeat(3, axis=-1) // shares for title, images in COLUMNS.items()}
    grid = draw_grid(colours, GROUPS)
    red = draw_grid(COLUMNS, GROUPS)
    assert grid.shape == (*red.shape, 3)
    np.testing.assert_array_equal(grid[..., 0], red)
    assert (grid[..., 1] <= grid[..., 0]).all() and (grid[..., 1] < grid[..., 0]).any()


def test_titles_are_above_their_columns_and_labels_beside_their_rows():
    grid = draw_grid(COLUMNS, GROUPS)
    top, left = find(grid, COLUMNS["input"][0, :, :, 0])
    for column in range(len(COLUMNS)):
        start = left + column * (WIDTH + MARGIN)
        assert grid[:top, start : start + WIDTH].min() < WHITE
    end_of_first = top + 3 * (HEIGHT + MARGIN)
    assert grid[top:end_of_first, :left].min() < WHITE
    assert grid[end_of_first:, :left].min() < WHITE


def read(path):
    with Image.open(path) as image:
        image.load()
        return np.asarray(image.convert("L"))


def rows(count):
    values = {"loss": 0.5, "adversarial": -1.5, "accuracy_real": 0.0, "l1/swap": 0.2}
    more = {"change/swap": 0.0, "diversity/swap": 1.0, "timing": {"step_ms": 5.0}}
    return [{"step": step, "stage": "a", "trained_views": ["swap"]} | values | more
            for step in range(1, count + 1)]  # fmt: skip


BASELINES = {"mean": {"l1/swap": 0.4, "l1/other": 9.0}, "copy": {"l1/swap": 0.3}}


@pytest.mark.parametrize("count", [1, 30])
def test_curves_are_a_readable_picture(tmp_path, count):
    plot_curves(tmp_path / "curves.png", rows(count), {"a": 0, "b": 20}, BASELINES)
    assert np.ptp(read(tmp_path / "curves.png")) > 0


def test_curves_of_not_a_number_are_a_readable_picture(tmp_path):
    bad = [row | {"loss": float("nan"), "l1/swap": float("inf")} for row in rows(3)]
    plot_curves(tmp_path / "curves.png", bad, {"a": 0}, BASELINES)
    assert np.ptp(read(tmp_path / "curves.png")) > 0


def test_terms_of_a_loss_are_not_drawn_among_held_out_numbers():
    assert [panel_of(name) for name in ("l1", "loss", "gradient")] == ["losses"] * 3
    assert panel_of("l1/swap") == "l1" and panel_of("diversity/swap") == "diversity"
    assert panel_of("accuracy_real") == "accuracy"


def test_a_panel_has_the_baselines_of_its_own_curves():
    curves = {"l1/swap": ([1], [0.2])}
    assert levels("l1", curves, BASELINES) == [(0.3, "copy"), (0.4, "mean")]
    assert levels("sharpness", {"sharpness/swap": ([1], [0.2])}, BASELINES) == [
        (1.0, "images of R")
    ]
    assert levels("losses", {"loss": ([1], [0.2])}, BASELINES) == []
    people, real = ({f"accuracy_{name}": ([1], [0.2])} for name in ("person", "real"))
    assert levels("accuracy", people, {}) == []  # of many people a guess is far less than half
    assert levels("accuracy", real, {}) == [(0.5, "a guess")]


def test_no_rows_leave_no_picture(tmp_path):
    plot_curves(tmp_path / "curves.png", [], {"a": 0}, {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("milliseconds", [[], [0.3], [5.0, 0.3, 0.0] * 20])
def test_fetch_times_are_a_readable_picture(tmp_path, milliseconds):
    plot_fetch_times(tmp_path / "fetch.png", milliseconds, epoch_batches=7.5, read=1.2)
    assert np.ptp(read(tmp_path / "fetch.png")) > 0


def test_a_matplotlib_that_does_not_work_costs_a_warning(tmp_path):
    program = (
        "from tests.workdir.test_figures import *\n"
        f"plot_curves(Path({str(tmp_path)!r}) / 'curves.png', rows(2), {{}}, {{}})\n"
        "print('goes on')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"MPLBACKEND": "nonsense"}, cwd=Path(__file__).parents[2],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "goes on\n" and "curves.png was not drawn" in done.stderr
