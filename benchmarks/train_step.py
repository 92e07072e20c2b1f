"""Time of a train step: `python benchmarks/train_step.py --config=configs/medium_gan.py`.

Without --config, a table of every config that trains on gray photos, each of its stages a row.
With --peer=PYTHON, the python of an environment with benchmarks/peers/requirements.txt, rows more:
the same step as PyTorch's, which takes turns; with --keras=PYTHON and requirements-keras.txt as
Keras's. --twin=NAME is one of these steps alone. --batch_size, --image_size and --network take
several values, a table of each combination; Keras has the medium network only.

- autoencoder: encoder and one decoder, L1 and Adam;
- adversarial: encoder, R's decoder and the discriminator, each network once, half of the images
  generated and the other half real (the stage of medium_gan.py:faithful).
"""

import argparse
import functools
import importlib
import itertools
import sys
from collections.abc import Callable
from pathlib import Path

import sides
from sides import ROOT

import jax  # isort: skip
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from configs import base
from facealign.data.rotated_pairs import create_views, for_device
from facealign.names import DOMAINS
from facealign.paths import cache_folder
from facealign.stages import OBJECTIVES, Stage, create_stages
from facealign.training.compiled_step import compile_step
from facealign.training.state import TrainState, create_networks, create_state
from facealign.training.steps.table import create_step

TWINS = ("autoencoder", "adversarial")  # steps that benchmarks/peers has as well
LABELS = ("yaw", "subject")  # of photos, which the batches here have
NETWORKS = ("light", "medium", "hourglass")  # and networks


def load(path: str) -> ConfigDict:
    """The config of configs/NAME.py or configs/NAME.py:VARIANT."""
    file, _, variant = path.partition(":")
    if not (ROOT / "configs" / Path(file).name).exists():
        sys.exit(f"error: --config={path}: no such file; choose one of configs/*.py")
    module = importlib.import_module(f"configs.{Path(file).stem}")
    return module.get_config(variant) if variant else module.get_config()


def fits(config: ConfigDict) -> bool:
    """Whether the batches here have all that the stages of a config take."""
    stages = create_stages(config)
    labels = [field for stage in stages for field, _ in OBJECTIVES[stage.objective].labels]
    return config.data.channels == 1 and set(labels) <= set(LABELS)


def twin(name: str, network: str = "medium") -> ConfigDict:
    """The config of a step that benchmarks/peers has as well; it has one stage."""
    config = load("medium_gan.py:faithful")
    config.model.name = network
    if name == "autoencoder":
        config.stages.autoencoder = base.stage(
            "paired", 1, ("encoder", "decoder_r"), 2e-4, paired=1.0
        )
    config.model.output = "tanh"
    config.run = (name,)
    return config


def sized(config: ConfigDict, size: int) -> ConfigDict:
    """The config at another image size in px; 0 leaves it."""
    config.data.image_size = size or config.data.image_size
    return config


def take_step(update: Callable, box: list[TrainState], resident: dict, batch: dict) -> object:
    """One step of the state in the box; a step takes its argument's memory."""
    box[0], metrics = update(box[0], resident, [batch])
    return box[0], metrics


def prepare(config: ConfigDict, stage: Stage, batch_size: int) -> tuple[Callable, tuple]:
    """The compiled step of a stage, and its arguments: state, resident arrays and batch."""
    stages, size = create_stages(config), config.data.image_size
    networks = create_networks(config, stages, stage)
    rotated = OBJECTIVES[stage.objective].rotated
    state = jax.jit(lambda key: create_state(networks, key, size))(jax.random.key(0))
    step = create_step(config, networks, stage)
    update = compile_step(step, config.augment, jax.random.key(1), rotated)
    rng = np.random.default_rng(0)
    shape = (batch_size, size, size, 1)
    batch = jax.device_put({d: rng.integers(0, 256, shape, np.uint8) for d in DOMAINS})
    for domain in DOMAINS:
        batch[f"yaw_{domain}"] = jnp.full(batch_size, jnp.nan)
        batch[f"subject_{domain}"] = jnp.zeros(batch_size, jnp.int32)
    resident = {"views": for_device(create_views(cache_folder()))} if rotated else {}
    return update, (state, resident, batch)


