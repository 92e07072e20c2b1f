"""A page as a list of parts, written as Markdown and as HTML that needs no other file."""

import base64
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from etils import epath

from facealign.paths import write_whole

Lines = Sequence[Sequence[str]]  # of cells: the first line is the head, the first column the names

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
figure { margin: 0; } figure img { width: 100%; display: block; }
figcaption, .note { font-size: .8rem; opacity: .8; }
"""
SMALL = "main figure img { max-width: 48rem; margin-top: 1rem; background: white; }"


class Title(NamedTuple):
    """The first part of a page."""

    text: str


class Heading(NamedTuple):
    """Begins a section."""

    text: str


class Text(NamedTuple):
    """A paragraph."""

    text: str


class Points(NamedTuple):
    """A list of sentences."""

    items: Sequence[str]


class Table(NamedTuple):
    """A table of words; lines as of `markdown_table`."""

    lines: Lines


class Picture(NamedTuple):
    """A PNG file of the folder of the page, and what it shows. Left out if there is none."""

    name: str
    caption: str


Part = Title | Heading | Text | Points | Table | Picture


def markdown_table(lines: Lines) -> str:
    """Lines of cells as a Markdown table: the first line is the head, the first column the names.

    Padded, so that a terminal shows a table too. Names are aligned to the left, the rest to the
    right.
    """
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(lines[0]))]
    rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    return "\n".join(
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in (lines[0], rule, *lines[1:])
    )


def html_table(lines: Lines, bold: str = "") -> str:
    """The same in HTML; the line that is named `bold` is."""

    def row(line: Sequence[str], tag: str) -> str:
        mark = ' class="evaluated"' if bold and line[0] == bold else ""
        return f"<tr{mark}>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in line) + "</tr>"

    body = "".join(row(line, "td") for line in lines[1:])
    return f'<div class="wide"><table>{row(lines[0], "th")}{body}</table></div>'


def html_list(items: Sequence[str]) -> str:
    """Sentences as a list."""
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def html_page(title: str, body: str, style: str = STYLE) -> str:
    """A whole page; `body` is HTML, `title` words."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def png_url(content: bytes) -> str:
    """A picture as the address that holds it."""
    return "data:image/png;base64," + base64.b64encode(content).decode()


def write_page(folder: epath.Path, name: str, parts: Sequence[Part]) -> None:
    """Writes NAME.md and NAME.html; a picture that the folder lacks is left out of both."""
    parts = [p for p in parts if not isinstance(p, Picture) or (folder / p.name).exists()]
    words = [_MARKDOWN[type(part)](part) for part in parts]
    write_whole(folder / f"{name}.md", ("\n\n".join(words) + "\n").encode())
    marks = [_draw(folder, p) if isinstance(p, Picture) else _HTML[type(p)](p) for p in parts]
    title = next((part.text for part in parts if isinstance(part, Title)), name)
    body = "<main>" + "\n".join(marks) + "</main>"
    write_whole(folder / f"{name}.html", html_page(title, body, STYLE + SMALL).encode())


def _draw(folder: epath.Path, picture: Picture) -> str:
    url, words = png_url((folder / picture.name).read_bytes()), escape(picture.caption)
    return f'<figure><img alt="" src="{url}"><figcaption>{words}</figcaption></figure>'


_MARKDOWN: Mapping[type, Callable[..., str]] = {
    Title: lambda part: f"# {part.text}",
    Heading: lambda part: f"## {part.text}",
    Text: lambda part: part.text,
    Points: lambda part: "\n".join(f"- {item}" for item in part.items),
    Table: lambda part: markdown_table(part.lines),
    Picture: lambda part: f"![{part.caption}]({part.name})\n\n*{part.caption}*",
}
_HTML: Mapping[type, Callable[..., str]] = {
    Title: lambda part: f"<h1>{escape(part.text)}</h1>",
    Heading: lambda part: f"<h2>{escape(part.text)}</h2>",
    Text: lambda part: f"<p>{escape(part.text)}</p>",
    Points: lambda part: html_list(part.items),
    Table: lambda part: html_table(part.lines),
}
