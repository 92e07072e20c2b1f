"""Plots of a comparison as SVG, in the text colour of the page around them."""

import io
import math
from itertools import cycle

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facealign.evaluation.compare import Comparison
from facealign.evaluation.gallery import FAR, all_pairs, to_gallery
from facealign.geometry.pose import FRONTAL
from facealign.metrics import verification

INK = "#010203"  # replaced by the text colour of the page
# Of the evaluated system, then of the baselines; chosen to differ on white and on black.
COLOURS = ("#e0364f", "#3d8bd9", "#e08a2b", "#2fa36b", "#a06cd5", "#b59a1c", "#8a8a8a", "#26a3a8")
STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "facealign", "font.family": "sans-serif",
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False,
    "axes.facecolor": "none", "figure.facecolor": "none", "legend.frameon": False,
    "legend.fontsize": 9, "font.size": 10,
}  # fmt: skip
FEWEST = 10  # photos in a bin that is plotted
LARGEST_YAW = 95  # degrees, of both axes
NO_FACE = 105  # degrees at which outputs without a face are drawn


def plots(comparison: Comparison) -> dict[str, str]:
    """Title -> SVG; none without face tools."""
    if comparison.eval_set.measured is None:
        return {}
    return {
        f"Yaw before and after: {comparison.name}": plot_yaw(comparison),
        "Recognition by one real frontal photo": plot_roc(comparison),
        "By the yaw of the input": plot_bins(comparison),
    }


def plot_yaw(comparison: Comparison) -> str:
    """One dot per photo; outputs without a face are above the dashed line."""
    system = comparison.evaluated
    before = comparison.eval_set.yaw[system.outputs.rows]
    found = system.measured.found
    after = np.where(found, system.measured.yaw, NO_FACE)
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure()
        axes.axhspan(-FRONTAL, FRONTAL, color=COLOURS[3], alpha=0.2, linewidth=0)
        axes.plot([-90, 90], [-90, 90], color=COLOURS[6], linewidth=1, linestyle=":")
        axes.axhline(LARGEST_YAW, color=INK, linewidth=0.6, linestyle="--")
        for chosen, colour in ((found, COLOURS[0]), (~found, COLOURS[6])):
            axes.plot(before[chosen], after[chosen], ".", color=colour, markersize=5, alpha=0.6)
        axes.set(xlabel="yaw of the input, degrees", ylabel="yaw of the output, degrees",
                 xlim=(-LARGEST_YAW, LARGEST_YAW), ylim=(-LARGEST_YAW, NO_FACE + 7))  # fmt: skip
        axes.set_yticks([-90, -60, -30, 0, 30, 60, NO_FACE], [*range(-90, 61, 30), "no face"])
        return _svg(figure)


def plot_roc(comparison: Comparison) -> str:
    """True accept rate over false accept rate of every system."""
    styles, lowest = _styles(comparison), FAR / 10
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure()
        for name, (outputs, measured, _) in comparison.systems.items():
            rows = np.arange(len(outputs.rows))
            pairs = all_pairs(to_gallery(comparison.eval_set, outputs, measured, rows))
            if min(map(len, pairs)):
                curve = verification.roc(*pairs)
                axes.plot(np.maximum(curve.far, lowest), curve.tar, label=name, **styles[name])
        axes.axvline(FAR, color=INK, linewidth=0.6, linestyle="--")
        axes.set(xscale="log", xlim=(lowest, 1), ylim=(0, 1.02),
                 xlabel="false accept rate", ylabel="true accept rate")  # fmt: skip
        _legend(axes)
        return _svg(figure)


def plot_bins(comparison: Comparison) -> str:
    """Share of frontal outputs, TAR and rank-1 by the yaw of the input; small bins left out."""
    counts, styles = comparison.evaluated.scores, _styles(comparison)
    bins = [b for b in counts if b != "all" and counts[b]["photos"].value >= FEWEST]
    panels = {"share with |yaw| < 8": "yaw < 8", "TAR at a FAR of 1 %": "TAR", "rank-1": "rank-1"}
    with matplotlib.rc_context(STYLE):
        figure, *axes = _figure(len(panels))
        for panel, (title, score) in zip(axes, panels.items(), strict=True):
            for name, (_, _, scores) in comparison.systems.items():
                values = [scores[b][score].value if b in scores else math.nan for b in bins]
                panel.plot(bins, values, marker="o", markersize=4, label=name, **styles[name])
            panel.set(ylabel=title, ylim=(-0.02, 1.02))
        axes[-1].set_xlabel("|yaw| of the input, degrees")
        _legend(axes[-1])
        return _svg(figure)


def _figure(panels: int = 1) -> tuple[Figure, *tuple[Axes, ...]]:
    """A figure of panels above one another, and their axes."""
    figure = Figure(figsize=(5, 4.5 if panels == 1 else 2 * panels + 1.5), layout="constrained")
    return figure, *np.atleast_1d(figure.subplots(panels, sharex=True))


def _styles(comparison: Comparison) -> dict[str, dict[str, object]]:
    """How the line of each system is drawn: that of the evaluated one is bold and on top."""
    return {
        name: {
            "color": colour,
            "linewidth": 2.5 if name == comparison.name else 1.3,
            "zorder": 3 if name == comparison.name else 2,
        }
        for colour, name in zip(cycle(COLOURS), comparison.systems, strict=False)
    }


def _legend(axes: Axes) -> None:
    axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :].replace(INK, "currentColor")
