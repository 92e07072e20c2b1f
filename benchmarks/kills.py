"""A folder whose run is killed: `python benchmarks/kills.py [--photos=5000] [--kills=10]`.

Every photo must be accounted for once: in results.csv, with whole portraits and no others. What was
done before a kill is not done again, and 10 s after one no process is left. Photos are those of
ORL, and among them are empty walls and files that are none.
"""

import contextlib
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from common import ROOT, create_parser
from PIL import Image

from facealign.data.datasets import orl_faces

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)  # kill -9 twice as often
FAST = ("--method=unmended", "--frame=tight", "--size=128", "--gray", "--nodistance")
PATIENCE = 10  # seconds after which no process may be left
MOST = 8  # seconds from the moment that was drawn by rows to the kill
NOTES = {"wall": ("no face was found", "nearly black"), "no photo": "not a photo"}
EMPTY, NO_PHOTO = 37, 13  # of so many files one is a wall, and one no photo


def write_photos(folder: Path, count: int) -> dict[str, str]:
    """Writes so many files; returns by name what each is: "face", "wall" or "no photo"."""
    faces = sorted(orl_faces.photo_folder().rglob("*.pgm"))
    kinds = {}
    for number in range(count):
        name = f"{number % 7}/{number:05}.png"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % NO_PHOTO == 1:
            path.write_bytes(b"text\n")
            kinds[name] = "no photo"
        elif number % EMPTY == 1:
            Image.new("L", (60, 60), number % 256).save(path)
            kinds[name] = "wall"
        else:
            with Image.open(faces[number % len(faces)]) as image:
                image.save(path, compress_level=1)
            kinds[name] = "face"
    return kinds


def said_in(output: Path) -> Path:
    """What the last run says, beside its portraits."""
    return output.with_suffix(".log")


def start(photos: Path, output: Path) -> subprocess.Popen:
    """Aligns the folder, in a process group of its own."""
    folders = f"--input={photos}", f"--output={output}"
    return subprocess.Popen(
        [sys.executable, "launch.py", "--mode=align", "--device=cpu", *folders, *FAST],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=said_in(output).open("w"),  # a pipe that nobody reads would stop it
        text=True,
        start_new_session=True,
    )


def read_rows(output: Path) -> list[dict[str, str]]:
    """The rows of results.csv; its last line may be cut short."""
    with contextlib.suppress(FileNotFoundError), (output / "results.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["note"] is not None]
    return []


def kill(run: subprocess.Popen, output: Path, rows: int) -> str:
    """Ends a run at a random moment after so many rows; says by what, or "" if it had ended."""
    while run.poll() is None and len(read_rows(output)) < rows:
        time.sleep(0.05)
    end = time.monotonic() + random.uniform(0, MOST)
    while run.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    if run.poll() is not None:
        return ""
    name = random.choice(SIGNALS)
    run.send_signal(name)
    run.wait()
    said = said_in(output).read_text()
    assert "Traceback" not in said, said
    end = time.monotonic() + PATIENCE
    while is_left(run.pid):
        assert time.monotonic() < end, f"processes are left {PATIENCE} s after {name.name}"
        time.sleep(0.1)
    return name.name


def is_left(group: int) -> bool:
    """Whether a process of a group lives."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def times(output: Path, names: list[str]) -> dict[str, int]:
    return {name: (output / name).stat().st_mtime_ns for name in names}


def check(kinds: dict[str, str], output: Path) -> str:
    """Asserts that every photo is accounted for once; returns counts."""
    rows = read_rows(output)
    assert {row["photo"] for row in rows} == set(kinds)
    places = Counter(tuple(row[key] for key in ("photo", "left", "top", "right")) for row in rows)
    assert set(places.values()) == {1}, places.most_common(3)
    portraits = [row["portrait"] for row in rows if row["portrait"]]
    assert len(set(portraits)) == len(portraits)
    others = {"model.json", "results.csv", ".lock"}
    files = {str(p.relative_to(output)) for p in output.rglob("*") if p.is_file()} - others
    assert files == set(portraits), sorted(files ^ set(portraits))[:5]
    for name in portraits:
        Image.open(output / name).load()
    notes = {row["photo"]: row["note"] for row in rows}
    for name, kind in kinds.items():
        assert kind == "face" or notes[name].startswith(NOTES[kind]), (name, notes[name])
    noted = len(kinds) - len({row["photo"] for row in rows if row["portrait"]})
    return f"{len(portraits)} portraits, {noted} photos noted"


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("--photos", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    random.seed(args.seed)
    with tempfile.TemporaryDirectory() as name:
        photos, output = Path(name, "photos"), Path(name, "portraits")
        kinds, kept = write_photos(photos, args.photos), {}
        moments = sorted(random.randrange(args.photos) for _ in range(args.kills))
        for rows in moments:
            how = kill(start(photos, output), output, rows)
            before = read_rows(output)
            last = before[-1]["photo"] if before else ""  # of which the kill may have cut rows
            made = [row["portrait"] for row in before if row["portrait"] and row["photo"] != last]
            kept = times(output, made) | kept
            print(f"{how or 'it had ended'}, with {len(before)} rows", flush=True)
        run = start(photos, output)
        assert run.wait() == 0, said_in(output).read_text()
        counts = check(kinds, output)
        assert times(output, list(kept)) == kept, "portraits were made again"
        print(f"{args.photos} photos, each accounted for once: {counts}; "
              f"{len(kept)} portraits from before kills, none made again")  # fmt: skip


if __name__ == "__main__":
    main()
