"""Time of a train step: `python benchmarks/train_step.py --config=configs/medium_gan.py`.

Without --config, a table of every config, each of its stages a row. With --peer=PYTHON, the python
of an environment with benchmarks/peers/requirements.txt, PyTorch takes turns: the medium encoder
and one decoder on all images, where facealign's step has a decoder for each half of them (as many
FLOPs, half as many parameters again).
"""

import argparse
import importlib
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import jax  # noqa: E402
import numpy as np  # noqa: E402

from facealign.roles import DOMAINS  # noqa: E402
from facealign.stages import create_stages, roles_of  # noqa: E402
from facealign.train import make_update  # noqa: E402
from facealign.train_state import create_networks, create_state  # noqa: E402
from facealign.train_steps import create_step  # noqa: E402


def make_rounds(config_name: str, number: int, batch_size: int, steps: int) -> Callable[[], float]:
    """A function that takes `steps` steps of a stage and returns their median time in ms.

    `batch_size` counts the images of both domains.
    """
    config = importlib.import_module(f"configs.{config_name}").get_config()
    stages, size = create_stages(config), config.data.image_size
    networks = create_networks(config, roles_of(stages), stages[number])
    state = jax.jit(lambda key: create_state(networks, key, size))(jax.random.key(0))
    step = create_step(config, networks, stages[number])
    update = make_update(step, config.augment, jax.random.key(1))
    rng = np.random.default_rng(0)
    shape = (batch_size // len(DOMAINS), size, size, 1)
    batch = jax.device_put({d: rng.integers(0, 256, shape, np.uint8) for d in DOMAINS})

    def one_step() -> float:
        nonlocal state
        start = time.perf_counter()
        state, _ = jax.block_until_ready(update(state, {}, [batch]))
        return 1e3 * (time.perf_counter() - start)

    def one_round() -> float:
        return statistics.median(one_step() for _ in range(steps))

    one_step()  # compiles
    one_step()
    return one_round


def start_peer(python: str, batch_size: int, steps: int) -> Callable[[], dict[str, float]]:
    """A function that lets PyTorch take as many steps; ms by variant."""
    script = ROOT / "benchmarks" / "peers" / "torch_medium.py"
    process = subprocess.Popen(
        [python, str(script), f"--batch_size={batch_size}", f"--steps={steps}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    variants = 2

    def one_round() -> dict[str, float]:
        process.stdin.write("run\n")
        process.stdin.flush()
        rows = [json.loads(process.stdout.readline()) for _ in range(variants)]
        return {row["variant"]: row["ms"] for row in rows}

    return one_round


def print_row(name: str, times: list[float], batch_size: int) -> float:
    """One line of the table; returns the median."""
    ms = statistics.median(times)
    span = f"{min(times):.0f}-{max(times):.0f}"
    print(
        f"{name:<42} {ms:8.0f} ms a step ({span}) {1e3 * batch_size / ms:8.0f} images/s", flush=True
    )
    return ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", default="", help="configs/NAME.py; all of them if not given")
    parser.add_argument("--batch_size", type=int, default=32, help="images of both domains")
    parser.add_argument("--rounds", type=int, default=5, help="rounds; sides take turns")
    parser.add_argument("--steps", type=int, default=3, help="steps in a round")
    parser.add_argument("--peer", default="", help="python of an environment with PyTorch")
    args = parser.parse_args()
    if args.config and not Path(args.config).exists():
        sys.exit(f"error: --config={args.config}: no such file; choose one of configs/*.py")
    print(f"{jax.default_backend()}, {jax.devices()[0].device_kind}, {platform.machine()}, "
          f"jax {jax.__version__}, batch of {args.batch_size}")  # fmt: skip
    paths = [Path(args.config)] if args.config else sorted((ROOT / "configs").glob("[!_]*.py"))
    for path in paths:
        if path.stem == "base":
            continue
        config = importlib.import_module(f"configs.{path.stem}").get_config()
        for number, stage in enumerate(create_stages(config)):
            ours = make_rounds(path.stem, number, args.batch_size, args.steps)
            theirs = None
            if args.peer and config.model.name == "medium" and stage.objective == "reconstruction":
                theirs = start_peer(args.peer, args.batch_size, args.steps)
            times, peer_times = [], {}
            for _ in range(args.rounds):
                times.append(ours())
                for variant, ms in (theirs() if theirs else {}).items():
                    peer_times.setdefault(variant, []).append(ms)
            ms = print_row(f"{path.stem} / {stage.name}", times, args.batch_size)
            best = [
                print_row(f"  PyTorch, {variant}", times, args.batch_size)
                for variant, times in peer_times.items()
            ]
            if best:
                print(f"  facealign / best of PyTorch: {ms / min(best):.2f}")


if __name__ == "__main__":
    main()
