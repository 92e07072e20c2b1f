"""Sample grids as arrays; curves as PNG files."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging
from etils import epath
from PIL import Image, ImageDraw, ImageFont

BLACK, WHITE = 0, 255
MARGIN = 4  # px between images
USUAL = {  # curve, or all of a panel -> a value to compare with, and its name
    "accuracy_real": (0.5, "a guess"),
    "accuracy_fake": (0.5, "a guess"),
    "diversity": (1.0, "inputs"),
    "sharpness": (1.0, "images of R"),
}
LOGARITHMIC = ("losses", "l1", "change", "error", "landmarks", "yaw")  # unless some are 0 or less
UNITS = {"landmarks": " (px)", "yaw": " (degrees)", "turned": " (degrees)", "missed": " (share)"}
LEVEL = {"ha": "right", "va": "bottom", "size": 7, "color": "0.4"}  # of the names of such values

Curves = dict[str, tuple[list[int], list[float]]]  # name -> steps and values


def draw_grid(columns: Mapping[str, np.ndarray], groups: Mapping[str, int]) -> np.ndarray:
    """A row for each example, a column for each kind of image.

    Args:
      columns: title -> uint8 [N, H, W, C], the same N, H, W in all.
      groups: label -> number of rows that it labels, from the top; together N.

    Returns:
      uint8 [height, width] of gray images, [height, width, 3] of images in colour.
    """
    count, height, width, channels = next(iter(columns.values())).shape
    mode, black, white = "L", BLACK, WHITE
    if channels == 3:
        mode, black, white = "RGB", 3 * (BLACK,), 3 * (WHITE,)
    size = max(10, height // 9)
    font = ImageFont.load_default(size)
    left, top = size + 2 * MARGIN, size + 2 * MARGIN
    canvas = Image.new(
        mode, (left + len(columns) * (width + MARGIN), top + count * (height + MARGIN)), white
    )
    draw = ImageDraw.Draw(canvas)
    for column, (title, images) in enumerate(columns.items()):
        x = left + column * (width + MARGIN)
        draw.text((x + width // 2, top // 2), title, black, font, anchor="mm")
        for row, image in enumerate(images):
            picture = Image.fromarray(image[:, :, 0] if channels == 1 else image)
            canvas.paste(picture, (x, top + row * (height + MARGIN)))
    row = 0
    for label, rows in groups.items():
        span = rows * (height + MARGIN)
        strip = Image.new(mode, (span, left), white)
        ImageDraw.Draw(strip).text((span // 2, left // 2), label, black, font, anchor="mm")
        canvas.paste(strip.rotate(90, expand=True), (0, top + row * (height + MARGIN)))
        row += rows
    return np.asarray(canvas)


def plot_curves(
    path: epath.Path,
    rows: Sequence[Mapping[str, Any]],
    starts: Mapping[str, int],
    baselines: Mapping[str, Mapping[str, float]],
) -> None:
    """Losses and metrics over steps as PNG, in one panel for each `panel_of`.

    Args:
      path: of the PNG file.
      rows: of metrics.jsonl.
      starts: stage -> its first step, which a vertical line marks.
      baselines: name -> numbers of the kind that a row has; dashed lines.
    """
    panels: dict[str, Curves] = {}
    for row in rows:
        for name, value in row.items():
            if isinstance(value, float):
                title = panel_of(name)
                steps, values = panels.setdefault(title, {}).setdefault(name, ([], []))
                steps.append(row["step"])
                # A log scale has no 0: nothing changed, or the step leaves the loss out.
                frozen = title in ("change", "losses") and value == 0
                values.append(math.nan if frozen else value)
    if not panels:
        return
    _draw(path, 2.6 * len(panels), lambda figure: _draw_panels(figure, panels, starts, baselines))


def plot_fetch_times(
    path: epath.Path, milliseconds: Sequence[float], epoch_batches: float, read: float
) -> None:
    """Time to fetch each batch as PNG (the report's figure).

    Args:
      path: of the PNG file.
      milliseconds: of each batch.
      epoch_batches: batches in an epoch; every second epoch is shaded.
      read: seconds that reading and decoding everything took before the first batch.
    """
    _draw(path, 3, lambda figure: _draw_times(figure, milliseconds, epoch_batches, read))


def _draw_times(
    figure: Any, milliseconds: Sequence[float], epoch_batches: float, read: float
) -> None:
    axes = figure.subplots()
    for epoch in range(0, int(len(milliseconds) / epoch_batches) + 1, 2):
        axes.axvspan(epoch * epoch_batches, (epoch + 1) * epoch_batches, color="0.93", linewidth=0)
    axes.plot(np.arange(len(milliseconds)), milliseconds, ".", markersize=2)
    share = 1e3 * read / epoch_batches
    axes.axhline(share, color="tab:red", linewidth=1)
    axes.text(
        0, share, f" reading all photos once, {read:.1f} s, divided by the batches of an epoch",
        va="bottom", size=7, color="tab:red",
    )  # fmt: skip
    axes.set(xlabel="batch (every second epoch is shaded)", ylabel="fetch time (ms)", yscale="log")
    axes.set_xlim(0, max(len(milliseconds), 1))


def panel_of(name: str) -> str:
    """Title of the panel of a number: METRIC for METRIC/VIEW, else "accuracy" or "losses"."""
    if "/" in name:
        return name.split("/")[0]
    return "accuracy" if name.startswith("accuracy_") else "losses"


def _draw_panels(
    figure: Any,
    panels: Mapping[str, Curves],
    starts: Mapping[str, int],
    baselines: Mapping[str, Mapping[str, float]],
) -> None:
    for axes, (title, curves) in zip(
        figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0], panels.items(), strict=True
    ):
        for name, (steps, values) in curves.items():
            axes.plot(steps, values, label=name.split("/")[-1], linewidth=1)
        for value, name in levels(title, curves, baselines):
            axes.axhline(value, color="0.4", linewidth=0.8, linestyle="--")
            axes.text(0.995, value, name, transform=axes.get_yaxis_transform(), **LEVEL)
        across = {"transform": axes.get_xaxis_transform(), "va": "top", "size": 7}
        for number, (stage, start) in enumerate(starts.items()):
            axes.axvline(start, color="gray", linewidth=0.8, linestyle=":")
            axes.text(start, 0.98 - 0.09 * (number % 2), f" {stage}", **across)
        finite = [v for _, values in curves.values() for v in values if math.isfinite(v)]
        if title in LOGARITHMIC and finite and min(finite) > 0:
            axes.set_yscale("log")
        held_out = "" if title in ("losses", "accuracy") else "held-out "
        axes.set_ylabel(f"{held_out}{title}{UNITS.get(title, '')}")
        axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set_xlabel("step")


def levels(
    title: str, curves: Curves, baselines: Mapping[str, Mapping[str, float]]
) -> list[tuple[float, str]]:
    """What the curves of a panel are to be compared with: values, and their names."""
    values = {
        (row[curve], name) for name, row in baselines.items() for curve in curves if curve in row
    }
    return sorted(values) + sorted({USUAL[name] for name in (title, *curves) if name in USUAL})


def _draw(path: epath.Path, height: float, draw: Callable[[Any], None]) -> None:
    """Saves what `draw` draws into an empty figure of 8 x `height` inches.

    A matplotlib that does not work here costs the picture and a warning, not the end of a run.
    """
    try:
        from matplotlib.figure import Figure  # here, since importing it takes seconds

        figure = Figure(figsize=(8, height), layout="constrained")
        draw(figure)
        with path.open("wb") as file:
            figure.savefig(file, dpi=110, format="png")
    except Exception as error:  # matplotlib raises many types over its settings, fonts and caches
        logging.warning("%s was not drawn, all else is saved: %s", path, error)
