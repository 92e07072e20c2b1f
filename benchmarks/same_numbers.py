"""Whether the forms of convolutions change numbers: `python benchmarks/same_numbers.py`.

Trains the medium autoencoder for 50 steps from one seed, as XLA computes convolutions and as
facealign's libraries do, and prints how far the losses part; beside it how far they part when all
initial weights change by one in ten million, about the rounding of a float32. Takes minutes on a
CPU, where XLA's way is slow.
"""

import argparse

import sides

import jax  # isort: skip
import jax.numpy as jnp
import numpy as np
from train_step import twin

from facealign.models.convolution_choice import LIBRARIES, library
from facealign.stages import create_stages
from facealign.training.compiled_step import compile_step
from facealign.training.state import create_networks, create_state
from facealign.training.steps.table import create_step

ROUNDING = 1e-7  # share by which the weights of the third run differ
SHOWN = (1, 5, 10, 20, 50)  # steps


def losses(steps: int, batch_size: int, change: float = 0.0) -> np.ndarray:
    """The loss of every step on smooth random images, [steps]."""
    config = twin("autoencoder")
    stages, size = create_stages(config), config.data.image_size
    networks = create_networks(config, stages)
    state = jax.jit(lambda key: create_state(networks, key, size))(jax.random.key(0))
    nets = {
        role: net.replace(params=jax.tree.map(lambda leaf: leaf * (1 + change), net.params))
        for role, net in state.nets.items()
    }
    state = state.replace(nets=nets)
    update = compile_step(
        create_step(config, networks, stages[0]), config.augment, jax.random.key(1)
    )
    found = []
    for step in range(steps):
        small = jax.random.uniform(jax.random.key(step), (batch_size, 8, 8, 1))
        large = jax.image.resize(small, (batch_size, size, size, 1), "cubic")
        photos = (255 * jnp.clip(large, 0, 1)).astype(jnp.uint8)
        batch = {"unrestricted": photos, "restricted": photos}
        state, metrics = update(state, {}, [batch])
        found.append(float(metrics["loss"]))
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--convolutions", nargs="+", choices=[*LIBRARIES], default=[library()])
    args = parser.parse_args()
    sides.print_machine()
    with sides.convolutions("lax"):
        plain = losses(args.steps, args.batch_size)
        found = {"other rounding": losses(args.steps, args.batch_size, ROUNDING)}
    for name in args.convolutions:
        with sides.convolutions(name):
            found[name] = losses(args.steps, args.batch_size)
    print(f"loss of the last step: {plain[-1]:.6f}; largest relative difference up to a step:")
    print("step" + "".join(f"{name:>18}" for name in found))
    for step in (step for step in SHOWN if step <= args.steps):
        parted = [np.abs(other / plain - 1)[:step].max() for other in found.values()]
        print(f"{step:>4}" + "".join(f"{each:>18.1e}" for each in parted), flush=True)


if __name__ == "__main__":
    main()
