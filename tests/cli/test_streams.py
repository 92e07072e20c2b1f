"""A run goes on whatever its streams are: closed, read by nobody, or not in UTF-8."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import STARTED_CACHE

ROOT = Path(__file__).parents[2]
TINY = (
    f"--config={ROOT / 'configs' / 'polygons_light.py'} --config.data.image_size=32 "
    "--config.data.polygon_pairs=80 --config.data.batch_size=4 "
    "--config.run=\"('reconstruction',)\" --config.stages.reconstruction.steps=2 "
    "--config.log_every=1 --config.evaluate_every=1 --config.checkpoint_every=1 "
    "--config.evaluate_examples=4 --config.best_metric=l1/reconstruction_u --workdir=run"
)
PROGRAM = """
import os, sys
from facealign.cli.streams import mend_streams
mend_streams()
numbers = sys.stdin is None, open(os.devnull).fileno() > 2
for _ in range(9):
    print("x" * 100_000, flush=True)
    print("y" * 100_000, file=sys.stderr, flush=True)
os.write(1, b"x"), os.write(2, b"x")
open(sys.argv[1], "w").write(str(numbers))
"""
NO_ROOM = """
import sys
from facealign.cli.streams import mend_streams
mend_streams()
for _ in range(3):
    print("x", flush=True)
    print("y", file=sys.stderr, flush=True)
"""


@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>&1 | head -c 9"])
def test_a_program_goes_on_without_streams(streams, tmp_path):
    command = f"{sys.executable} -c '{PROGRAM}' {tmp_path / 'end'} {streams}"
    subprocess.run(["bash", "-c", command], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    assert (tmp_path / "end").read_text() == f"({'<&-' in streams}, True)"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
@pytest.mark.parametrize(
    ("streams", "output", "warnings"),
    [(">/dev/full", "", 1), ("2>/dev/full", "xxx", 0), (">/dev/full 2>&1", "", 0)],
)
def test_output_that_finds_no_room_is_a_warning_and_the_program_goes_on(streams, output, warnings):
    command = f"{sys.executable} -c '{NO_ROOM}' {streams}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.replace("\n", "") == output
    assert done.stderr.count("output is not complete") == warnings


@pytest.mark.parametrize("streams", [">&- 2>&-", "2>&1 | head -1"])
def test_a_run_ends_well_without_streams_in_a_c_locale_below_an_odd_folder(
    streams, tmp_path, data_dir
):
    folder = tmp_path / "läufe"
    folder.mkdir()
    cleared = {n: v for n, v in os.environ.items() if not n.startswith(("LC_", "LANG", "PYTHON"))}
    command = f"{sys.executable} {ROOT / 'launch.py'} {TINY} --config.data.data_dir={data_dir}"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} {streams}"],
        cwd=folder,
        env=cleared
        | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
        | {"MPLBACKEND": "module://no.such.backend", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
        | {"XDG_CACHE_HOME": str(STARTED_CACHE)},
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout
    assert {"report.md", "curves.png", "checkpoints"} <= {
        p.name for p in (folder / "run").iterdir()
    }
