"""The page of `--mode=export --web` in a browser: `python benchmarks/browser.py --site=SITE`.

Serves SITE, gives the page each photo of a folder and then what it may meet (a turned head, a
group, no face, 20 megapixels, a broken file, the camera, no network), and compares its portraits
with those of `--mode=align`, whose faces facealign's own detector finds too, as the page's.

Needs node and, in this folder: npm install playwright-core@1.55.1
"""

import contextlib
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from common import ROOT, create_parser, run_main
from PIL import Image

from facealign.errors import UserError
from facealign.images import is_photo, read_photo

SIZE = 512  # px of the page's portraits
LARGE = (5472, 3648)  # px of a photo of 20 megapixels


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("--site", type=Path, required=True, help="of --mode=export --web")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photos of people")
    parser.add_argument("--pictures", type=Path, help="a folder of pictures without people")
    parser.add_argument("--portraits", type=Path, help="those of --mode=align, if they are there")
    parser.add_argument("--browser", choices=("chromium", "firefox"), default="chromium")
    parser.add_argument("--executable", default="", help="of the browser; default: as Debian's")
    parser.add_argument("--most", type=int, default=50, help="photos, evenly of the folder's")
    parser.add_argument("--screens", type=Path, help="folder for pictures of the page")
    args = parser.parse_args()
    names = {"chromium": "chromium", "firefox": "firefox-esr"}
    executable = args.executable or shutil.which(names[args.browser])
    if not executable or not shutil.which("node"):
        raise UserError(f"needs node and {names[args.browser]}; install them, or --executable")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        photos = choose_photos(args.photos, args.most, work / "photos")
        portraits = args.portraits or align(work / "photos", work / "portraits")
        (work / "out").mkdir()
        plan = {"browser": args.browser, "executable": executable, "out": str(work / "out")}
        plan |= {"photos": list(map(str, photos)), "film": str(work / "film.mjpeg")}
        plan["cases"] = make_cases(portraits, work)
        if args.pictures:
            some = choose_photos(args.pictures, 5, work / "pictures")
            plan["cases"] |= {f"no people, {path.name}": str(path) for path in some}
        if args.screens:
            args.screens.mkdir(parents=True, exist_ok=True)
            plan["screens"] = str(args.screens.absolute())
        report(drive(plan, args.site), portraits)


def choose_photos(folder: Path, most: int, into: Path) -> list[Path]:
    """Some photos of a folder, in even steps, copied to another."""
    found = sorted(path for path in folder.iterdir() if is_photo(path.name))
    if not found:
        raise UserError(f"no photos in {folder}")
    into.mkdir()
    steps = np.linspace(0, len(found) - 1, min(most, len(found))).astype(int)
    return [Path(shutil.copy(found[step], into)) for step in steps]


def open_photo(path: Path | str) -> Image.Image:
    return read_photo(Path(path).read_bytes(), 3)


def align(photos: Path, portraits: Path) -> Path:
    """The folder of the portraits of `--mode=align`, without dlib in any of its processes."""
    portraits.mkdir()
    (portraits / "dlib.py").write_text("raise ImportError('faces are found as the page does')\n")
    places = [str(portraits), os.environ.get("PYTHONPATH", "")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))}
    flags = ["--mode=align", f"--input={photos}", f"--output={portraits}", f"--size={SIZE}"]
    command = [sys.executable, "launch.py", *flags]
    made = subprocess.run(command, cwd=ROOT, env=env, capture_output=True)
    if made.returncode:
        raise UserError(f"--mode=align failed: {made.stderr.decode()[-500:]}")
    return portraits


