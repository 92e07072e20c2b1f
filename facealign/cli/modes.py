"""What launch.py can do."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from etils import epath
from ml_collections import ConfigDict

from facealign.cli.memory import peak_memory
from facealign.data.load import load_data, to_float
from facealign.errors import UserError, lookup
from facealign.parallel import processes
from facealign.paths import open_path
from facealign.portraits.align_folder import RESULTS, SHEET, align_folder, find_photos
from facealign.portraits.aligner import METHODS, load_aligner, load_model, load_networks
from facealign.portraits.results import describe
from facealign.stages import create_stages, roles_of
from facealign.training.checkpoints import load_run
from facealign.training.evaluator import take
from facealign.training.loop import train
from facealign.training.packed_weights import SHIPPED, save_weights
from facealign.training.state import create_networks
from facealign.training.summary import summarize
from facealign.workdir.config import check_same

PHOTOS = 16  # to compare exported programs on


class Job(NamedTuple):
    """What the flags ask for."""

    config: ConfigDict | None  # None: that of the workdir
    workdir: epath.Path
    step: int  # of the checkpoint; 0 is the newest
    profile: bool  # whether training writes a trace
    on: str = ""  # what to evaluate on, DATASET:SPLIT,SPLIT; "" is U's dataset and its test split
    input: str = ""  # a folder of photos to align, or one photo
    output: str = ""  # folder for the portraits
    method: str = "network"  # of `align.METHODS`
    checkpoint: str = ""  # run or packed weights to align with; "" is the weights of facealign
    recursive: bool = True  # whether folders in the input folder count
    already_aligned: bool = False  # whether the photos are canonical crops
    sheet: bool = False  # whether to draw a page of all portraits
    original_size: bool = False  # whether portraits are as large as the crops in the photos
    batch_size: int = 0  # that an exported program takes; 0 is any
    host: str = "127.0.0.1"  # that the demo serves; this machine alone
    port: int = 7860


def run_train(job: Job) -> None:
    """Trains, or goes on training."""
    train(job.config, job.workdir, job.profile)
    if processes.is_first():
        print(f"wrote {job.workdir / 'report.md'}")


def run_evaluate(job: Job) -> None:
    """Judges a checkpoint on held-out people beside baselines; writes tables and a page."""
    from facealign.evaluation.run import run_evaluation  # its plots would slow down every mode

    run = load_run(job.workdir, job.step)
    if job.config:
        check_same(run.config, job.config, job.workdir)
    run_evaluation(job.config or run.config, run.networks, run.state, job.workdir, job.on)


def run_align(job: Job) -> None:
    """Makes frontal portraits of a folder of photos."""
    model = lookup(METHODS, job.method, "--method")
    if model and (job.checkpoint or job.step):
        raise UserError(f"--method={job.method} uses no network; leave --checkpoint and --step out")
    if job.method == "turn" and job.already_aligned:
        raise UserError("--method=turn has to see where heads look; leave --already_aligned out")
    folders = find_photos(Path(job.input), Path(job.output), job.recursive)
    model = model or load_model(job.checkpoint or SHIPPED, job.step)
    rows = align_folder(model, folders, job.already_aligned, job.sheet, job.original_size)
    print("\n".join(describe(rows)))
    if peak := peak_memory():
        print(f"peak memory: {peak[0]:.0f} MB, and {peak[1]:.0f} MB in a process that finds faces")
    print(f"wrote {folders.output / RESULTS}" + f" and {SHEET}" * job.sheet)


def run_demo(job: Job) -> None:
    """Serves a page that aligns photos."""
    from facealign.portraits.demo import show

    show(load_aligner(job.checkpoint or SHIPPED, job.step), job.host, job.port)


def run_export(job: Job) -> None:
    """Writes the model as programs for other runtimes, and compares them on photos of ORL."""
    from facealign.portraits.export import export

    model = load_networks(job.checkpoint or SHIPPED, job.step)
    config = ConfigDict(model.config)
    config.data.update(unrestricted="orl_faces", restricted="orl_faces")
    found = take(load_data(config.data, "test"), PHOTOS)["unrestricted"]["image"]
    whole = math.ceil(PHOTOS / (job.batch_size or PHOTOS)) * (job.batch_size or PHOTOS)
    photos = np.resize(found, (whole, *found.shape[1:]))  # of fixed batches, some more than once
    folder = open_path(job.output, "--output")
    differences = export(model, folder, np.asarray(to_float(photos)), job.batch_size)
    for path, difference in differences.items():
        size = path.stat().length / 1e6
        takes = f"{job.batch_size or 'any number of'} crops at a time"
        print(
            f"wrote {path}, {size:.1f} MB, {takes}; on {PHOTOS} photos at most {difference:.1e} off"
        )


def run_pack(job: Job) -> None:
    """Writes the weights of a checkpoint that frontal photos need, to give away."""
    run, path = load_run(job.workdir, job.step), job.workdir / "weights.safetensors"
    save_weights(path, run.config, run.state)
    print(f"wrote {path}, {path.stat().length / 1e6:.1f} MB")


def run_summary(job: Job) -> None:
    """Prints the networks of the config, their layers and parameters."""
    stages = create_stages(job.config)
    networks = create_networks(job.config, roles_of(stages), stages[0])
    print(summarize(networks, job.config.data.image_size))


MODES: dict[str, Callable[[Job], None]] = {
    "train": run_train,
    "evaluate": run_evaluate,
    "align": run_align,
    "demo": run_demo,
    "export": run_export,
    "pack": run_pack,
    "summary": run_summary,
}
