"""What happens to real runs, on purpose: `python benchmarks/faults.py [--rounds=3] [FAULT ...]`.

Each fault strikes a small run of all stages at random moments; then the same command is given
again, until the run has ended. Printed is how far its numbers are from those of a run that nothing
happened to, and what the user is told. Two runs take two processes each, of which one is killed.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from runs import (
    LIGHT,
    START_AGAIN,
    finish,
    largest_difference,
    must_finish,
    rows,
    run_to_end,
    start,
)

PATIENCE = 120  # seconds after which the survivor of two processes must have ended
ROOM = 3  # MiB, too few for the checkpoints of the run
# A run of LIGHT takes some SPAN seconds; before FIRST_LINE Python itself has not started.
STRIKES, SPAN, FIRST_LINE = 20, 15.0, 0.15
# Exit codes by signal; 0 is a run that had ended, 75 one that has saved its state.
ENDS = {"SIGINT": (130, 0), "SIGTERM": (143, START_AGAIN, 0), "SIGKILL": (-9, 0)}
SAVING = ".orbax-checkpoint-tmp"


def wait_for(ready: Callable[[], bool], group: Sequence[subprocess.Popen]) -> None:
    """Returns when something is so, or a process has ended."""
    while not ready() and all(process.poll() is None for process in group):
        time.sleep(0.002)


def wait_for_row(workdir: Path, count: int, group: Sequence[subprocess.Popen]) -> None:
    wait_for(lambda: len(rows(workdir)) >= count, group)
    time.sleep(random.uniform(0, 0.3))


def last_line(said: str) -> str:
    return said.strip().split("\n")[-1][:150]


def lost_process(flags: list[str], workdir: Path, count: int) -> str:
    """kill -9 of one of two processes."""
    group = start(flags, processes=2)
    wait_for_row(workdir, random.randrange(1, count), group)
    victim = random.randrange(2)
    group[victim].kill()
    struck = time.monotonic()
    code, said = finish(group)[1 - victim]
    seconds = time.monotonic() - struck
    assert code == START_AGAIN and "start all of them again" in said.lower(), (code, said)
    assert seconds < PATIENCE, f"{seconds:.0f} s"
    run_to_end(flags, processes=2)
    return f"process {victim} killed, the other ended after {seconds:.1f} s: {last_line(said)}"


def killed_saving(flags: list[str], workdir: Path, count: int) -> str:
    """kill -9 in the middle of a save, again and again."""
    kills = 0
    while kills < 20 and len(rows(workdir)) < count:
        (process,) = group = start(flags)
        for _ in range(random.choice((1, 1, 2))):  # now and then a save must succeed
            wait_for(lambda: not list(workdir.glob(f"checkpoints/*{SAVING}*")), group)
            wait_for(lambda: bool(list(workdir.glob(f"checkpoints/*{SAVING}*"))), group)
        time.sleep(random.uniform(0, 0.02))
        kills += process.poll() is None
        process.kill()
        finish(group)
    run_to_end(flags)
    left = [path.name for path in (workdir / "checkpoints").iterdir() if SAVING in path.name]
    assert not left, left
    return f"{kills} kills"


def told_to_stop(flags: list[str], workdir: Path, count: int) -> str:
    """SIGTERM in the middle of a step."""
    (process,) = group = start(flags)
    wait_for_row(workdir, random.randrange(1, count), group)
    process.terminate()
    ((code, said),) = finish(group)
    assert code == START_AGAIN, (code, said)
    run_to_end(flags)
    return last_line(said)


def struck_anywhere(flags: list[str], workdir: Path, count: int) -> str:
    """SIGINT, SIGTERM or kill -9 at any moment from start to end, STRIKES times."""
    del workdir, count
    ends, slowest = Counter(), 0.0
    for name in random.choices(tuple(ENDS), k=STRIKES):
        (process,) = group = start(flags)
        began, moment = time.monotonic(), random.uniform(0, SPAN)
        wait_for(lambda end=began + moment: time.monotonic() > end, group)
        process.send_signal(getattr(signal, name))
        struck = time.monotonic()
        ((code, said),) = finish(group, PATIENCE)
        slowest, early = max(slowest, time.monotonic() - struck), struck < began + FIRST_LINE
        assert early or (code in ENDS[name] and "Traceback" not in said), (name, code, said)
        ends[f"{name} {code}"] += 1
    run_to_end(flags)
    counts = ", ".join(f"{end}: {times}" for end, times in sorted(ends.items()))
    return f"exit codes {counts}; the slowest end took {slowest:.1f} s"


def one_told_to_stop(flags: list[str], workdir: Path, count: int) -> str:
    """SIGTERM to one of two processes."""
    group = start(flags, processes=2)
    wait_for_row(workdir, random.randrange(1, count), group)
    group[random.randrange(2)].terminate()
    for code, said in finish(group):
        assert code == START_AGAIN, (code, said)
    run_to_end(flags, processes=2)
    return last_line(said)


def full_disk(flags: list[str], workdir: Path, count: int) -> str:
    """A disk that gets full; takes a user who may mount one."""
    del count
    workdir.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", f"-osize={ROOM}m", "tmpfs", workdir], check=True)
    try:
        ((code, said),) = finish(start(flags))
        assert code == 1 and "error: " in last_line(said), (code, said)
        assert "Traceback" not in said, said
        subprocess.run(["mount", "-oremount,size=100m", workdir], check=True)
        run_to_end(flags)
        kept = workdir.with_name("kept")
        shutil.copytree(workdir, kept)
    finally:
        subprocess.run(["umount", workdir], check=True)
    workdir.rmdir()
    kept.rename(workdir)
    return last_line(said)


def stop_half_way(flags: list[str], workdir: Path, count: int) -> None:
    """A run that was killed when it had checkpoints."""
    group = start(flags)
    wait_for_row(workdir, random.randrange(count // 2, count - 2), group)
    group[0].kill()
    finish(group)


def flipped_byte(flags: list[str], workdir: Path, count: int) -> str:
    """A byte of the newest checkpoint changes."""
    stop_half_way(flags, workdir, count)
    steps = [path for path in (workdir / "checkpoints").iterdir() if path.name.isdigit()]
    newest = max(steps, key=lambda path: int(path.name))
    data = [path for path in (newest / "state").rglob("*") if path.parent.name == "d"]
    struck = max(data, key=lambda path: path.stat().st_size)
    content = bytearray(struck.read_bytes())
    place = random.randrange(len(content))
    content[place] ^= 1 << random.randrange(8)
    struck.write_bytes(content)
    ((code, said),) = finish(start(flags))
    assert code == 0, said
    told = [line for line in said.splitlines() if "passed over" in line]
    what = told[0][:150] if told else "the bit meant nothing"
    return f"byte {place} of {len(content)}: {what}"


def deleted_metrics(flags: list[str], workdir: Path, count: int) -> str:
    """metrics.jsonl is deleted between two starts, or during one."""
    if random.random() < 0.5:
        stop_half_way(flags, workdir, count)
        (workdir / "metrics.jsonl").unlink()
        return finish_and_tell(flags)
    group = start(flags)
    wait_for_row(workdir, random.randrange(count // 2, count - 2), group)
    (workdir / "metrics.jsonl").unlink()
    time.sleep(0.5)
    group[0].kill()
    finish(group)
    return finish_and_tell(flags)


def finish_and_tell(flags: list[str]) -> str:
    ((code, said),) = finish(start(flags))
    assert code == 0, said
    return next((line[:150] for line in said.splitlines() if "is gone" in line), "")


def two_runs(flags: list[str], workdir: Path, count: int) -> str:
    """A second run on the same workdir."""
    del count
    first = start(flags)
    wait_for(lambda: (workdir / ".lock").exists(), first)
    wait_for_row(workdir, 1, first)
    ((code, said),) = finish(start(flags))
    assert code == 1 and "is in use by process" in said, (code, said)
    must_finish(first)
    return last_line(said)


FAULTS = {
    each.__name__: each
    for each in (
        lost_process, killed_saving, struck_anywhere, told_to_stop, one_told_to_stop, full_disk,
        flipped_byte, deleted_metrics, two_runs,
    )
}  # fmt: skip
OF_TWO = (lost_process, one_told_to_stop)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("faults", nargs="*", default=list(FAULTS), help=", ".join(FAULTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    random.seed(args.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        common = [*LIGHT, f"--config.data.data_dir={folder / 'data'}"]
        alone: dict[int, list[dict]] = {}
        for processes in (1, 2):
            workdir = folder / f"alone_{processes}"
            if processes == 1 or any(FAULTS[fault] in OF_TWO for fault in args.faults):
                run_to_end([*common, f"--workdir={workdir}"], processes)
                alone[processes] = rows(workdir)
        for fault in args.faults:
            strike = FAULTS[fault]
            print(f"{fault}: {strike.__doc__}", flush=True)
            undisturbed = alone[2 if strike in OF_TWO else 1]
            for turn in range(args.rounds):
                workdir = folder / f"{fault}_{turn}"
                said = strike([*common, f"--workdir={workdir}"], workdir, len(undisturbed))
                difference = largest_difference(rows(workdir), undisturbed)
                print(f"  rows differ by {difference:.1e}; {said}".replace(name, "..."), flush=True)
                if difference > 0:
                    sys.exit(f"error: {fault} changed numbers")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main()
