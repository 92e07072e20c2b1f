"""Where the discriminator's loss leaps: `python benchmarks/spikes.py RUN OTHER_RUN`.

For two runs on the same batches (same seed, log_every=1), prints each leap of either and how many
leaps of the first fall on a leap of the second: leaps that stay where they are when the optimizer
changes are caused by what is in the batch.
"""

import statistics
from pathlib import Path

from common import create_parser, run_main

from facealign.workdir.log import read_rows

WINDOW = 20  # steps whose median a loss is compared with
FACTOR = 2.0  # a leap is a loss above this many times that median


def find_leaps(workdir: Path) -> list[range]:
    """Steps of each leap of the discriminator's loss, from the first to the last high one."""
    rows = [row for row in read_rows(workdir) if "timing" in row and "discriminator" in row]
    losses = [row["discriminator"] for row in rows]
    high = [
        rows[i]["step"]
        for i in range(WINDOW, len(rows))
        if losses[i] > FACTOR * statistics.median(losses[i - WINDOW : i])
    ]
    leaps: list[range] = []
    for step in high:
        if leaps and step <= leaps[-1].stop + 1:
            leaps[-1] = range(leaps[-1].start, step + 1)
        else:
            leaps.append(range(step, step + 1))
    return leaps


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("runs", nargs=2, type=Path, help="workdirs of the two runs")
    args = parser.parse_args()
    leaps = {run: find_leaps(run) for run in args.runs}
    for run, found in leaps.items():
        steps = ", ".join(f"{leap.start}-{leap.stop - 1}" for leap in found)
        print(f"{run}: {len(found)} leaps over {sum(map(len, found))} steps: {steps}")
    first, second = leaps.values()
    shared = [a for a in first if any(a.start <= b.stop and b.start <= a.stop for b in second)]
    print(f"{len(shared)} of {len(first)} leaps of the first are within a step of the second's")


if __name__ == "__main__":
    run_main(main)
