"""What benchmarks of speed share: our side, the other side, and how both are timed.

The other side is a program of benchmarks/peers in a python of its own. It reads a line 'run' for
each round and answers with one line of JSON a variant, {"variant": NAME, "ms": MEDIAN}. So all take
turns on the same machine.
"""

import argparse
import json
import platform
import statistics
import subprocess
import time
from collections.abc import Callable

from common import ROOT

from facealign.cli.memory import keep_freed_memory

keep_freed_memory()  # as launch.py does

import jax
import jax.numpy as jnp

Round = Callable[[], dict[str, float]]  # takes a few steps; median ms of a step by variant


def print_machine() -> None:
    """The line above every table."""
    kind = jax.devices()[0].device_kind
    print(f"{jax.default_backend()}, {kind}, {platform.machine()}, jax {jax.__version__}")


def make_round(name: str, call: Callable[[], object], calls: int) -> Round:
    """A round of a function of ours; it runs twice first, once to be compiled."""

    def time_call() -> float:
        start = time.perf_counter()
        jax.block_until_ready(call())
        return 1e3 * (time.perf_counter() - start)

    time_call(), time_call()
    return lambda: {name: statistics.median(time_call() for _ in range(calls))}


def start_peer(python: str, script: str, *flags: str) -> Round:
    """A round of benchmarks/peers/SCRIPT, run by another python."""
    process = subprocess.Popen(
        [python, str(ROOT / "benchmarks" / "peers" / script), *flags],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    variants = json.loads(process.stdout.readline())  # it says what it will answer with

    def one_round() -> dict[str, float]:
        process.stdin.write("run\n")
        process.stdin.flush()
        rows = [json.loads(process.stdout.readline()) for _ in variants]
        return {row["variant"]: row["ms"] for row in rows}

    return one_round


def add_peer_flags(parser: argparse.ArgumentParser) -> None:
    """Flags that say who takes turns with us."""
    parser.add_argument("--peer", default="", help="python of an environment with PyTorch")
    parser.add_argument("--keras", default="", help="python of an environment with Keras")
    parser.add_argument("--compile", action="store_true", help="the peers compiled as well")


def start_peers(args: argparse.Namespace, *flags: str, network: str = "medium") -> list[Round]:
    """A round of each peer that the flags ask for, and that has this network."""
    flags = (*flags, f"--network={network}", *(["--compile"] if args.compile else []))
    scripts = {"torch_steps.py": args.peer}
    scripts |= {"keras_medium.py": args.keras} if network == "medium" else {}
    return [start_peer(python, script, *flags) for script, python in scripts.items() if python]


def alternate(sides: list[Round], rounds: int) -> dict[str, list[float]]:
    """Lets all sides take turns; ms of every round by variant."""
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        for side in sides:
            for variant, ms in side().items():
                times.setdefault(variant, []).append(ms)
    return times


def print_rows(times: dict[str, list[float]], images: int) -> None:
    """A row a variant, median and span of its rounds; the first is ours, compared to the best."""
    medians = {variant: statistics.median(ms) for variant, ms in times.items()}
    for variant, ms in medians.items():
        span = f"{min(times[variant]):.4g}-{max(times[variant]):.4g}"
        rate = 1e3 * images / ms
        print(f"{variant:<46} {ms:8.4g} ms ({span}) {rate:8.4g} images/s", flush=True)
    ours, *others = medians.values()
    if others:
        fastest = min(min(times[variant]) for variant in list(times)[1:])
        print(
            f"  best of the others / ours: {min(others) / ours:.2f} by medians, "
            f"{fastest / min(next(iter(times.values()))):.2f} by the fastest rounds"
        )


def matrix_rate(size: int = 2048) -> float:
    """FLOP/s of the fastest of ten products of float32 matrices, the roof of a step."""
    a = jax.random.normal(jax.random.key(0), (size, size))
    product = jax.jit(jnp.dot)
    one_round = make_round("product", lambda: product(a, a), 1)
    return 2e3 * size**3 / min(one_round()["product"] for _ in range(10))
