"""evaluation.html: everything about a judgement on one page that needs nothing else."""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from facealign.evaluation.compare import Judgement
from facealign.evaluation.plots import plots
from facealign.evaluation.tables import LEGEND, tables
from facealign.evaluation.test_photos import is_probe
from facealign.metrics import verification

EXAMPLES = 16  # of each kind
TURNED = 15  # degrees: examples are taken from inputs turned by more, if there are enough
GAP = 2  # px between the images of an example
STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 72rem;
  background: Canvas; color: CanvasText; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .875rem; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
th { vertical-align: bottom; }
td + td { white-space: nowrap; }
tr > :first-child { text-align: left; min-width: 8rem; position: sticky; left: 0;
  background: Canvas; }
tr.evaluated { font-weight: 600; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr));
  gap: 1rem; align-items: start; }
.plots h3 { font-size: 1rem; } svg { width: 100%; height: auto; }
.examples { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr));
  gap: .8rem; }
figure { margin: 0; } figure img { width: 100%; display: block; }
figcaption, .note { font-size: .8rem; opacity: .8; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; }
"""


def html(judgement: Judgement, facts: Sequence[str]) -> str:
    """The page.

    Args:
      judgement: to show.
      facts: sentences at its top: what was evaluated, on what.
    """
    parts = ["<h1>Evaluation</h1>", *(f"<p>{escape(fact)}</p>" for fact in facts)]
    (title, lines), *others = tables(judgement)
    parts += [_table(title, lines, judgement.name)]
    parts += [_list("To know", judgement.notes)] if judgement.notes else []
    drawn = [f"<section><h3>{escape(t)}</h3>{svg}</section>" for t, svg in plots(judgement).items()]
    parts += [f'<div class="plots">{"".join(drawn)}</div>'] if drawn else []
    parts += [_table(title, lines, judgement.name) for title, lines in others]
    parts += _examples(judgement)
    words = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}.</dd>" for k, v in LEGEND.items())
    parts += ["<h2>What the words mean</h2>", f"<dl>{words}</dl>"]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Evaluation of {escape(judgement.name)}</title><style>{STYLE}</style></head>\n"
        f"<body>\n{chr(10).join(parts)}\n</body></html>\n"
    )


def choose_examples(judgement: Judgement) -> dict[str, np.ndarray]:
    """Title -> which outputs [at most `EXAMPLES`]: by distance to the person's frontal photo."""
    bench, system = judgement.bench, judgement.systems[judgement.name]
    rows = np.arange(len(system.outputs.rows))
    if bench.measured is None or not is_probe(bench).any():
        spaced = np.linspace(0, len(rows) - 1, min(EXAMPLES, len(rows))).astype(int)
        return {"Examples": rows[spaced]}
    rows = rows[is_probe(bench)]
    turned = rows[np.abs(bench.yaw[rows]) > TURNED]
    rows = turned if len(turned) >= EXAMPLES else rows
    order = rows[np.argsort(own_distance(judgement)[rows], kind="stable")]
    count = min(EXAMPLES, len(order))
    middle = (len(order) - count) // 2
    return {
        "Best": order[:count],
        "Median": order[middle : middle + count],
        "Worst": order[::-1][:count],
    }


def own_distance(judgement: Judgement) -> np.ndarray:
    """Distance [N] of each output to its person's real frontal photo; infinite without a face."""
    bench, system = judgement.bench, judgement.systems[judgement.name]
    table = verification.distances(
        system.measured.descriptor, bench.measured.descriptor[bench.gallery]
    )
    return table[np.arange(len(bench.person)), bench.person]


def _examples(judgement: Judgement) -> list[str]:
    parts = []
    for title, rows in choose_examples(judgement).items():
        figures = "".join(_figure(judgement, row) for row in rows)
        parts += [f"<h2>{title}</h2>", f'<div class="examples">{figures}</div>']
    real = "" if judgement.bench.measured is None else ", real frontal photo of the person"
    how = "" if not real else (
        f" Ordered by the distance between the last two, among photos turned by more than {TURNED} "
        "degrees where there are enough."
    )  # fmt: skip
    parts.insert(0, f'<p class="note">Examples show input, output{real}.{how}</p>')
    return parts


def _figure(judgement: Judgement, row: int) -> str:
    bench, system = judgement.bench, judgement.systems[judgement.name]
    images = [bench.photos.examples["image"][row], system.outputs.images[row]]
    enrolled = bench.gallery[bench.person[row]]
    if enrolled >= 0:
        images.append(bench.photos.examples["image"][enrolled])
    words = escape(str(bench.photos.examples["file_name"][row]))
    if system.measured:
        found = system.measured.found[row]
        after = f"{system.measured.yaw[row]:.0f}" if found else "no face"
        before = "?" if np.isnan(bench.yaw[row]) else f"{bench.yaw[row]:.0f}"
        words += f"<br>yaw {before} &rarr; {after}"
        if enrolled >= 0 and found:
            words += f", distance {own_distance(judgement)[row]:.2f}"
    return f'<figure><img alt="" src="{_png(images)}"><figcaption>{words}</figcaption></figure>'


def _png(images: Sequence[np.ndarray]) -> str:
    """Images uint8 [H, W, 1] side by side as a data address."""
    height, width = images[0].shape[:2]
    strip = Image.new("LA", (len(images) * (width + GAP) - GAP, height), (0, 0))
    for place, image in enumerate(images):
        strip.paste(Image.fromarray(image[:, :, 0]).convert("LA"), (place * (width + GAP), 0))
    buffer = io.BytesIO()
    strip.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _table(title: str, lines: Sequence[Sequence[str]], evaluated: str) -> str:
    def row(line: Sequence[str], tag: str) -> str:
        mark = ' class="evaluated"' if line[0] == evaluated else ""
        return f"<tr{mark}>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in line) + "</tr>"

    body = "".join(row(line, "td") for line in lines[1:])
    head = row(lines[0], "th")
    return f'<h2>{escape(title)}</h2>\n<div class="wide"><table>{head}{body}</table></div>'


def _list(title: str, notes: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<h2>{escape(title)}</h2>\n<ul class="note">{items}</ul>'
