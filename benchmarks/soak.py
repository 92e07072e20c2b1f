"""A long run, watched from inside: `python benchmarks/soak.py --hours=3 --out=soak.png`.

Trains the small adversarial experiment with very many evaluations, sample grids and checkpoints,
and writes down, every ten seconds, the memory, the threads and the open files of the process, and
how often XLA has compiled. It ends by SIGTERM, as by preemption. `--table=FILE`
keeps the numbers, one line each, and draws from that file alone with `--hours=0`.
"""

import argparse
import csv
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import jax
from matplotlib.figure import Figure
from runs import LIGHT  # (finds facealign)

from configs import medium_gan
from facealign.cli.memory import keep_freed_memory
from facealign.parallel.preemption import Preempted
from facealign.training.loop import train

EVERY = 10.0  # s
COLUMNS = ("seconds", "step", "memory_mb", "threads", "files", "compiled")
SETTLED = 0.1  # share of the time after which nothing should grow


def create_config(data_dir: str):
    """The light experiment, its last stage without an end that would be reached."""
    config = medium_gan.get_config()
    for flag in LIGHT[1:]:
        name, _, value = flag.removeprefix("--config.").partition("=")
        config.update_from_flattened_dict({name: int(value) if value.isdigit() else value})
    config.data.data_dir = data_dir
    config.stages.reconstruction.steps = 1000
    config.stages.discriminator.steps = 500
    config.stages.adversarial.steps = 10**8
    config.optimizer.schedule = "constant"  # else the warm-up would outlast the soak
    config.log_every, config.evaluate_every, config.checkpoint_every = 5, 25, 100
    return config


class Watcher(threading.Thread):
    """Appends a line of numbers to a table every ten seconds, and ends the process in time."""

    def __init__(self, table: Path, workdir: Path, seconds: float):
        super().__init__(daemon=True)
        self._table, self._workdir, self._seconds = table, workdir, seconds
        self.compiled = 0
        jax.monitoring.register_event_duration_secs_listener(self._note)

    def _note(self, event: str, duration: float, **_: str) -> None:
        self.compiled += event.endswith("backend_compile_duration")

    def run(self) -> None:
        start = time.monotonic()
        with self._table.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            while (seconds := time.monotonic() - start) < self._seconds:
                rows.writerow([f"{seconds:.0f}", self._step(), *self._measure(), self.compiled])
                file.flush()
                time.sleep(EVERY)
        os.kill(os.getpid(), signal.SIGTERM)

    def _step(self) -> int:
        folder = self._workdir / "checkpoints"
        steps = [int(path.name) for path in folder.glob("*") if path.name.isdigit()]
        return max(steps, default=0)

    def _measure(self) -> tuple[str, int, int]:
        status = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
        )
        memory = int(status["VmRSS"].split()[0]) * 1024 / 1e6
        return f"{memory:.1f}", int(status["Threads"]), len(os.listdir("/proc/self/fd"))


def read_table(table: Path) -> list[dict[str, float]]:
    with table.open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def report(rows: list[dict[str, float]]) -> None:
    """Prints the range of each column after a tenth of the time, and how fast it grows.

    Growth is that of the median, from the first third of that time to the last.
    """
    last = rows[-1]["seconds"]
    settled = [row for row in rows if row["seconds"] >= SETTLED * last]
    hours = (settled[-1]["seconds"] - settled[0]["seconds"]) / 3600
    print(f"{last / 3600:.2f} hours, {rows[-1]['step']:,.0f} steps; after a tenth of the time:")
    third = max(1, len(settled) // 3)
    for name in COLUMNS[2:]:
        values = [row[name] for row in settled]
        early, late = sorted(values[:third])[third // 2], sorted(values[-third:])[third // 2]
        growth = (late - early) / (hours * 2 / 3)
        print(f"{name:<10} {min(values):8.1f} to {max(values):8.1f}, growing {growth:+.1f} an hour")


def draw(rows: list[dict[str, float]], out: Path) -> None:
    figure = Figure(figsize=(8, 6), layout="constrained")
    panels = figure.subplots(len(COLUMNS) - 2, sharex=True)
    for axes, name in zip(panels, COLUMNS[2:], strict=True):
        axes.plot([row["seconds"] / 3600 for row in rows], [row[name] for row in rows])
        axes.set_ylabel(name.replace("_mb", " (MB)"))
        axes.set_ylim(bottom=0)
    panels[-1].set_xlabel("hours")
    figure.savefig(out, dpi=70)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--table", type=Path, default=None)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = args.table or folder / "soak.csv"
        if args.hours:
            keep_freed_memory()
            Watcher(table, folder / "run", 3600 * args.hours).start()
            try:
                train(create_config(str(folder / "data")), folder / "run")
            except Preempted as end:
                print(end)
        rows = read_table(table)
        report(rows)
        draw(rows, args.out)


if __name__ == "__main__":
    main()
