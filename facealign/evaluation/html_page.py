"""evaluation.html: a comparison on one page that needs no other file."""

import io
from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from facealign.evaluation.compare import Comparison
from facealign.evaluation.evaluation_set import is_probe
from facealign.evaluation.plots import plots
from facealign.evaluation.tables import LEGEND, tables
from facealign.metrics import verification
from facealign.workdir.page import STYLE, Lines, html_list, html_page, html_table, png_url

EXAMPLES = 16  # of each kind
ASIDE = 15  # degrees: inputs with a larger |yaw| make better examples, where there are enough
GAP = 2  # px between the images of an example
OWN_STYLE = """
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr));
  gap: 1rem; align-items: start; }
.plots h3 { font-size: 1rem; } svg { width: 100%; height: auto; }
.examples { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr));
  gap: .8rem; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; }
"""


def html(comparison: Comparison, facts: Sequence[str]) -> str:
    """The page; `facts` are sentences for its top: what was evaluated, on what."""
    parts = ["<h1>Evaluation</h1>", *(f"<p>{escape(fact)}</p>" for fact in facts)]
    (title, lines), *others = tables(comparison)
    parts += [_table(title, lines, comparison.name)]
    parts += [_list("Notes", comparison.notes)] if comparison.notes else []
    drawn = plots(comparison).items()
    panels = "".join(f"<section><h3>{escape(title)}</h3>{svg}</section>" for title, svg in drawn)
    parts += [f'<div class="plots">{panels}</div>'] if panels else []
    parts += [_table(title, lines, comparison.name) for title, lines in others]
    parts += _examples(comparison)
    words = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}.</dd>" for k, v in LEGEND.items())
    parts += ["<h2>What the columns mean</h2>", f"<dl>{words}</dl>"]
    return html_page(f"Evaluation of {comparison.name}", "\n".join(parts), STYLE + OWN_STYLE)


def choose_examples(comparison: Comparison) -> dict[str, np.ndarray]:
    """Title -> rows of at most `EXAMPLES` outputs.

    Best, median and worst by `own_distances`; where nothing was measured, evenly spaced ones.
    """
    eval_set = comparison.eval_set
    rows = np.arange(len(comparison.evaluated.outputs.rows))
    if eval_set.measured is None or not is_probe(eval_set).any():
        spaced = np.linspace(0, len(rows) - 1, min(EXAMPLES, len(rows))).astype(int)
        return {"Examples": rows[spaced]}
    rows = rows[is_probe(eval_set)]
    aside = rows[np.abs(eval_set.yaw[rows]) > ASIDE]
    rows = aside if len(aside) >= EXAMPLES else rows
    order = rows[np.argsort(own_distances(comparison)[rows], kind="stable")]
    count = min(EXAMPLES, len(order))
    middle = (len(order) - count) // 2
    return {
        "Best": order[:count],
        "Median": order[middle : middle + count],
        "Worst": order[::-1][:count],
    }


def own_distances(comparison: Comparison) -> np.ndarray:
    """Distances [N] of outputs to their person's gallery photo; infinite without a face.

    Without meaning for people who have no gallery photo.
    """
    eval_set = comparison.eval_set
    table = verification.distances(
        comparison.evaluated.measured.descriptor, eval_set.measured.descriptor[eval_set.gallery]
    )
    return table[np.arange(len(eval_set.person)), eval_set.person]


def _examples(comparison: Comparison) -> list[str]:
    """The galleries of examples, below a note that says what they show."""
    chosen = choose_examples(comparison)
    measured = comparison.evaluated.measured
    distances = None if measured is None else own_distances(comparison)
    shown = "the input and the output"
    if (comparison.eval_set.gallery >= 0).any():
        shown = "the input, the output and a real frontal photo of the person"
    note = f"Each example shows {shown}."
    if "Best" in chosen:
        note += (
            " They are ordered by the distance of the last two, and taken from inputs with a |yaw| "
            f"above {ASIDE} degrees where there are enough."
        )
    parts = [f'<p class="note">{note}</p>']
    for title, rows in chosen.items():
        figures = "".join(_figure(comparison, row, distances) for row in rows)
        parts += [f"<h2>{title}</h2>", f'<div class="examples">{figures}</div>']
    return parts


def _figure(comparison: Comparison, row: int, distances: np.ndarray | None) -> str:
    """One example; `distances` are `own_distances`, None where nothing was measured."""
    eval_set, system = comparison.eval_set, comparison.evaluated
    images = [eval_set.images[row], system.outputs.images[row]]
    enrolled = eval_set.gallery[eval_set.person[row]]
    if enrolled >= 0:
        images.append(eval_set.images[enrolled])
    words = escape(str(eval_set.photos.examples["file_name"][row]))
    if system.measured:
        found = system.measured.found[row]
        after = f"{system.measured.yaw[row]:.0f}" if found else "no face"
        before = "?" if np.isnan(eval_set.yaw[row]) else f"{eval_set.yaw[row]:.0f}"
        words += f"<br>yaw {before} &rarr; {after}"
        if enrolled >= 0 and found:
            words += f", distance {distances[row]:.2f}"
    return f'<figure><img alt="" src="{_png(images)}"><figcaption>{words}</figcaption></figure>'


def _png(images: Sequence[np.ndarray]) -> str:
    """Images uint8 [H, W, 1] side by side as a data URL."""
    height, width = images[0].shape[:2]
    strip = Image.new("LA", (len(images) * (width + GAP) - GAP, height), (0, 0))
    for place, image in enumerate(images):
        strip.paste(Image.fromarray(image[:, :, 0]).convert("LA"), (place * (width + GAP), 0))
    buffer = io.BytesIO()
    strip.save(buffer, "PNG", optimize=True)
    return png_url(buffer.getvalue())


def _table(title: str, lines: Lines, evaluated: str) -> str:
    """A titled table, its first line the head; the line of the evaluated system is bold."""
    return f"<h2>{escape(title)}</h2>\n{html_table(lines, bold=evaluated)}"


def _list(title: str, notes: Sequence[str]) -> str:
    """A titled list."""
    return f'<h2>{escape(title)}</h2>\n<div class="note">{html_list(notes)}</div>'
