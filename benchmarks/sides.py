"""What benchmarks of speed share: our side, the other side, and how both are timed.

The other side is a program of benchmarks/peers in a python of its own. It reads a line 'run' for
each round and answers with one line of JSON a variant, {"variant": NAME, "ms": MEDIAN}. So all take
turns on the same machine.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from common import ROOT

from facealign.cli.memory import keep_freed_memory

keep_freed_memory()  # as launch.py does

import jax
import jax.numpy as jnp

from facealign.models.convolution_choice import LIBRARIES, VARIABLE, library

Round = Callable[[], dict[str, float]]  # takes a few steps; median ms of a step by variant


def machine() -> str:
    """The device, the CPU's model with its cores, and the version of JAX."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", info.read_text()) if info.exists() else None
    cpu = found[1] if found else platform.processor() or platform.machine()
    device = f"{jax.devices()[0].device_kind}, " * (jax.default_backend() != "cpu")
    return f"{device}{cpu} ({os.cpu_count()} cores), jax {jax.__version__}"


def print_machine() -> None:
    """The line above every table."""
    print(machine())


@contextmanager
def convolutions(name: str) -> Iterator[None]:
    """Programs that are traced inside take their convolutions from this library."""
    before = os.environ.get(VARIABLE, "")
    os.environ[VARIABLE] = name
    jax.clear_caches()
    try:
        yield
    finally:
        os.environ[VARIABLE] = before


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
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")


def add_our_flags(parser: argparse.ArgumentParser) -> None:
    """Flags of our own side."""
    parser.add_argument("--rounds", type=int, default=5, help="rounds; sides take turns")
    parser.add_argument("--out", default="", help="file to which each row is added, as JSON")
    parser.add_argument(
        "--convolutions",
        nargs="+",
        choices=[*LIBRARIES],
        default=[library()],
        help="whose, a row for each; what this machine takes if not given",
    )


def start_peers(args: argparse.Namespace, *flags: str, network: str = "medium") -> list[Round]:
    """A round of each peer that the flags ask for, and that has this network."""
    device = "cpu" if jax.default_backend() == "cpu" else "cuda"
    flags = (*flags, f"--network={network}", f"--device={device}", f"--dtype={args.dtype}")
    flags = (*flags, *(["--compile"] if args.compile else []))
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


def print_rows(times: dict[str, list[float]], images: int, ours: int = 1, out: str = "") -> None:
    """A row a variant, median and span of its rounds, and how the best of the others compares.

    Args:
        times: ms of every round by variant.
        images: of a call, for the rate.
        ours: how many variants, the first ones, are ours.
        out: file to which the times are added as a line of JSON; "" writes none.
    """
    medians = {variant: statistics.median(ms) for variant, ms in times.items()}
    for variant, ms in medians.items():
        span = f"{min(times[variant]):.4g}-{max(times[variant]):.4g}"
        rate = 1e3 * images / ms
        print(f"{variant:<46} {ms:8.4g} ms ({span}) {rate:8.4g} images/s", flush=True)
    names = [*times]
    for name in names[:ours] if names[ours:] else ():
        median = min(medians[other] for other in names[ours:]) / medians[name]
        fastest = min(min(times[other]) for other in names[ours:]) / min(times[name])
        print(
            f"  best of the others / {name}: {median:.2f} by medians, "
            f"{fastest:.2f} by the fastest rounds",
            flush=True,
        )
    if out:
        row = {"machine": machine(), "images": images, "ours": ours, "ms": times}
        with open(out, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def matrix_rate(dtype: str = "float32") -> float:
    """FLOP/s of the fastest of ten products of matrices, the roof of a step."""
    size = 2048 if jax.default_backend() == "cpu" else 8192
    a = jax.random.normal(jax.random.key(0), (size, size), dtype)
    product = jax.jit(jnp.dot)
    one_round = make_round("product", lambda: product(a, a), 1)
    return 2e3 * size**3 / min(one_round()["product"] for _ in range(10))
