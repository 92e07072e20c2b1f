"""What one face takes elsewhere: `python benchmarks/export.py FOLDER`, of `--mode=export`.

Prints milliseconds for each program of FOLDER, medians for one face, of JAX, of onnxruntime, and of
JAX with the StableHLO file, in turns; on all cores.
"""

import statistics
import time
from pathlib import Path

import jax
import jax.export
import numpy as np
import onnxruntime
from common import create_parser, run_main

from facealign.cli.memory import keep_freed_memory
from facealign.portraits.programs import list_programs, load_shipped, read_crops


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=50)
    args = parser.parse_args()
    keep_freed_memory()
    rng = np.random.default_rng(0)
    faces = read_crops(rng.integers(0, 256, (1, 128, 128, 1), np.uint8))
    print("| one face, ms | JAX | onnxruntime | StableHLO |\n| --- | ---: | ---: | ---: |")
    for program in [each for model in load_shipped() for each in list_programs(model, faces)]:
        times = measure(program, args.folder, args.rounds)
        print(f"| {program.name} | " + " | ".join(f"{time:.2f}" for time in times) + " |")


def measure(program, folder: Path, rounds: int) -> list[float]:
    """Milliseconds of the three ways."""
    arrays, own = list(program.inputs.values()), jax.jit(program.function)
    session = onnxruntime.InferenceSession(
        folder / f"{program.name}.onnx", providers=["CPUExecutionProvider"]
    )
    content = (folder / f"{program.name}.stablehlo").read_bytes()
    read = jax.jit(jax.export.deserialize(bytearray(content)).call)
    ways = (
        lambda: jax.block_until_ready(own(*arrays)),
        lambda: session.run(None, program.inputs),
        lambda: jax.block_until_ready(read(*arrays)),
    )
    times = [[] for _ in ways]
    for number in range(rounds + 3):
        for way, measured in zip(ways, times, strict=True):
            start = time.perf_counter()
            way()
            if number >= 3:  # the first ones compile
                measured.append(1000 * (time.perf_counter() - start))
    return [statistics.median(measured) for measured in times]


if __name__ == "__main__":
    run_main(main)