def make_cases(portraits: Path, work: Path) -> dict[str, str]:
    """Files for what a page may meet, by name; also the film of its camera."""
    with (portraits / "results.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["portrait"].endswith(".png")]
    rows = [row for row in rows if (work / "photos" / row["photo"]).exists()]
    if len(rows) < 4:
        raise UserError("too few photos have portraits; give at least four")
    rows.sort(key=lambda row: abs(float(row["yaw_before"])))
    photos = [work / "photos" / row["photo"] for row in rows]
    frontal = open_photo(photos[0])
    frontal.save(work / "film.jpg", quality=95)
    (work / "film.mjpeg").write_bytes((work / "film.jpg").read_bytes() * 3)
    group = Image.new("RGB", (2 * 400, 2 * 400))
    for i, photo in enumerate(photos[:3] + photos[-1:]):
        side = 400 - 60 * i  # so that each is smaller than the one before
        group.paste(open_photo(photo).resize((side, side)), (400 * (i % 2), 400 * (i // 2)))
    made = {
        "group": group,
        "no face": Image.radial_gradient("L").resize((640, 480)),
        "20 megapixels": frontal.resize(LARGE),
    }
    cases = {"frontal": str(photos[0]), "turned": str(photos[-1])}
    for name, image in made.items():
        image.convert("RGB").save(path := work / f"{name}.jpg", quality=90)
        cases[name] = str(path)
    (work / "broken.jpg").write_bytes((work / "film.jpg").read_bytes()[:64])
    return cases | {"broken file": str(work / "broken.jpg")}


class Handler(SimpleHTTPRequestHandler):
    """Serves files, and notes the bytes of each answer."""

    def __init__(self, *args, notes: list[int], **kwargs):
        self.notes = notes
        super().__init__(*args, **kwargs)

    def log_request(self, code="-", size="-") -> None:
        self.notes.append(0)

    def log_message(self, *args) -> None:
        """Prints nothing."""

    def copyfile(self, source, outputfile) -> None:
        content = source.read()
        self.notes.append(len(content))
        outputfile.write(content)


def drive(plan: dict, site: Path) -> Iterator[dict]:
    """What the browser reports, line by line, and what the server has sent meanwhile."""
    notes: list[int] = []
    handler = partial(Handler, directory=str(site), notes=notes)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        plan["address"] = f"http://127.0.0.1:{server.server_port}/"
        command = ["node", str(ROOT / "benchmarks" / "browser.mjs"), json.dumps(plan)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, **pipes) as node:
            for line in node.stdout:
                said = json.loads(line)
                if "loaded" in said or "measure" in said:
                    said |= {"requests": len(notes), "sent": sum(notes), "held": held_by(node.pid)}
                if "stop" in said:
                    server.shutdown()
                    server.server_close()
                if said.keys() & {"loaded", "measure", "stop"}:
                    node.stdin.write("\n")
                    node.stdin.flush()
                yield said
        server.shutdown()
    if node.returncode:
        raise UserError("the browser could not be driven; what node printed above says why")


def held_by(pid: int) -> list[int]:
    """Bytes of each process below one, the largest first; what several share counts once."""
    held, below = [], [pid]
    while below:
        process = Path("/proc", str(below.pop()))
        with contextlib.suppress(OSError):  # it has ended
            for task in (process / "task").iterdir():
                below += map(int, (task / "children").read_text().split())
            if process.name != str(pid):
                rows = (process / "smaps_rollup").read_text().splitlines()
                shares = next(row for row in rows if row.startswith("Pss:"))
                held.append(1024 * int(shares.split()[1]))
    return sorted(held, reverse=True)


def differences(made: list[dict], portraits: Path) -> dict[str, float]:
    """Of each photo's largest face, the mean difference of page and `--mode=align`, of 255."""
    found = {}
    for each in made:
        name = Path(each["photo"]).name
        ours = portraits / f"{name}.png"
        if each["file"] and ours.exists():
            pair = [np.asarray(open_photo(path), np.float32) for path in (each["file"], ours)]
            found[name] = float(np.abs(pair[0] - pair[1]).mean())
    return found


def report(said: Iterator[dict], portraits: Path) -> None:
    """Prints a table of all photos, and a line for each case."""
    told = []
    for each in said:
        told.append(each)
        if "case" in each:
            seconds = f"{each['seconds']:.1f} s" if "seconds" in each else ""
            print(f"| {each['case']} | {seconds} | {each['says']} |", flush=True)
        if "measure" in each:
            print_photos(told, portraits)
            print("\n| case | time | what the page says |\n| --- | ---: | --- |")


def print_photos(told: list[dict], portraits: Path) -> None:
    made = [each for each in told if "photo" in each]
    (loaded,), measured = [each for each in told if "loaded" in each], told[-1]
    seconds = [each["seconds"] for each in made[1:] if each["faces"] == 1] or [made[0]["seconds"]]
    held, middle = measured["held"], statistics.median(seconds)
    off = differences(made, portraits)
    rows = {
        "photos, and those with a portrait": f"{len(made)}, {sum(bool(e['faces']) for e in made)}",
        "first photo with the load": f"{made[0]['seconds']:.1f} s, {loaded['sent'] / 1e6:.1f} MB",
        "seconds of others with one face, median, worst": f"{middle:.1f}, {max(seconds):.1f}",
        "requests after the first photo": measured["requests"] - loaded["requests"],
        "requests to other addresses": ", ".join(measured["foreign"]) or 0,
        "lines in the console": "; ".join(measured["console"]) or 0,
        "memory after the last": f"{held[0] / 1e6:.0f} MB of the largest process, the page's; "
        f"{sum(held) / 1e6:.0f} MB of all",
        "compared with --mode=align": len(off),
    }
    if off:
        worst = max(off, key=off.get)
        mean = statistics.mean(off.values())
        rows["off, of 255: mean and worst"] = f"{mean:.2f}, {off[worst]:.2f} ({worst})"
    for each in made:
        if not each["faces"]:
            rows[Path(each["photo"]).name] = each["says"]
    print(
        "\n".join(
            ["| | |\n| --- | --- |", *(f"| {name} | {said} |" for name, said in rows.items())]
        )
    )


if __name__ == "__main__":
    run_main(main)
