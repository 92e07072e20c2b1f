"""A function `run_NAME` for each mode of flags.py; the mode's flags are its parameters."""

from pathlib import Path

from etils import epath
from ml_collections import ConfigDict

from facealign.cli.memory import peak_memory
from facealign.data.load import load_data, take
from facealign.errors import UserError, check_choice
from facealign.faces import dlib_tools, tools
from facealign.faces.find import EVERY_FACE, Wanted
from facealign.faces.turning.style import Style
from facealign.geometry import frame
from facealign.models.packed_weights import SHIPPED, save_weights
from facealign.paths import open_path
from facealign.portraits.align_folder import SHEET, align_folder
from facealign.portraits.aligner import load_aligner
from facealign.portraits.folders import find_photos
from facealign.portraits.image_files import Files, check_files
from facealign.portraits.methods import TURNED, check_weights, load_method
from facealign.portraits.results import RESULTS, describe
from facealign.stages import create_stages
from facealign.training.loop import train
from facealign.training.saved_model import load_model, load_run
from facealign.training.state import averaged, create_networks
from facealign.training.summary import summarize
from facealign.workdir.config import check_same, with_places_of

PHOTOS = 16  # to compare exported programs on


def run_train(config: ConfigDict, workdir: epath.Path, profile: bool) -> None:
    """Trains, or goes on training.

    Raises:
      UserError, Preempted: as in `loop.train`.
    """
    if train(config, workdir, profile):
        print(f"wrote {workdir / 'report.html'} and report.md")


def run_evaluate(
    config: ConfigDict | None,
    workdir: epath.Path,
    checkpoint: str,
    step: int,
    on: str,
    method: str,
) -> None:
    """Compares a checkpoint with baselines on held-out people; writes tables and a page.

    With `checkpoint`, of packed weights or another run, `config` only says where photos are, and
    so it does with the methods "portrait" and "unmended", which compare portraits of the photo's
    own pixels.

    Raises:
      UserError: no such checkpoint, another config, no frontal photos, no photos for `on`, or
        `workdir` holds another run than `checkpoint`.
    """
    from facealign.evaluation.run import run_evaluation  # its plots would slow down every mode

    if method in TURNED:
        return _evaluate_portraits(config, workdir, checkpoint, step, on, method)
    check_choice(method or "network", ("network", *TURNED), "--method of --mode=evaluate")
    run = load_model(checkpoint, step) if checkpoint else load_run(workdir, step)
    if checkpoint and (workdir / "config.json").exists():
        raise UserError(
            f"--workdir={workdir} holds a run of its own; choose another folder for the evaluation "
            f"of --checkpoint={checkpoint}"
        )
    if config and checkpoint:
        config = with_places_of(run.config, config)
    elif config:
        check_same(run.config, config, workdir)
    run_evaluation(run._replace(config=config or run.config), workdir, on)


def _evaluate_portraits(
    config: ConfigDict | None, workdir: epath.Path, checkpoint: str, step: int, on: str, method: str
) -> None:
    from facealign.evaluation.portraits import evaluate_portraits

    check_weights(method, checkpoint, step)
    if config is None:
        raise UserError(f"--method={method} needs --config, which says where photos are")
    if (workdir / "config.json").exists():
        raise UserError(f"--workdir={workdir} holds a run; choose another folder for the portraits")
    evaluate_portraits(config, workdir, on, method, checkpoint)


