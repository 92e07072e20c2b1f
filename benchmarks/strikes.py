"""Signals and full disks at any moment of a tiny run, counted: `python benchmarks/strikes.py`.

A run is struck at a random moment between its start and its end. Then the same command is given
again and struck again, until the run has ended; then it must have come to what a run came to that
nothing happened to, and the next one begins. With `--work=align` two processes find faces beside.
"""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from runs import ROOT, START_AGAIN, finish, rows, run_to_end, start

TRIANGLES = (  # twelve steps of two stages
    f"--config={ROOT / 'configs' / 'polygons_light.py'}",
    "--config.data.image_size=32",
    "--config.data.polygon_pairs=80",
    "--config.data.batch_size=4",
    "--config.stages.reconstruction.steps=6",
    "--config.stages.mirror.steps=6",
    "--config.log_every=1",
    "--config.evaluate_every=2",
    "--config.checkpoint_every=2",
    "--config.evaluate_examples=8",
)
STREAMED = "--config.data.memory_mb=0.01"  # photos stay on disk, and threads read them ahead
# Exit codes of what a signal ended, as shells have them; START_AGAIN says that the state is saved.
CODES = {"SIGINT": (130,), "SIGTERM": (143, START_AGAIN), "SIGKILL": (137,)}
BEFORE = ("<frozen site>", "init_import_site", "/encodings/")  # Python's own start, interrupted
BEFORE_FIRST = "before the first line of Python"
PATIENCE = 300  # seconds after which it hangs
OF_LOG = re.compile(r"[IWE]\d{4} |.*(images?|photos?)/s|.*[%|]\s|\s*$")  # lines and progress bars
MARK = "FACEALIGN_STRIKES"  # environment variable of all processes of a run
ROOM = 30  # MiB


class Work(NamedTuple):
    """A command, where it writes, and what must be the same in the end."""

    flags: list[str]
    folder: Path
    result: Callable[[Path], object]


def trained(workdir: Path) -> object:
    """Rows, and the checksums of all arrays of the last checkpoint."""
    steps = [int(path.name) for path in (workdir / "checkpoints").iterdir() if path.name.isdigit()]
    checksums = workdir / "checkpoints" / str(max(steps)) / "checksums" / "metadata"
    return max(steps), checksums.read_text(), rows(workdir), (workdir / "report.md").exists()


def aligned(output: Path) -> object:
    """Portraits, and lines of results.csv in any order."""
    portraits = {path.name: path.read_bytes() for path in output.rglob("*.png")}
    return portraits, sorted((output / "results.csv").read_text().splitlines())


def create_work(args: argparse.Namespace, folder: Path, name: str) -> Work:
    """The work that the flags name; each name has a folder of its own."""
    target = folder / name
    if args.work == "align":
        flags = ["--mode=align", f"--input={args.photos}", f"--output={target}", "--jobs=2"]
        return Work([*flags, "--size=128"], target, aligned)
    data = f"--config.data.data_dir={target.with_name(target.name + '_data')}"
    streamed = [STREAMED] * (args.work == "streamed")
    return Work([*TRIANGLES, *streamed, data, f"--workdir={target}"], target, trained)


