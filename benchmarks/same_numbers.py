"""Whether the formulation of convolutions changes numbers: `python benchmarks/same_numbers.py`.

Trains the medium autoencoder for 50 steps from one seed, once as facealign computes convolutions
and once as XLA does by itself, and prints how far the losses part; beside it how far they part when
all initial weights change by one in ten million, about the rounding of a float32. Takes minutes on
a CPU, where XLA's way is slow.
"""

import argparse
import os

import sides  # noqa: F401  (finds facealign)

import jax  # isort: skip
import jax.numpy as jnp
import numpy as np
from train_step import twin

from facealign.models.convolution_choice import VARIABLE
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
    args = parser.parse_args()
    ours = losses(args.steps, args.batch_size)
    rounded = losses(args.steps, args.batch_size, ROUNDING)
    os.environ[VARIABLE] = "lax"
    plain = losses(args.steps, args.batch_size)
    print(f"loss of the last step: {ours[-1]:.6f} ours, {plain[-1]:.6f} XLA's own")
    print("largest relative difference up to step  XLA's own  other rounding")
    for step in (step for step in SHOWN if step <= args.steps):
        parted = [np.abs(ours / other - 1)[:step].max() for other in (plain, rounded)]
        print(f"{step:>38}  {parted[0]:9.1e}  {parted[1]:14.1e}")


if __name__ == "__main__":
    main()