def run_align(
    input: str,
    output: str,
    recursive: bool,
    already_aligned: bool,
    faces: str,
    min_face: int,
    jobs: int,
    size: int,
    frame: str,
    gray: bool,
    yaw: float,
    pitch: float,
    background: str,
    format: str,
    quality: int,
    sheet: bool,
    mask: bool,
    turntable: bool,
    distance: bool,
    method: str,
    checkpoint: str,
    step: int,
    original_size: bool,
) -> None:
    """Makes frontal portraits of a folder of photos.

    Raises:
      UserError: flags that do not fit, no photo, no such weights, or as in `align_folder`.
    """
    if original_size:
        raise UserError("--original_size is --size=0 now")
    wanted = Wanted(faces == "largest", min_face)
    if already_aligned and wanted != EVERY_FACE:
        raise UserError("--already_aligned searches no face; leave --faces and --min_face out")
    style = Style(size, frame, yaw, pitch, gray, background)
    compares = distance and not already_aligned and dlib_tools.is_installed()
    files = check_files(Files(format, quality, sheet, mask, turntable, compares))
    folders = find_photos(Path(input), Path(output), recursive)
    model = load_method(method, style, checkpoint, step)
    find = tools.load_tools if compares else tools.load_finder
    create = None if already_aligned else find
    if create:
        tools.warn()
    rows = align_folder(model, folders, files, create, wanted=wanted, jobs=jobs)
    print("\n".join(describe(rows)))
    if peak := peak_memory():
        print(f"peak memory: {peak:.0f} MB, besides the processes that find faces")
    print(f"wrote {folders.output / RESULTS}" + f" and {SHEET}" * files.sheet)


def run_demo(checkpoint: str, step: int, host: str, port: int) -> None:
    """Serves a page that aligns photos.

    Raises:
      UserError: no such weights, a package is not installed, or the port is taken.
    """
    from facealign.portraits.demo import show

    show(load_aligner(checkpoint, step), host, port)


def run_export(output: str, checkpoint: str, step: int, batch_size: int, web: bool) -> None:
    """Writes networks as programs for other runtimes, and compares them on photos of ORL.

    With `web` they are those of a page that makes portraits, and all else that it needs.

    Raises:
      UserError: no such weights, `output` cannot be opened, flags that do not fit, or as in
        `export`, `find_runtime` and `write_site`.
    """
    from facealign.portraits import programs, site
    from facealign.portraits.export import export, export_head

    own = checkpoint or step
    if web and (own or batch_size):
        raise UserError(
            "--web takes what comes with facealign; leave --checkpoint, --step, --batch_size out"
        )
    runtime = site.find_runtime(Path()) if web else None
    models = [load_model(checkpoint or SHIPPED, step)] if own else programs.load_shipped()
    config = models[0].config.copy_and_resolve_references()
    folder = open_path(output, "--output")
    kinds = ("onnx",) if web else ()
    config.data.update(unrestricted="orl_faces", restricted="orl_faces", channels=1)
    config.data.update(image_size=frame.SIZE, frame="canonical", paired=False)
    photos = take(load_data(config.data, "test"), PHOTOS)["unrestricted"]["image"]
    faces = programs.read_crops(photos)
    listed = [program for model in models for program in programs.list_programs(model, faces)]
    if web:
        listed = [program for program in listed if program.name in site.NETWORKS]
    for path, difference in export(listed, folder, batch_size, kinds).items():
        size = path.stat().length / 1e6
        takes = f"{batch_size or 'any number of'} faces at a time"
        print(
            f"wrote {path}, {size:.1f} MB, {takes}; "
            f"on {len(faces)} photos at most {difference:.1e} off"
        )
    if runtime:
        size = site.write_site(folder, runtime) / 1e6
        print(f"wrote {folder / 'index.html'}; a browser loads {size:.0f} MB of networks and head")
        return print(f"to see it: python -m http.server --bind 127.0.0.1 --directory {folder}")
    export_head(folder / "head.npz")
    print(f"wrote {folder / 'head.npz'}, the 3D head")


def run_pack(config: ConfigDict | None, workdir: epath.Path, step: int) -> None:
    """Writes the weights of a checkpoint that are of use without the run, to give away.

    Raises:
      UserError: no such checkpoint, or its weights cannot be packed.
    """
    del config  # names the workdir
    run, path = load_run(workdir, step), workdir / "weights.safetensors"
    save_weights(path, run.config, int(run.state.step), averaged(run.state).nets)
    print(f"wrote {path}, {path.stat().length / 1e6:.1f} MB")


def run_summary(config: ConfigDict) -> None:
    """Prints the networks of the config, their layers and parameters.

    Raises:
      UserError: a config value that fits no stage, network or optimizer.
    """
    stages = create_stages(config)
    networks = create_networks(config, stages)
    print(summarize(networks, config.data.image_size, config.data.channels))
