"""Peak memory of a process that trains: `python benchmarks/memory.py [--peer=PYTHON]`.

The medium autoencoder, L1 and Adam; the largest resident set of each process after three steps.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def peak_megabytes(command: list[str]) -> float:
    """Largest resident set, in MB, of a process that ends with its (empty) input."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"error: {' '.join(command)} failed")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peer", default="", help="python of an environment with PyTorch")
    parser.add_argument("--keras", default="", help="python of an environment with Keras")
    parser.add_argument("--batch_sizes", type=int, nargs="*", default=[32, 256])
    args = parser.parse_args()
    for batch in args.batch_sizes:
        flags = [f"--batch_size={batch}"]
        ours = [sys.executable, str(HERE / "train_step.py"), "--twin=autoencoder"]
        ours += ["--rounds=1", "--steps=1"]
        rows = {"facealign": [*ours, *flags]}
        peers = HERE / "peers"
        for python, script, variant in (
            (args.peer, "torch_steps.py", "PyTorch, eager, channels_last"),
            (args.keras, "keras_medium.py", "Keras, tf.function"),
        ):
            if python:
                rows[variant] = [python, str(peers / script), f"--variant={variant}", *flags]
        for name, command in rows.items():
            print(f"batch {batch:<4} {name:<30} {peak_megabytes(command):8.0f} MB", flush=True)


if __name__ == "__main__":
    main()
