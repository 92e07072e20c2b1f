"""One run a workdir."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from facealign.errors import UserError
from facealign.workdir.lock import locked

ROOT = Path(__file__).parents[2]
HOLD = """
import sys
from pathlib import Path
from facealign.workdir.lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def hold(folder):
    """A process that has locked a folder, until its input ends."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "locked\n"
    return holder


def test_a_second_process_is_refused_until_the_first_is_gone_however_it_went(tmp_path):
    holder = hold(tmp_path / "run")
    with pytest.raises(UserError, match=f"in use by process {holder.pid} on"):
        with locked(tmp_path / "run"):
            pass
    holder.kill()
    holder.communicate()
    with locked(tmp_path / "run"):
        assert f"process {os.getpid()} on" in (tmp_path / "run" / ".lock").read_text()
    with locked(tmp_path / "run"):
        pass


def test_a_workdir_that_cannot_be_made_is_one_line():
    with pytest.raises(UserError, match="cannot write into --workdir=/dev/null/run"):
        with locked(Path("/dev/null/run")):
            pass
