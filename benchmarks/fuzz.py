"""Whatever people give it, the answer is a line: `python benchmarks/fuzz.py [--cases=700]`.

Hypothesis (`pip install hypothesis`) makes up config overrides, damaged workdirs, odd photos and
folders of them; so many cases of each. A case passes if facealign does its work or raises what
becomes one plain line: a `UserError`, an `OSError`, or the end of the program with a line of its
own. Anything else is a traceback: one case of each kind is printed.
"""

import argparse
import contextlib
import io
import random
import shutil
import sys
import tempfile
from pathlib import Path

import hypothesis
from absl import logging
from guarded import counts, failures, guarded, made
from hypothesis import strategies as st
from odd_folders import fuzz_folders
from odd_photos import OddPhoto, odd_photos
from runs import LIGHT  # (finds facealign)

from facealign import images
from facealign.cli.flags import FLAGS
from facealign.cli.parse import parse_flags
from facealign.errors import UserError
from facealign.paths import open_path
from facealign.training.experiment import create_experiment
from facealign.training.loop import open_workdir, train
from facealign.training.saved_model import load_run
from facealign.workdir.config import flatten

SMALL = (  # what a case may change, but not enlarge beyond what a machine can take in a moment
    "--config.stages.reconstruction.steps=2",
    "--config.stages.discriminator.steps=2",
    "--config.stages.adversarial.steps=2",
    "--config.evaluate_examples=8",
)
LARGE = ("polygon_pairs", "image_size", "batch_size", "features", "stacks", "people")


def parse(argv: list[str]) -> None:
    """Flags as launch.py takes them, in this process."""
    FLAGS.unparse_flags()
    for name in [name for name in FLAGS if name.startswith("config.")]:
        delattr(FLAGS, name)  # the overrides of the last call
    sys.argv = argv  # where ml_collections looks for overrides
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            parse_flags(argv)
    except SystemExit:
        line = said.getvalue()
        assert line.startswith("error: ") and line.count("\n") == 1, line
        raise UserError(line) from None


def values(name: str) -> st.SearchStrategy[str]:
    """Text that somebody could give as a value of a config field."""
    numbers = st.sampled_from(["0", "1", "-1", "2", "3", "7", "0.5", "-0.1", "1e-3", "nan", "inf"])
    if not any(large in name for large in LARGE):
        numbers |= st.integers(-(10**12), 10**12).map(str) | st.floats().map(str)
    else:
        numbers |= st.integers(-70, 70).map(str)
    words = st.sampled_from(
        ["", "true", "False", "None", "light", "medium", "warp", "hourglass", "polygons",
         "orl_faces", "polygons+orl_faces", "+", "hinge", "cosine", "bfloat16", "face", "sigmoid",
         "()", "('reconstruction',)", "('mirror',)", "('encoder','decoder_r')", "{}", "[1]",
         "l1/swap", "s3://x", "foo://x", "/dev/null", "stream"]
    )  # fmt: skip
    return numbers | words | st.text(max_size=8)


def fuzz_config(folder: Path, cases: int) -> None:
    """Up to four overrides of the light experiment, through the flags and until all is traced."""
    parse(["launch.py", *LIGHT])
    names = [*sorted(flatten(FLAGS.config)), "nope", "model", "run.x"]
    own = [*LIGHT, *SMALL, f"--config.data.data_dir={folder / 'data'}"]
    one = st.sampled_from(names).flatmap(lambda name: values(name).map(lambda v: (name, v)))

    @made(cases)
    @hypothesis.given(st.lists(one, min_size=1, max_size=4))
    def case(changes: list[tuple[str, str]]) -> None:
        def attempt() -> None:
            argv = [*own, *(f"--config.{name}={value}" for name, value in changes)]
            parse(["launch.py", *(text.replace("\0", "") for text in argv)])
            create_experiment(FLAGS.config)

        guarded(attempt, changes)

    case()


def fuzz_workdirs(folder: Path, cases: int) -> None:
    """A finished run's workdir with one to three files damaged, opened to go on and to evaluate."""
    parse(["launch.py", *LIGHT, *SMALL, f"--config.data.data_dir={folder / 'data'}",
           "--config.evaluate_every=2", "--config.checkpoint_every=2"])  # fmt: skip
    config = FLAGS.config
    train(config, folder / "run")
    experiment = create_experiment(config)
    files = sorted(path for path in (folder / "run").rglob("*") if path.is_file())
    names = st.sampled_from([str(path.relative_to(folder / "run")) for path in files])
    harms = st.sampled_from(["delete", "empty", "cut", "flip", "random", "folder", "link", "text"])

    @made(cases)
    @hypothesis.given(
        st.lists(st.tuples(names, harms), min_size=1, max_size=3), st.integers(0, 2**32)
    )
    def case(damages: list[tuple[str, str]], seed: int) -> None:
        workdir = folder / "damaged"
        shutil.rmtree(workdir, ignore_errors=True)
        shutil.copytree(folder / "run", workdir)
        for name, harm in damages:
            damage(workdir / name, harm, random.Random(seed))

        def go_on() -> None:
            with contextlib.ExitStack() as stack:
                open_workdir(experiment, open_path(str(workdir), "--workdir"), stack)

        guarded(lambda: load_run(open_path(str(workdir), "--workdir")) and None, damages)
        guarded(go_on, damages)

    case()


def damage(path: Path, harm: str, chance: random.Random) -> None:
    """Does to a file what disks and people do."""
    if not path.is_file():
        return
    content = bytearray(path.read_bytes())
    path.unlink()
    if harm == "empty":
        path.write_bytes(b"")
    elif harm == "cut":
        path.write_bytes(content[: chance.randrange(len(content) + 1)])
    elif harm == "flip" and content:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
    elif harm == "random":
        path.write_bytes(chance.randbytes(len(content)))
    elif harm == "folder":
        path.mkdir()
    elif harm == "link":
        path.symlink_to("nowhere")
    elif harm == "text":
        path.write_text('{"step": "x"}\n[]\n')


def fuzz_photos(folder: Path, cases: int) -> None:
    """Photos of all formats, modes and damages, and what only claims to be one."""
    del folder

    @made(cases)
    @hypothesis.given(odd_photos())
    def case(photo: OddPhoto) -> None:
        def read() -> None:
            image = images.read_photo(photo.content, 3)
            assert image.mode == "RGB" and min(image.size) > 0

        guarded(read, photo.said)

    case()


KINDS = {
    "config": fuzz_config,
    "workdirs": fuzz_workdirs,
    "photos": fuzz_photos,
    "folders": fuzz_folders,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kinds", nargs="*", default=list(KINDS), help=", ".join(KINDS))
    parser.add_argument("--cases", type=int, default=700)
    args = parser.parse_args()
    logging.set_verbosity(logging.FATAL)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for kind in args.kinds:
            for name in counts:
                counts[name] = 0
            KINDS[kind](Path(folder), args.cases)
            said = ", ".join(f"{count} {name}" for name, count in counts.items())
            print(f"{kind}: {KINDS[kind].__doc__.splitlines()[0]} {said}", flush=True)
    for kind, example in failures.items():
        print(f"{kind}: {example}")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
