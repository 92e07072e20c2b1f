"""What the parent of one of several processes says about its end."""

import subprocess
import sys

import pytest

from facealign.cli.supervisor import ALONE, LOST, OWN_END, START_AGAIN

PROGRAM = """
import os, signal, sys
from facealign.guard import guard
have_come = guard()
if {joined}:
    have_come()
{end}
"""
ABORT = "os.kill(os.getpid(), signal.SIGABRT)"


@pytest.mark.parametrize(
    ("joined", "end", "code", "said"),
    [
        (True, "os._exit(0)", 0, ""),
        (True, f"os._exit({OWN_END})", 1, ""),
        (True, f"os._exit({START_AGAIN})", START_AGAIN, ""),
        (True, "os._exit(1)", START_AGAIN, LOST),
        (True, ABORT, START_AGAIN, LOST),
        (False, ABORT, 1, ALONE),
        (False, "os._exit(1)", 1, ALONE),
        (True, "os.kill(os.getpid(), signal.SIGKILL)", 128 + 9, ""),
    ],
)
def test_an_end_is_told_by_code_and_line(joined, end, code, said):
    program = PROGRAM.format(joined=joined, end=end)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == code
    assert done.stderr == (f"error: {said}\n" if said else "")
