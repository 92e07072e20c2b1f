"""Sheets of portraits to be graded by eye, without knowing whose is whose, and the grades counted.

`python benchmarks/grading.py draw --portraits=NEW --before=OLD --out=SHEET` draws random portraits
of turned heads from NEW, a folder that `--mode=align` wrote, among controls (photos that look
ahead, in the same frame) and portraits of an earlier method from OLD. SHEET/pages has four numbered
tiles a page; SHEET/key.json says what they are, and is not for graders. They write a line for each
tile: number, grade, words; A would pass for a photo at a three-second look, B the person with small
faults, C broken.

`python benchmarks/grading.py count --out=SHEET GRADES...` counts the grades of several graders. A
sheet counts if at least nine of ten controls got an A, and one of twenty earlier portraits at most.
With `--same`, OLD's portraits are of the same photos as NEW's, all of them, so that the sheet tells
them apart; then only the controls decide whether it counts.

`draw_pairs` draws the portraits of random photos from NEW and OLD side by side, three photos a
page, in random order. Graders write a line for each photo: number, L, R or = for what they would
rather keep, the grade of the left and of the right, words; `count_pairs` counts them. Small
differences show there that no two sheets show.
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
from facealign.workdir.page import markdown_table

TILE, ACROSS, LABEL = 512, 2, 28  # px of a tile, tiles across a page, px of its number
SMALLER, DOWN = 448, 3  # px of a tile of a pair; pairs on a page
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
    if args.same:
        old_names = {row["portrait"] for row in turned[1]}
        turned[0] = [row for row in turned[0] if row["portrait"] in old_names]
    chosen = choose(rng, args.portraits, turned[0], args.count, "portraits")
    names = [Path(path).relative_to(args.portraits) for _, path in chosen]
    tiles = [
        *chosen,
        *choose(rng, args.controls or args.portraits,
                read_rows(args.controls) if args.controls else ahead, args.few, "controls"),
        *([("before", str(args.before / name)) for name in names] if args.same else
          choose(rng, args.before, turned[1], args.few, "before")),
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


def draw_pairs(args) -> None:
    rng, low, high = np.random.default_rng(args.seed), *args.yaw
    old = {row["portrait"] for row in read_rows(args.before)}
    names = [row["portrait"] for row in read_rows(args.portraits)
             if low <= aside(row) <= high and row["portrait"] in old]  # fmt: skip
    if len(names) < args.count:
        raise UserError(f"both folders have {len(names)} portraits, not {args.count}")
    names = [names[number] for number in rng.permutation(len(names))[: args.count]]
    swapped = [bool(swap) for swap in rng.random(len(names)) < 0.5]
    pages = args.out / "pages"
    pages.mkdir(parents=True, exist_ok=True)
    pairs = list(zip(names, swapped, strict=True))
    (args.out / "key.json").write_text(json.dumps(pairs, indent=1))
    for first in range(0, len(pairs), DOWN):
        page = Image.new("RGB", (2 * SMALLER, DOWN * (SMALLER + LABEL)), "white")
        for place, (name, swap) in enumerate(pairs[first : first + DOWN]):
            y = place * (SMALLER + LABEL)
            for x, folder in enumerate((args.before, args.portraits)[:: -1 if swap else 1]):
                with Image.open(folder / name) as image:
                    tile = image.convert("RGB").resize((SMALLER, SMALLER))
                page.paste(tile, (x * SMALLER, y + LABEL))
            ImageDraw.Draw(page).text((8, y + 6), f"{first + place + 1}", "black", font_size=20)
        page.save(pages / f"{first // DOWN + 1:03d}.png")
    print(f"wrote {len(pairs)} pairs to {pages}")


def count_pairs(args) -> None:
    swapped = [swap for _, swap in json.loads((args.out / "key.json").read_text())]
    lines = [
        ["grader", "the new kept", "the earlier", "alike", "new A", "B", "C", "earlier A", "B", "C"]
    ]
    for number, path in enumerate(args.grades, 1):
        rows = {}
        for line in path.read_text().splitlines():
            pair, *found = [*line.replace(",", " ").split(), *"   "][:4]
            if pair.isdigit() and found[0] in ("L", "R", "=") and set(found[1:]) <= set(GRADES):
                rows[int(pair)] = found
        if set(rows) != set(range(1, len(swapped) + 1)):
            raise UserError(
                f"{path} has no line `number L|R|= grade grade` for each of {len(swapped)} pairs"
            )
        kept, new, old = Counter(), Counter(), Counter()
        for pair, (choice, *grades) in rows.items():
            swap = swapped[pair - 1]  # the new one is on the left
            kept["alike" if choice == "=" else "new" if (choice == "L") == swap else "old"] += 1
            for found, grade in zip((new, old) if swap else (old, new), grades, strict=True):
                found[grade] += 1
        counts = [kept[word] for word in ("new", "old", "alike")]
        counts += [found[grade] for found in (new, old) for grade in GRADES]
        lines.append([str(number), *map(str, counts)])
    print(markdown_table(lines))


def main() -> None:
    parser = create_parser(__doc__)
    modes = {f.__name__: f for f in (draw, count, draw_pairs, count_pairs)}
    parser.add_argument("what", choices=modes)
    parser.add_argument("grades", nargs="*", type=Path, help="files of grades")
    parser.add_argument("--out", required=True, type=Path, help="folder of the sheet")
    parser.add_argument("--portraits", type=Path, help="folder that --mode=align wrote")
    parser.add_argument("--before", type=Path, help="that of an earlier method")
    parser.add_argument("--controls", type=Path, help="that of photos that look ahead, if another")
    parser.add_argument("--yaw", type=float, nargs=2, default=(15, 45), help="degrees")
    parser.add_argument("--count", type=int, default=100, help="portraits")
    parser.add_argument("--few", type=int, default=20, help="controls, and portraits of before")
    parser.add_argument(
        "--same", action="store_true", help="before: of the same photos as portraits"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_intermixed_args()
    modes[args.what](args)


if __name__ == "__main__":
    run_main(main)
