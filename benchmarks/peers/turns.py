"""How a peer takes turns with facealign: flags, and answers on the standard output.

The other side of a benchmark starts

    python torch_steps.py --task=autoencoder --batch_size=32 --calls=5

reads one line, the list of variants, and writes a line 'run' for each round. For each round the
peer makes --calls calls of every variant and answers with one line of JSON a variant,
{"variant": ..., "ms": ...}, the median time of a call. It ends with its input.

    python torch_steps.py --summary

prints the numbers of parameters, to show that both sides train the same network.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping


def main(
    about: str,
    tasks: Iterable[str],
    variants: Mapping[str, bool],
    networks: Iterable[str],
    create_call: Callable[[argparse.Namespace, str], Callable[[], object]],
    summarize: Callable[[str], dict[str, int]],
) -> None:
    """Reads the flags, warms every variant up, and answers 'run' lines until the input ends.

    Args:
      about: the program in one line.
      tasks: names.
      variants: name -> whether it is a compiled one.
      networks: names.
      create_call: (the flags, variant) -> what to time.
      summarize: the numbers of parameters of a network.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--task", choices=[*tasks], default="autoencoder")
    parser.add_argument("--network", choices=[*networks], default="medium")
    parser.add_argument("--batch_size", type=int, default=32, help="images in a batch")
    parser.add_argument("--image_size", type=int, default=128, help="px, a multiple of 64")
    parser.add_argument("--calls", type=int, default=5, help="calls in a round")
    parser.add_argument("--device", default="cpu", help="or cuda, for PyTorch")
    parser.add_argument("--dtype", default="float32", help="or bfloat16, for PyTorch")
    parser.add_argument("--compile", action="store_true", help="compiled variants as well")
    parser.add_argument("--variant", choices=[*variants], help="this one alone")
    parser.add_argument("--summary", action="store_true", help="print parameter counts and stop")
    args = parser.parse_args()
    if args.summary:
        print(json.dumps(summarize(args.network)))
        return
    wanted = [name for name, compiled in variants.items() if args.compile or not compiled]
    calls = {name: create_call(args, name) for name in ([args.variant] if args.variant else wanted)}
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
