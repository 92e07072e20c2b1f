"""Time of single convolutions: `python benchmarks/layers.py [--peer=PYTHON] [--forms FORM ...]`.

Of the layers of the medium network, whose decoder has the encoder's layers as their adjoints, of
the discriminator and of the hourglass: ms of a convolution (`down`), its gradient in the input
(`up`) and its gradient in the kernel (`weigh`), the fastest of --calls calls. A row for each of
facealign's libraries, for each of --forms (facealign/models/convolution_choice.py), and for PyTorch
(--peer), of which the faster memory format counts.
"""

import argparse
import json
import subprocess

import sides

import jax  # isort: skip

from facealign.models.convolution_choice import FORMS, FUNCTIONS, LIBRARIES, library
from facealign.models.convolutions import conv

LAYERS = {  # H, C, D, k, s
    "medium 128, 1 -> 16": (128, 1, 16, 7, 2),
    "medium 64, 16 -> 32": (64, 16, 32, 5, 2),
    "medium 32, 32 -> 64": (32, 32, 64, 5, 2),
    "medium 16, 64 -> 128": (16, 64, 128, 5, 2),
    "medium 8, 128 -> 256": (8, 128, 256, 5, 2),
    "medium 4, 256 -> 512": (4, 256, 512, 5, 2),
    "decoder 128, 1 <- 16": (128, 1, 16, 3, 2),
    "discriminator 128, 1 -> 32": (128, 1, 32, 4, 2),
    "discriminator 64, 32 -> 64": (64, 32, 64, 4, 2),
    "discriminator 32, 64 -> 128": (32, 64, 128, 4, 1),
    "discriminator 32, 128 -> 1": (32, 128, 1, 4, 1),
    "hourglass 32, 64 -> 32": (32, 64, 32, 1, 1),
    "hourglass 32, 32 -> 32": (32, 32, 32, 3, 1),
}


def time_layer(layer: list[int], form: str, batch: int, calls: int) -> list[float]:
    """ms of the three functions."""
    n, c, d, k, s = layer
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (batch, n, n, c))
    kernel = jax.random.normal(keys[1], (k, k, c, d))
    y = jax.random.normal(keys[2], (batch, -(-n // s), -(-n // s), d))
    functions = (
        jax.jit(lambda x, kernel, y: conv(x, kernel, s, form)),
        jax.jit(lambda x, kernel, y: jax.vjp(lambda x: conv(x, kernel, s, form), x)[1](y)),
        jax.jit(lambda x, kernel, y: jax.vjp(lambda k: conv(x, k, s, form), kernel)[1](y)),
    )
    rounds = [sides.make_round("", lambda f=f: f(x, kernel, y), 1) for f in functions]
    return [min(one_round()[""] for _ in range(calls)) for one_round in rounds]


class Peer:
    """PyTorch, in its own environment."""

    def __init__(self, python: str, calls: int) -> None:
        script = str(sides.ROOT / "benchmarks" / "peers" / "torch_layers.py")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([python, script, str(calls)], **pipes)

    def time_layer(self, layer: list[int], batch: int) -> list[float]:
        """As the function of this name."""
        self.process.stdin.write(json.dumps([batch, *layer]) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return [answer[function] for function in FUNCTIONS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--calls", type=int, default=10)
    parser.add_argument("--peer", default="", help="python of an environment with PyTorch")
    parser.add_argument("--forms", nargs="+", choices=[*FORMS], default=[], help="besides")
    parser.add_argument(
        "--convolutions", nargs="*", choices=[*LIBRARIES], default=[library()], help="whose"
    )
    args = parser.parse_args()
    sides.print_machine()
    peer = Peer(args.peer, args.calls) if args.peer else None
    print(f"{'H, C, D':<30}{'':<10}" + "".join(f"{name:>9}" for name in (*FUNCTIONS, "GFLOP")))
    for name, layer in LAYERS.items():
        n, c, d, k, s = layer
        rows = {}
        for each in args.convolutions:
            with sides.convolutions(each):
                rows[each] = time_layer(layer, "", args.batch_size, args.calls)
        for form in args.forms:
            rows[form] = time_layer(layer, form, args.batch_size, args.calls)
        if peer:
            rows["PyTorch"] = peer.time_layer(layer, args.batch_size)
        for row, times in rows.items():
            cells = "".join(f"{ms:9.2f}" for ms in times)
            gigaflops = 2e-9 * args.batch_size * (n // s) ** 2 * k * k * c * d
            print(f"{name:<30}{row:<10}{cells}{gigaflops:9.2f}", flush=True)


if __name__ == "__main__":
    main()
