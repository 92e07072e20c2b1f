"""One device or many: `python benchmarks/scaling.py [--double] [--speed] [--memory]`.

Trains 50 steps of the adversarial experiment on 1, 2 and 8 virtual devices, and in 2 processes of 1
and 4, and prints how far losses and held-out numbers part from those of one device; then saves on 8
devices and goes on with 1 and in 2 processes. Sums over a batch are rounded otherwise on each of
them, and the game makes that grow: a control, one device whose learning rates are changed by 1e-7,
shows by how much, and `--double`, which computes in float64, what is left without it. `--start=RUN`
begins with the networks of an earlier run instead of fresh ones.

With `--speed`, images per second where the batch stays the same (strong) and where it grows with
the devices (weak); on virtual devices, which share the cores, that is the price of the partitioning
and no gain. With `--memory`, what XLA plans for a step that is accumulated, or computes inner maps
twice.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from runs import largest_difference, read_rows, rows, run_to_end

LAYOUTS = ((1, 1), (2, 1), (8, 1), (1, 2), (4, 2))  # (devices a process, processes)
SPEEDS = ((1, 1), (2, 1), (4, 1), (8, 1), (1, 2))
ADVERSARIAL = (
    "--config=configs/medium_gan.py",
    "--config.run=('adversarial',)",
    "--config.optimizer.schedule=constant",  # the rate must not know how long the stage is
    "--config.log_every=1",
    "--config.evaluate_every=25",
    "--config.checkpoint_every=25",
)
SMALL = (
    "--config.model.name=light",
    "--config.data.unrestricted=polygons",
    "--config.data.restricted=polygons",
    "--config.data.image_size=32",
    "--config.data.polygon_pairs=400",
)
CHANGED = tuple(
    f"--config.optimizer.learning_rate_scale.{role}=1.0000001"
    for role in ("encoder", "decoder_u", "decoder_r", "discriminator")
)
TOLERANCE = 1e-4


def train(flags: list[str], steps: int, workdir: Path, devices: int, processes: int) -> list[dict]:
    """The rows of a run of so many steps in all."""
    flags = [*flags, f"--config.stages.adversarial.steps={steps}", f"--workdir={workdir}"]
    run_to_end(flags, processes, devices, optimized=True)
    return rows(workdir)


def name(devices: int, processes: int) -> str:
    several = f"{processes} processes x " if processes > 1 else ""
    return f"{several}{devices} device{'s' * (devices > 1)}"


def check(flags: list[str], steps: int, folder: Path) -> bool:
    """Prints the table of differences; whether all losses are within the tolerance."""
    worst, half = 0.0, steps // 2
    print("largest difference from one device   loss, step 1  to step 10     all  all numbers")
    for devices, processes in LAYOUTS:
        found = train(flags, steps, folder / f"{processes}x{devices}", devices, processes)
        if (devices, processes) == LAYOUTS[0]:
            alone = found
        else:
            worst = max(worst, show(name(devices, processes), found, alone))
    for devices, processes in ((1, 1), (1, 2)):
        workdir = folder / f"moved_{processes}"
        train(flags, half, workdir, 8, 1)
        found = train(flags, steps, workdir, devices, processes)
        worst = max(worst, show(f"8 devices, then {name(devices, processes)}", found, alone))
    changed = train([*flags, *CHANGED], steps, folder / "changed", 1, 1)
    show("control: 1 device, rates + 1e-7", changed, alone)
    return worst < TOLERANCE


def show(label: str, found: list[dict], alone: list[dict]) -> float:
    """Prints a row of the table; the largest difference of a loss."""
    ours, theirs = ([row for row in each if "loss" in row] for each in (found, alone))
    first, tenth, last = (
        largest_difference(ours[:steps], theirs[:steps], "loss") for steps in (1, 10, len(theirs))
    )
    every = largest_difference(found, alone)
    print(f"{label:<36} {first:12.1e} {tenth:11.1e} {last:7.1e} {every:12.1e}", flush=True)
    return last


def speed(flags: list[str], steps: int, folder: Path) -> None:
    """Prints images per second, the median over the rows of the second half."""
    print("images per second     strong   weak")
    for devices, processes in SPEEDS:
        found = []
        for kind, batch in (("strong", 16), ("weak", 2 * devices * processes)):
            workdir = folder / f"{kind}_{processes}x{devices}"
            own = [*flags, f"--config.data.batch_size={batch}"]
            train(own, steps, workdir, devices, processes)
            timed = [row["timing"] for row in read_rows(workdir) if "timing" in row]
            found.append(statistics.median(t["images_per_second"] for t in timed[steps // 2 :]))
        print(f"{name(devices, processes):<20} {found[0]:7.1f} {found[1]:6.1f}", flush=True)


def memory() -> None:
    """Prints what the compiled adversarial step needs besides its arguments."""
    import jax
    import jax.numpy as jnp

    from configs import medium_gan
    from facealign.parallel.sharding import create_mesh
    from facealign.stages import create_stages
    from facealign.training.experiment import create_compiled_step
    from facealign.training.state import create_networks, create_state

    print("MiB of temporary buffers of an adversarial step of 32 images of each domain")
    for accumulate, remat in ((1, False), (1, True), (4, False), (4, True)):
        config = medium_gan.get_config()
        config.run, config.data.batch_size = ("adversarial",), 32
        config.accumulate, config.model.remat = accumulate, remat
        (stage,) = create_stages(config)
        networks = create_networks(config, [stage])
        key, size = jax.random.key(0), config.data.image_size
        state = jax.eval_shape(lambda: create_state(networks, key, size))  # noqa: B023
        photos = jax.ShapeDtypeStruct((32, size, size, 1), jnp.uint8)
        batch = {"unrestricted": photos, "restricted": photos}
        step = create_compiled_step(config, create_mesh(config), networks, stage, key)
        used = step.lower(state, {}, [batch]).compile().memory_analysis().temp_size_in_bytes
        print(f"accumulate={accumulate} remat={remat!s:<5} {used / 2**20:8.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--data_dir", default="")
    parser.add_argument("--start", default="", help="workdir of a run, or packed weights")
    parser.add_argument("--small", action="store_true", help="light network, 32 px, triangles")
    parser.add_argument("--double", action="store_true", help="compute in float64")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--memory", action="store_true")
    args = parser.parse_args()
    flags = [*ADVERSARIAL, *(SMALL if args.small else ())]
    flags += [f"--config.data.data_dir={args.data_dir}", f"--config.init_from={args.start}"]
    if args.double:
        os.environ["JAX_ENABLE_X64"] = "1"
        flags.append("--config.model.dtype=float64")
    if args.memory:
        return memory()
    with tempfile.TemporaryDirectory() as folder:
        if args.speed:
            speed(flags, args.steps, Path(folder))
        elif not check(flags, args.steps, Path(folder)):
            sys.exit(f"error: losses part by more than {TOLERANCE}")


if __name__ == "__main__":
    main()
