"""No path is too odd to print: a run ends well where its terminal cannot show a name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import photo_sources

ROOT = Path(__file__).parents[2]
ASCII = {"PYTHONIOENCODING": "ascii"}
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def call(*flags: bytes, environment: dict[str, str]) -> subprocess.CompletedProcess:
    cleared = {n: v for n, v in os.environ.items() if not n.startswith(("LC_", "LANG", "PYTHON"))}
    return subprocess.run(
        [sys.executable, "launch.py", *flags],
        cwd=ROOT,
        capture_output=True,
        env=cleared | {"JAX_PLATFORMS": "cpu"} | environment,
    )


@pytest.mark.parametrize(
    ("name", "environment", "shown"),
    [
        (b"\xff", {"PYTHONUTF8": "1"}, rb"\udcff"),  # no UTF-8
        ("ö".encode(), ASCII, rb"\xf6"),
        ("ö".encode() + b"\xff", C_LOCALE, rb"\xf6\udcff"),
    ],
    ids=["not UTF-8", "ASCII", "C locale"],
)
def test_a_run_ends_well_whatever_its_output_is_called(name, environment, shown, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(photo_sources.face_bytes())
    output = os.fsencode(tmp_path) + b"/" + name
    done = call(
        b"--mode=align",
        b"--already_aligned",
        b"--sheet",
        b"--input=" + os.fsencode(tmp_path / "in"),
        b"--output=" + output,
        environment=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == (
        b"wrote " + os.fsencode(tmp_path) + b"/" + shown + b"/results.csv and sheet.html"
    )
    assert os.path.exists(output + b"/a.jpg.png")


@pytest.mark.parametrize("environment", [ASCII, C_LOCALE])
def test_an_error_about_an_odd_name_is_one_line(environment):
    done = call(b"--mode=align", b"--output=x", "--inpüt=x".encode(), environment=environment)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1 and line.startswith(b"error: Unknown command line flag 'inp\\")


def test_a_workdir_that_checkpoints_cannot_be_written_to_is_refused_at_once(tmp_path):
    workdir = os.fsencode(tmp_path) + b"/\xff"
    flags = (b"--config=configs/polygons_light.py", b"--workdir=" + workdir)
    done = call(*flags, environment={"PYTHONUTF8": "1"})
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1 and line.startswith(b"error: --workdir=") and b"not UTF-8" in line
    assert not os.path.exists(workdir)
