"""Time of every convolution by every formulation: `python benchmarks/layers.py`.

Of the medium network, whose decoder has the encoder's layers as their adjoints, and of the
discriminator: ms of a convolution (`down`), its gradient in the input (`up`) and its gradient in
the kernel (`weigh`). A star marks what `convolutions.formulation` chooses.
"""

import argparse

import sides

import jax  # isort: skip

from facealign.models import convolutions

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
}
FORMS = ("lax", "phases", "thin", "products")


def time_layer(shape: tuple[int, ...], form: str, batch_size: int, calls: int) -> list[float]:
    """Median ms of the three functions."""
    n, c, d, k, s = shape
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (batch_size, n, n, c))
    kernel = jax.random.normal(keys[1], (k, k, c, d))
    y = jax.random.normal(keys[2], (batch_size, n // s, n // s, d))

    def conv(x, kernel):
        return convolutions.conv(x, kernel, s, form)

    functions = (
        jax.jit(lambda x, kernel, y: conv(x, kernel)),
        jax.jit(lambda x, kernel, y: jax.vjp(lambda x: conv(x, kernel), x)[1](y)),
        jax.jit(lambda x, kernel, y: jax.vjp(lambda kernel: conv(x, kernel), kernel)[1](y)),
    )
    return [sides.make_round("", lambda f=f: f(x, kernel, y), calls)()[""] for f in functions]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--calls", type=int, default=5)
    args = parser.parse_args()
    sides.print_machine()
    print(f"{'H, C, D':<30}{'form':<10}{'down':>9}{'up':>9}{'weigh':>9}{'GFLOP':>9}")
    for name, (n, c, d, k, s) in LAYERS.items():
        thin = d if s == 1 and d < convolutions.THIN else c
        best = convolutions.formulation(n // s, k, thin)
        for form in FORMS:
            times = time_layer((n, c, d, k, s), form, args.batch_size, args.calls)
            star = "*" if form == best else ""
            flops = 2e-9 * args.batch_size * (n // s) ** 2 * k * k * c * d
            row = "".join(f"{ms:9.1f}" for ms in times)
            print(f"{name:<30}{form + star:<10}{row}{flops:9.2f}", flush=True)


if __name__ == "__main__":
    main()
