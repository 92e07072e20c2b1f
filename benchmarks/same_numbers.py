"""Whether the formulation of convolutions changes numbers: `python benchmarks/same_numbers.py`.

Trains the medium autoencoder for 50 steps from one seed, once as facealign computes convolutions
and once as XLA does by itself, and prints how far the losses part. Takes minutes on a CPU, where
XLA's way is slow.
"""

import argparse

import sides  # noqa: F401  (finds facealign)

import jax  # isort: skip
import jax.numpy as jnp
import numpy as np
from train_step import twin

from facealign.models import convolutions
from facealign.stages import create_stages, roles_of
from facealign.train import make_update
from facealign.train_state import create_networks, create_state
from facealign.train_steps import create_step


def losses(steps: int, batch_size: int) -> np.ndarray:
    """The loss of every step on smooth random images, [steps]."""
    config = twin("autoencoder")
    stages, size = create_stages(config), config.data.image_size
    networks = create_networks(config, roles_of(stages), stages[0])
    state = jax.jit(lambda key: create_state(networks, key, size))(jax.random.key(0))
    update = make_update(
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
    convolutions.formulation = lambda *_: "lax"
    plain = losses(args.steps, args.batch_size)
    difference = np.abs(ours - plain) / plain
    print(f"loss of the last step: {ours[-1]:.6f} ours, {plain[-1]:.6f} XLA's own")
    print(f"largest relative difference over {args.steps} steps: {difference.max():.2e}")


if __name__ == "__main__":
    main()
