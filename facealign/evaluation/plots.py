"""Plots of a judgement as SVG that takes the colours of the page around it."""

import io
import math
from itertools import cycle

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facealign.evaluation.compare import Judgement
from facealign.evaluation.recognition import all_pairs, with_gallery
from facealign.evaluation.test_photos import FAR
from facealign.metrics import verification

INK = "#010203"  # becomes the colour of the text around the plot
# Of the system that is evaluated, then of the baselines; told apart on white and on black.
COLOURS = ("#e0364f", "#3d8bd9", "#e08a2b", "#2fa36b", "#a06cd5", "#b59a1c", "#8a8a8a", "#26a3a8")
STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "facealign", "font.family": "sans-serif",
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False,
    "axes.facecolor": "none", "figure.facecolor": "none", "legend.frameon": False,
    "legend.fontsize": 9, "font.size": 10,
}  # fmt: skip
FEWEST = 10  # photos of a bin
MISSED = 105  # degrees: where photos without a face are drawn


def plots(judgement: Judgement) -> dict[str, str]:
    """Title -> SVG; none without instruments."""
    if judgement.bench.measured is None:
        return {}
    return {
        f"Yaw before and after: {judgement.name}": plot_yaw(judgement),
        "Recognized by one real frontal photo": plot_roc(judgement),
        "By the yaw of the input": plot_bins(judgement),
    }


def plot_yaw(judgement: Judgement) -> str:
    """One dot a photo; those in which no face is found stand above the dashed line."""
    system = judgement.systems[judgement.name]
    before = judgement.bench.yaw[system.outputs.rows]
    found = system.measured.found
    after = np.where(found, system.measured.yaw, MISSED)
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure()
        axes.axhspan(-8, 8, color=COLOURS[3], alpha=0.2, linewidth=0)
        axes.plot([-90, 90], [-90, 90], color=COLOURS[6], linewidth=1, linestyle=":")
        axes.axhline(95, color=INK, linewidth=0.6, linestyle="--")
        for chosen, colour in ((found, COLOURS[0]), (~found, COLOURS[6])):
            axes.plot(before[chosen], after[chosen], ".", color=colour, markersize=5, alpha=0.6)
        axes.set(xlabel="yaw of the input, degrees", ylabel="yaw of the output, degrees",
                 xlim=(-95, 95), ylim=(-95, 112))  # fmt: skip
        axes.set_yticks([-90, -60, -30, 0, 30, 60, MISSED], [*range(-90, 61, 30), "no face"])
        return _svg(figure)


def plot_roc(judgement: Judgement) -> str:
    """True against false accept rate of every system."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure()
        lowest = FAR / 10
        for colour, (name, system) in zip(cycle(COLOURS), judgement.systems.items(), strict=False):
            rows = np.arange(len(system.outputs.rows))
            distances = all_pairs(
                with_gallery(judgement.bench, system.outputs, system.measured, rows)
            )
            if min(map(len, distances)):
                curve = verification.roc(*distances)
                style = _line(name == judgement.name, colour)
                axes.plot(np.maximum(curve.far, lowest), curve.tar, label=name, **style)
        axes.axvline(FAR, color=INK, linewidth=0.6, linestyle="--")
        axes.set(xscale="log", xlim=(lowest, 1), ylim=(0, 1.02),
                 xlabel="false accept rate", ylabel="true accept rate")  # fmt: skip
        _legend(axes)
        return _svg(figure)


def plot_bins(judgement: Judgement) -> str:
    """Share of frontal outputs, TAR and rank-1 by the yaw of the input; bins of a few left out."""
    scores = judgement.systems[judgement.name].scores
    bins = [b for b in scores if b != "all" and scores[b]["photos"].value >= FEWEST]
    panels = {"share with |yaw| < 8": "yaw < 8", "TAR at a FAR of 1 %": "TAR", "rank-1": "rank-1"}
    with matplotlib.rc_context(STYLE):
        figure, *axes = _figure(len(panels))
        for panel, (title, score) in zip(axes, panels.items(), strict=True):
            for colour, (name, system) in zip(
                cycle(COLOURS), judgement.systems.items(), strict=False
            ):
                values = [
                    system.scores[b][score].value if b in system.scores else math.nan for b in bins
                ]
                style = _line(name == judgement.name, colour)
                panel.plot(bins, values, marker="o", markersize=4, label=name, **style)
            panel.set(ylabel=title, ylim=(-0.02, 1.02))
        axes[-1].set_xlabel("|yaw| of the input, degrees")
        _legend(axes[-1])
        return _svg(figure)


def _figure(panels: int = 1) -> tuple[Figure, *tuple[Axes, ...]]:
    figure = Figure(figsize=(5, 4.5 if panels == 1 else 2 * panels + 1.5), layout="constrained")
    return figure, *np.atleast_1d(figure.subplots(panels, sharex=True))


def _line(evaluated: bool, colour: str) -> dict[str, object]:
    return {
        "color": colour,
        "linewidth": 2.5 if evaluated else 1.3,
        "zorder": 3 if evaluated else 2,
    }


def _legend(axes: Axes) -> None:
    axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :].replace(INK, "currentColor")
