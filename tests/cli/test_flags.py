"""Every flag is defined once, read by the modes that list it, and shown by --help."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from facealign.cli import modes
from facealign.cli.flags import COMMON, FLAGS, MODES, PROCESSES
from facealign.cli.parse import help_text

ROOT = Path(__file__).parents[2]
LISTED = {*COMMON, *(flag for mode in MODES.values() for flag in mode.flags)}
FLAG_LINE = re.compile(r"^  --(\w+) ", re.MULTILINE)


def call(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)


def test_every_flag_is_listed_and_defined_once():
    defined = [flag.name for flag in FLAGS.get_flags_for_module("facealign.cli.flags")]
    assert sorted(defined) == sorted(LISTED)


@pytest.mark.parametrize("name", MODES)
def test_a_mode_reads_the_flags_that_it_lists(name):
    mode, function = MODES[name], getattr(modes, f"run_{name}")
    assert set(inspect.signature(function).parameters) == {*mode.flags} - {*PROCESSES}
    nodes = ast.walk(ast.parse(inspect.getsource(function)))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    assert {*mode.flags} - {*PROCESSES} <= used
    assert {*mode.needs, *mode.needs_one} <= {*mode.flags}


def test_every_mode_is_offered():
    functions = {name for name in vars(modes) if name.startswith("run_")}
    assert functions == {f"run_{name}" for name in MODES}


def test_help_shows_each_flag_in_a_line_below_its_mode():
    lines = help_text("facealign").splitlines()
    shown = FLAG_LINE.findall("\n".join(lines))
    assert sorted(shown) == sorted(LISTED)
    assert max(map(len, lines)) <= 100
    assert "--mode=align --input=PHOTOS" in lines[0] and "--config=configs/" in lines[1]
    groups = help_text("facealign").split("\n\n--mode=")[1:]
    for name, group in zip(MODES, groups, strict=True):
        own = [flag for flag in MODES[name].flags if f"  --{flag} " in group.split("\n\n")[0]]
        takes = group.splitlines()[1]
        assert group.startswith(f"{name}: ")
        assert all(flag in own or f"--{flag}" in takes for flag in MODES[name].flags)


@pytest.mark.parametrize("word", ["--help", "-h", "--helpfull", "-help", "--help=true", "help"])
def test_help_is_asked_for_in_many_ways(word):
    done = call("launch.py", word)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(FLAG_LINE.findall(done.stdout)) == sorted(LISTED)
    assert "verbosity" not in done.stdout and "absl" not in done.stdout


def test_help_names_the_command_that_was_typed():
    script, module = call("launch.py", "--help").stdout, call("-m", "facealign", "--help").stdout
    assert "portraits: python launch.py --mode" in script
    assert script.replace("python launch.py", "python -m facealign") == module
    assert "portraits: facealign --mode" in help_text("facealign")


@pytest.mark.parametrize("flag", ["--help", "--workdri=x"])
def test_flags_are_parsed_before_anything_heavy_is_imported(flag):
    done = call("-X", "importtime", "-m", "facealign", flag)
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "facealign.cli.parse" in imported
    assert not imported & {"jax", "numpy", "tensorflow_datasets", "facealign.cli.modes"}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (
            ("--sheet",),
            "--sheet belongs to --mode=align, not to --mode=train, which is the default",
        ),
        (("--mode=align", "--workdir=x"), "--workdir belongs to --mode=train or evaluate or pack"),
        (("--mode=evaluate", "--distributed"), "--distributed belongs to --mode=train, not to"),
        (("--mode=summary", "--nosheet"), "--sheet belongs to --mode=align, not to --mode=summary"),
        (("--mode=align", "--input=x"), "--mode=align needs --output=FOLDER"),
        (("--mode=pack",), "--mode=pack needs --workdir=FOLDER or --config=configs/NAME.py"),
        ((), "--mode=train needs --config=configs/NAME.py"),
    ],
)
def test_a_flag_too_many_or_too_few_is_one_line(flags, expected):
    done = call("-m", "facealign", *flags)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {expected}") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ("stages.mirrow.steps=3", "config.stages='mirrow' is unknown (did you mean 'mirror'?)"),
        ("data.batchsize=1", "config.data='batchsize' is unknown (did you mean 'batch_size'?)"),
        ("seed.x=1", "config.seed is a value and has no fields"),
        ("run[5]=x", "config.run has 2 values"),
    ],
)
def test_a_field_that_a_config_lacks_is_named(flag, expected):
    ended = call("launch.py", "--config=configs/polygons_light.py", f"--config.{flag}")
    (line,) = ended.stderr.splitlines()
    assert ended.returncode == 1 and expected in line and flag.split("=")[0] in line


@pytest.mark.parametrize(
    ("line", "expected"),
    [("return {}[0]", "line 2 of"), ("raise KeyError", "KeyError")],
)
def test_an_error_in_a_config_file_is_one_line(tmp_path, line, expected):
    path = tmp_path / "config.py"
    path.write_text(f"def get_config():\n    {line}\n")
    done = call("-m", "facealign", f"--config={path}")
    assert done.returncode == 1 and expected in done.stderr and done.stderr.count("\n") == 1
