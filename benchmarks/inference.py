"""Time to encode and decode photos: `python benchmarks/inference.py [--peer=PYTHON]`.

One photo (latency) and 64 (throughput), medium network, running statistics. Peers take turns as in
train_step.py.
"""

import argparse

import sides

import jax  # isort: skip

from train_step import twin

from facealign.names import DOMAINS, SWAP
from facealign.stages import create_stages
from facealign.training.state import create_networks, create_state
from facealign.training.steps.forward import forward


def make_round(library: str, batch_size: int, calls: int) -> sides.Round:
    """A round of images from U's photos through R's decoder."""
    config = twin("autoencoder")
    stages, size = create_stages(config), config.data.image_size
    networks = create_networks(config, stages)
    state = jax.jit(lambda key: create_state(networks, key, size))(jax.random.key(0))
    photos = jax.random.uniform(jax.random.key(1), (batch_size, size, size, 1), minval=-1.0)

    @jax.jit
    def frontalize(state, photos):
        batch = dict.fromkeys(DOMAINS, photos)
        return forward(networks, state, {}, batch, (SWAP,), jax.random.key(0))[0]

    name = f"medium, {batch_size} photos, {library}"
    with sides.convolutions(library):
        return sides.make_round(name, lambda: frontalize(state, photos), calls)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch_size", type=int, nargs="+", default=[1, 64], help="photos")
    sides.add_our_flags(parser)
    sides.add_peer_flags(parser)
    args = parser.parse_args()
    sides.print_machine()
    for batch_size in args.batch_size:
        calls = max(5, 30 // batch_size)
        flags = "--task=inference", f"--batch_size={batch_size}", f"--calls={calls}"
        ours = [make_round(name, batch_size, calls) for name in args.convolutions]
        times = sides.alternate([*ours, *sides.start_peers(args, *flags)], args.rounds)
        sides.print_rows(times, batch_size, len(ours), args.out)


if __name__ == "__main__":
    main()
