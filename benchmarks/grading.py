"""Sheets of portraits to be graded by eye, without knowing whose is whose, and the grades counted.

`python benchmarks/grading.py draw --portraits=NEW --before=OLD --out=SHEET` draws random portraits
of turned heads from NEW, a folder that `--mode=align` wrote, among controls (photos that look
ahead, in the same frame) and portraits of an earlier method from OLD. SHEET/pages has four numbered
tiles a page; SHEET/key.json says what they are, and is not for graders. They write a line for each
tile: number, grade, words; A would pass for a photo at a three-second look, B the person with small
faults, C broken.

`python benchmarks/grading.py count --out=SHEET GRADES...` counts the grades of several graders. A
sheet counts if at least nine of ten controls got an A, and one of twenty earlier portraits at most.
"""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
from common import create_parser, run_main
from PIL import Image, ImageDraw

from facealign.errors import UserError
from facealign.portraits.results import RESULTS
from facealign.workdir.report import markdown_table

TILE, ACROSS, LABEL = 512, 2, 28  # px of a tile, tiles across a page, px of its number
AHEAD = 4.0  # degrees: a portrait of such a head is the photo, moved and scaled
KINDS = ("portraits", "controls", "before")
GRADES = "ABC"


def read_rows(folder: Path) -> list[dict[str, str]]:
    """The lines of results.csv that have a portrait."""
    path = folder / RESULTS
    if not path.exists():
        raise UserError(f"{folder} has no {RESULTS}; run --mode=align first")
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["portrait"]]


def aside(row: dict[str, str]) -> float:
    return abs(float(row["yaw_before"]))


def choose(rng: np.random.Generator, folder: Path, rows: list, count: int, kind: str) -> list:
    """Random portraits as (kind, path)."""
    if len(rows) < count:
        raise UserError(f"{folder} has {len(rows)} {kind}, not {count}; align more photos")
    chosen = rng.permutation(len(rows))[:count]
    return [(kind, str(folder / rows[number]["portrait"])) for number in chosen]


def draw(args) -> None:
    rng, low, high = np.random.default_rng(args.seed), *args.yaw
    new, old = read_rows(args.portraits), read_rows(args.before)
    turned = [[row for row in rows if low <= aside(row) <= high] for rows in (new, old)]
    ahead = [row for row in new if aside(row) < AHEAD and abs(float(row["pitch"])) < AHEAD]
    tiles = [
        *choose(rng, args.portraits, turned[0], args.count, "portraits"),
        *choose(rng, args.controls or args.portraits,
                read_rows(args.controls) if args.controls else ahead, args.few, "controls"),
        *choose(rng, args.before, turned[1], args.few, "before"),
    ]  # fmt: skip
    tiles = [tiles[number] for number in rng.permutation(len(tiles))]
    pages = args.out / "pages"
    pages.mkdir(parents=True, exist_ok=True)
    (args.out / "key.json").write_text(json.dumps(tiles, indent=1))
    for first in range(0, len(tiles), ACROSS**2):
        page = Image.new("RGB", (ACROSS * TILE, ACROSS * (TILE + LABEL)), "white")
        for place, (_, path) in enumerate(tiles[first : first + ACROSS**2]):
            x, y = place % ACROSS * TILE, place // ACROSS * (TILE + LABEL)
            with Image.open(path) as image:
                page.paste(image.convert("RGB").resize((TILE, TILE)), (x, y + LABEL))
            ImageDraw.Draw(page).text((x + 8, y + 6), f"{first + place + 1}", "black", font_size=20)
        page.save(pages / f"{first // ACROSS**2 + 1:03d}.png")
    print(f"wrote {len(tiles)} tiles to {pages}")


def read_grades(path: Path, count: int) -> dict[int, str]:
    """The grade of each tile."""
    found = {}
    for line in path.read_text().splitlines():
        number, grade, *_ = [*line.replace(",", " ").split(), "", ""]
        if number.isdigit() and grade in GRADES and grade:
            found[int(number)] = grade
    if set(found) != set(range(1, count + 1)):
        missing = sorted(set(range(1, count + 1)) - set(found))
        raise UserError(f"{path} has no grade for the tiles {missing}")
    return found


def count(args) -> None:
    kinds = [kind for kind, _ in json.loads((args.out / "key.json").read_text())]
    grades = [read_grades(path, len(kinds)) for path in args.grades]
    lines = [["", "grader", "tiles", *GRADES]]
    for kind in KINDS:
        shares = []
        for number, found in enumerate(grades, 1):
            counts = Counter(found[tile] for tile, own in enumerate(kinds, 1) if own == kind)
            total = counts.total()
            shares.append([counts[grade] / total for grade in GRADES])
            lines.append([kind, str(number), str(total), *(str(counts[g]) for g in GRADES)])
        mean = np.mean(shares, axis=0)
        lines.append([kind, "mean", "", *(f"{share:.2f}" for share in mean)])
    print(markdown_table(lines))
    same = np.mean([len({found[t] for found in grades}) == 1 for t in range(1, len(kinds) + 1)])
    print(f"the graders agree on {same:.0%} of the tiles")


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("what", choices=("draw", "count"))
    parser.add_argument("grades", nargs="*", type=Path, help="files of grades")
    parser.add_argument("--out", required=True, type=Path, help="folder of the sheet")
    parser.add_argument("--portraits", type=Path, help="folder that --mode=align wrote")
    parser.add_argument("--before", type=Path, help="that of an earlier method")
    parser.add_argument("--controls", type=Path, help="that of photos that look ahead, if another")
    parser.add_argument("--yaw", type=float, nargs=2, default=(15, 45), help="degrees")
    parser.add_argument("--count", type=int, default=100, help="portraits")
    parser.add_argument("--few", type=int, default=20, help="controls, and portraits of before")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_intermixed_args()
    {"draw": draw, "count": count}[args.what](args)


if __name__ == "__main__":
    run_main(main)
