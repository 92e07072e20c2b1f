"""How a peer takes turns with facealign: flags, and answers on the standard output.

The other side of a benchmark starts

    python torch_medium.py --task=autoencoder --batch_size=32 --calls=5

reads one line, the list of variants, and writes a line 'run' for each round. For each round the
peer makes --calls calls of every variant and answers with one line of JSON a variant,
{"variant": ..., "ms": ...}, the median time of a call. It ends with its input.

    python torch_medium.py --summary

prints the numbers of parameters, to show that both sides train the same network.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable

Calls = dict[str, Callable[[], object]]  # what to time, by variant


def main(
    about: str,
    tasks: Iterable[str],
    create_calls: Callable[[str, int, int, bool], Calls],
    summarize: Callable[[], dict[str, int]],
) -> None:
    """Reads the flags, warms every variant up, and answers 'run' lines until the input ends.

    Args:
      about: the program in one line.
      tasks: names.
      create_calls: (task, batch size, image size in px, whether compiled as well) -> calls.
      summarize: the numbers of parameters.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--task", choices=[*tasks], default="autoencoder")
    parser.add_argument("--batch_size", type=int, default=32, help="images in a batch")
    parser.add_argument("--image_size", type=int, default=128, help="px, a multiple of 64")
    parser.add_argument("--calls", type=int, default=5, help="calls in a round")
    parser.add_argument("--compile", action="store_true", help="compiled variants as well")
    parser.add_argument("--summary", action="store_true", help="print parameter counts and stop")
    args = parser.parse_args()
    if args.summary:
        print(json.dumps(summarize()))
        return
    calls = create_calls(args.task, args.batch_size, args.image_size, args.compile)
    for call in calls.values():
        call()
        call()
    print(json.dumps([*calls]), flush=True)
    for line in sys.stdin:
        if line.strip() != "run":
            continue
        for name, call in calls.items():
            times = []
            for _ in range(args.calls):
                start = time.perf_counter()
                call()
                times.append(1e3 * (time.perf_counter() - start))
            print(json.dumps({"variant": name, "ms": statistics.median(times)}), flush=True)
