"""The table of speeds: `python benchmarks/speed.py --peer=PYTHON --out=FILE.md`; 40 minutes.

Eighteen rows, each a command of its own, in a process of its own, that can be run alone: both train
steps of the three networks with 32 images of 128 px, the medium ones also with other numbers and
sizes of images, and one photo and 64 photos. With --peer, against PyTorch, eager and compiled, in
both memory formats, with its own number of threads.
"""

import itertools
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import sides
from common import ROOT, create_parser, run_main
from train_step import NETWORKS, TWINS

STEPS = [
    *((network, 32, 128) for network in NETWORKS),
    *(("medium", images, 128) for images in (8, 128, 256)),
    *(("medium", 32, size) for size in (64, 256)),
]
ROWS = {  # name -> command
    **{
        f"{twin}, {network}, {images} of {size} px": (
            f"train_step.py --twin={twin} --network={network} --batch_size={images} "
            f"--image_size={size} --steps={max(1, 64 * 128**2 // (images * size**2))}"
        )
        for (network, images, size), twin in itertools.product(STEPS, TWINS)
    },
    **{f"{photos} photos, medium": f"inference.py --batch_size={photos}" for photos in (1, 64)},
}


def run_row(command: str, flags: list[str]) -> dict:
    """What the command writes: its machine, number of images, and times."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "row.json")
        words = [sys.executable, *shlex.split(f"benchmarks/{command}"), *flags, f"--out={out}"]
        process = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
        if process.returncode:
            sys.exit(f"error: {shlex.join(words)} failed: {process.stderr[-2000:]}")
        return json.loads(out.read_text(encoding="utf-8"))


def format_row(name: str, row: dict) -> str:
    """A line of the table: ours and the best of the others, ms by medians, and their ratios."""
    medians = {variant: statistics.median(times) for variant, times in row["ms"].items()}
    ours, others = [*medians][: row["ours"]], [*medians][row["ours"] :]
    cells = [f"{medians[each]:.1f}" for each in ours]
    if others:
        best = min(others, key=medians.get)
        cells += [f"{medians[best]:.1f} ({best.removeprefix('PyTorch, ')})"]
        for each in ours:
            fastest = min(min(row["ms"][other]) for other in others) / min(row["ms"][each])
            cells += [f"**{medians[best] / medians[each]:.2f}** ({fastest:.2f})"]
    return " | ".join(["", name, *cells, ""]).strip()


def main() -> None:
    parser = create_parser(__doc__)
    sides.add_our_flags(parser)
    parser.add_argument("--peer", default="", help="python of an environment with PyTorch")
    parser.add_argument("--rows", nargs="+", choices=[*ROWS], default=[*ROWS], help="these alone")
    args = parser.parse_args()
    flags = [f"--rounds={args.rounds}", "--convolutions", *args.convolutions]
    flags += [f"--peer={args.peer}", "--compile"] if args.peer else []
    columns = [f"{name}, ms" for name in args.convolutions]
    columns += ["PyTorch, ms", *(f"PyTorch / {name}" for name in args.convolutions)] * bool(
        args.peer
    )
    lines = [sides.machine(), "", " | ".join(["|", *columns, ""]).strip()]
    lines += ["| --- |" + " ---: |" * len(columns)]
    print("\n".join(lines), flush=True)
    for name in args.rows:
        lines.append(format_row(name, run_row(ROWS[name], flags)))
        print(lines[-1], flush=True)
        if args.out:
            Path(args.out).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_main(main)
