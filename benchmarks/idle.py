"""How long the device waits between steps: `python benchmarks/idle.py WORKDIR`.

Reads the trace that `launch.py --profile` left in the run's workdir. On a CPU a program counts as
running from its first to its last operation, on a GPU or TPU every operation on the device counts.
"""

import argparse
import gzip
import json
import sys
from pathlib import Path

CPU_PROGRAM = "ThunkExecutor::Execute (wait for completion)"


def busy_intervals(trace: list[dict]) -> list[tuple[float, float]]:
    """When the device worked, (start, end) in microseconds, in order; some overlap."""
    meta = [event for event in trace if event.get("name") == "process_name"]
    devices = {e["pid"] for e in meta if "/device:" in e["args"]["name"]}
    return sorted(
        (event["ts"], event["ts"] + event.get("dur", 0))
        for event in trace
        if event.get("ph") == "X" and (event["pid"] in devices or event["name"] == CPU_PROGRAM)
    )


def idle_share(intervals: list[tuple[float, float]]) -> float:
    """The part of the time from the first start to the last end in which nothing ran."""
    idle, reached = 0.0, intervals[0][0]
    for start, end in intervals:
        idle += max(0.0, start - reached)
        reached = max(reached, end)
    return idle / (reached - intervals[0][0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workdir", type=Path)
    args = parser.parse_args()
    traces = sorted(args.workdir.rglob("perfetto_trace.json.gz"))
    if not traces:
        sys.exit(f"error: no trace in {args.workdir}; run launch.py with --profile first")
    with gzip.open(traces[-1]) as file:
        intervals = busy_intervals(json.load(file)["traceEvents"])
    if not intervals:
        sys.exit(f"error: {traces[-1]} shows no work on a device")
    seconds = (max(end for _, end in intervals) - intervals[0][0]) / 1e6
    print(f"idle {idle_share(intervals):.2%} of {seconds:.1f} s")


if __name__ == "__main__":
    main()