def make_round(
    name: str, config: ConfigDict, stage: Stage, batch_size: int, steps: int
) -> sides.Round:
    """A round of steps of a stage."""
    update, (state, resident, batch) = prepare(config, stage, batch_size)
    update = update.lower(state, resident, [batch]).compile()
    one_step = functools.partial(take_step, update, [state], resident, batch)
    return sides.make_round(name, one_step, steps)


def count_flops(config: ConfigDict, stage: Stage, batch_size: int) -> float:
    """Of a step as XLA's own convolutions would take it, without their multiplications by zero."""
    with sides.convolutions("lax"):
        update, (state, resident, batch) = prepare(config, stage, batch_size)
        return update.lower(state, resident, [batch]).cost_analysis()["flops"]


def measure(
    name: str,
    config: ConfigDict,
    batch_size: int,
    images: int,
    args: argparse.Namespace,
    *peers: sides.Round,
) -> None:
    """Prints a row for each stage of a config, and one for each variant of the peers.

    Args:
      name: what the rows are called.
      config: what is trained, at its data.image_size.
      batch_size: images of each domain.
      images: that a step takes, for the rate.
      args: the flags.
      *peers: who takes turns.
    """
    config.model.dtype = args.dtype
    for stage in create_stages(config):
        ours = []
        for library in args.convolutions:
            with sides.convolutions(library):
                title = f"{name} / {stage.name}, {library}"
                ours.append(make_round(title, config, stage, batch_size, args.steps))
        times = sides.alternate([*ours, *peers], args.rounds)
        sides.print_rows(times, images, len(ours), args.out)
        flops, rate = count_flops(config, stage, batch_size), sides.matrix_rate(args.dtype)
        shares = (flops / rate / (min(times[each]) / 1e3) for each in [*times][: len(ours)])
        shares = ", ".join(f"{share:.0%}" for share in shares)
        print(f"  {flops / 1e9:.1f} GFLOP; at the {rate / 1e9:.0f} GFLOP/s of a product: {shares}")


def measure_twin(name: str, network: str, images: int, size: int, args: argparse.Namespace) -> None:
    """Prints the rows of a step that the peers have as well; size in px, 0 for the config's."""
    config = sized(twin(name, network), size)
    size = config.data.image_size
    batch_size = images if name == "autoencoder" else images // len(DOMAINS)
    flags = f"--task={name}", f"--batch_size={batch_size}", f"--image_size={size}"
    peers = sides.start_peers(args, *flags, f"--calls={args.steps}", network=network)
    measure(f"{network}, {images} of {size} px", config, batch_size, images, args, *peers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", default="", help="configs/NAME.py; all of them if not given")
    parser.add_argument("--batch_size", type=int, nargs="+", default=[32], help="of both domains")
    sides.add_our_flags(parser)
    parser.add_argument("--steps", type=int, default=3, help="steps in a round")
    parser.add_argument("--image_size", type=int, nargs="+", default=[0], help="px; 0: config's")
    parser.add_argument("--stacks", type=int, default=0, help="of an hourglass; 0: config's")
    parser.add_argument("--network", choices=NETWORKS, nargs="+", default=["medium"])
    parser.add_argument("--twin", default="", choices=["", *TWINS], help="this step alone")
    sides.add_peer_flags(parser)
    args = parser.parse_args()
    sides.print_machine()
    peers = args.peer or args.keras
    pairs = [*itertools.product(args.batch_size, args.image_size)]
    for name in [args.twin] if args.twin else TWINS if peers else ():
        for network, (images, size) in itertools.product(args.network, pairs):
            measure_twin(name, network, images, size, args)
    if (peers or args.twin) and not args.config:
        return
    paths = [path for path in sorted((ROOT / "configs").glob("[!_]*.py")) if path.stem != "base"]
    names = [args.config] if args.config else [path.name for path in paths]
    names = [name for name in names if fits(load(name))]
    if not names:
        sys.exit(f"error: --config={args.config} takes more than gray photos; choose another")
    for name in names:
        for images, size in pairs:
            config = sized(load(name), size)
            config.model.stacks = args.stacks or config.model.stacks
            measure(Path(name).name, config, images // len(DOMAINS), images, args)


if __name__ == "__main__":
    main()
