"""What one photo takes elsewhere: `python benchmarks/export.py FOLDER`, of `--mode=export`.

Prints milliseconds for one canonical crop, medians, of JAX, of onnxruntime with the file
FOLDER/facealign.onnx, and of JAX with FOLDER/facealign.stablehlo, in turns; on all cores.
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
from facealign.portraits.export import make_frontal
from facealign.portraits.methods import load_frontalizer


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=50)
    args = parser.parse_args()
    keep_freed_memory()
    model = load_frontalizer()
    size = model.config.data.image_size
    crop = np.random.default_rng(0).uniform(-1, 1, (1, size, size, 1)).astype(np.float32)
    session = onnxruntime.InferenceSession(
        args.folder / "facealign.onnx", providers=["CPUExecutionProvider"]
    )
    content = (args.folder / "facealign.stablehlo").read_bytes()
    program, own = (
        jax.jit(jax.export.deserialize(bytearray(content)).call),
        jax.jit(make_frontal(model)),
    )
    ways = {
        "JAX": lambda: own(crop).block_until_ready(),
        "onnxruntime": lambda: session.run(["frontal"], {"crops": crop}),
        "StableHLO": lambda: program(crop).block_until_ready(),
    }
    times = {name: [] for name in ways}
    for number in range(args.rounds + 3):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if number >= 3:  # the first ones compile
                times[name].append(time.perf_counter() - start)
    print("| one photo | ms |\n| --- | ---: |")
    for name, measured in times.items():
        print(f"| {name} | {1000 * statistics.median(measured):.2f} |")


if __name__ == "__main__":
    run_main(main)