def members(mark: str) -> Iterator[int]:
    """The processes of a run, its children too."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={mark}".encode() in path.read_bytes():
                yield int(path.parent.name)
        except OSError:  # it has ended
            continue


def end(process: subprocess.Popen, mark: str, name: str, struck: float) -> tuple[int, str, float]:
    """Exit code, what it said besides its log, and seconds until all of its processes were gone."""
    ((code, said),) = finish([process], PATIENCE)
    while left := list(members(mark)):
        if time.monotonic() > struck + PATIENCE:
            sys.exit(f"error: {name}: processes {left} are left")
        time.sleep(0.05)
    told = [line for line in re.split(r"[\r\n]", said) if not OF_LOG.match(line)]
    code = 128 - code if code < 0 else code
    if any(name in said for name in BEFORE):
        return code, BEFORE_FIRST, time.monotonic() - struck
    if "Traceback" in said or len(told) > 1:
        sys.exit(f"error: {name}, exit code {code}: {said[-3000:]}")
    return code, "".join(told), time.monotonic() - struck


def wait(process: subprocess.Popen, span: float) -> None:
    """Waits for a random moment within so many seconds, or for the end of a process."""
    moment = time.monotonic() + random.uniform(0, span)
    while time.monotonic() < moment and process.poll() is None:
        time.sleep(0.005)


def strike(work: Work, name: str, span: float) -> tuple[str, float]:
    """Sends a signal to a run, or to all of its processes as a terminal does."""
    mark = os.environ[MARK] = uuid.uuid4().hex
    (process,) = start(work.flags)
    wait(process, span)
    had_ended = process.poll() is not None
    if not had_ended:
        for number in members(mark) if random.random() < 0.5 else [process.pid]:
            try:
                os.kill(number, getattr(signal, name))
            except ProcessLookupError:
                continue
    code, said, seconds = end(process, mark, name, time.monotonic())
    if code == 0:
        return "had ended" if had_ended else "ended just then", seconds
    if said == BEFORE_FIRST:
        return said, seconds
    if code not in CODES[name]:
        sys.exit(f"error: {name}, exit code {code}: {said}")
    return f"exit code {code}", seconds


def fill(work: Work, disk: Path, span: float) -> tuple[str, float]:
    """Fills the disk of a run at a random moment; then there is room again."""
    mark = os.environ[MARK] = uuid.uuid4().hex
    (process,) = start(work.flags)
    wait(process, span)
    subprocess.run(["fallocate", "-l", f"{ROOM}M", disk / "filler"], stderr=subprocess.DEVNULL)
    with (disk / "filler").open("ab") as filler:
        while True:  # what is left
            try:
                os.write(filler.fileno(), bytes(4096))
            except OSError:
                break
    code, said, seconds = end(process, mark, "a full disk", time.monotonic())
    if code not in (0, 1) or (code == 1 and not said.startswith("error: ")):
        sys.exit(f"error: a full disk, exit code {code}: {said}")
    (disk / "filler").unlink()
    return "a line" if code else "had ended", seconds


def finish_work(work: Work, expected: object) -> None:
    """Runs it to its end. It must take no checkpoint for damaged, and come to what is expected."""
    os.environ[MARK] = ""
    ((code, said),) = finish(start(work.flags))
    if code or "passed over" in said or "damaged" in said:
        sys.exit(f"error: exit code {code}: {said[-3000:]}")
    compare(work, expected)


def compare(work: Work, expected: object) -> None:
    """Ends the benchmark if work that has ended came to something else."""
    if work.result(work.folder) != expected:
        sys.exit(f"error: {work.folder} is not what it would have been")


def run_signals(args: argparse.Namespace, folder: Path, expected: object, span: float) -> None:
    """Strikes with all signals in random order; prints how the runs ended."""
    names = [name for name in CODES for _ in range(getattr(args, name.lower()))]
    random.shuffle(names)
    counts, slowest, exact, work = Counter(), 0.0, 0, None
    until = time.monotonic() + 60 * args.minutes
    for name in names:
        if time.monotonic() > until:
            print("there was no more time")
            break
        work = work or create_work(args, folder, f"run_{exact}")
        how, seconds = strike(work, name, span)
        counts[f"{name}: {how}"] += 1
        print(f"{name}: {how}, {seconds:.1f} s", file=sys.stderr)
        slowest = max(slowest, seconds)
        if "ended" in how:
            compare(work, expected)
            exact, work = exact + 1, None
            shutil.rmtree(folder / f"run_{exact - 1}")
    if work:
        finish_work(work, expected)
        exact += 1
    print(f"| {args.work} | times |\n| --- | ---: |")
    for how, times in sorted(counts.items()):
        print(f"| {how} | {times} |")
    print(f"| runs that came to the same end | {exact} of {exact} |")
    print(f"the slowest end took {slowest:.1f} s")


def run_fillings(args: argparse.Namespace, folder: Path, expected: object, span: float) -> None:
    """Fills the disk of new runs; prints how they ended. Takes a user who may mount one."""
    counts, slowest, disk = Counter(), 0.0, folder / "disk"
    until = time.monotonic() + 60 * args.minutes
    disk.mkdir()
    for turn in range(args.full):
        if time.monotonic() > until:
            print("there was no more time")
            break
        subprocess.run(["mount", "-t", "tmpfs", f"-osize={ROOM}m", "tmpfs", disk], check=True)
        try:
            work = create_work(args, disk, f"full_{turn}")
            how, seconds = fill(work, disk, span)
            counts[how] += 1
            print(f"a full disk: {how}, {seconds:.1f} s", file=sys.stderr)
            slowest = max(slowest, seconds)
            finish_work(work, expected)
        finally:
            subprocess.run(["umount", "-l", disk], check=True)
    print(f"| a full disk, {args.work} | times |\n| --- | ---: |")
    for how, times in sorted(counts.items()):
        print(f"| {how}, then to the same end | {times} |")
    print(f"the slowest end took {slowest:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", choices=("train", "streamed", "align"), default="train")
    parser.add_argument("--photos", default="", help="a folder of photos, for --work=align")
    for name, count in {"sigint": 200, "sigterm": 200, "sigkill": 100, "full": 20}.items():
        parser.add_argument(f"--{name}", type=int, default=count)
    parser.add_argument(
        "--minutes", type=float, default=1e9, help="for signals, and for full disks"
    )
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    random.seed(args.seed)
    with tempfile.TemporaryDirectory() as name:
        alone = create_work(args, Path(name), "alone")
        run_to_end(alone.flags)  # which also compiles everything
        shutil.rmtree(alone.folder)
        began = time.monotonic()
        run_to_end(alone.flags)
        span, expected = time.monotonic() - began, alone.result(alone.folder)
        for task, count in ((run_signals, args.sigint + args.sigterm + args.sigkill),
                            (run_fillings, args.full)):  # fmt: skip
            if count:
                task(args, Path(name), expected, span)


if __name__ == "__main__":
    main()
