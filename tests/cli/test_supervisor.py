"""The supervisor of one of several processes reports how it ended."""

import subprocess
import sys

import pytest

from facealign.cli.supervisor import EXPLAINED, NOT_JOINED, PROCESS_LOST, START_AGAIN

PROGRAM = """
import os, signal, sys
from facealign.cli.supervisor import supervise
all_joined = supervise()
if {joined}:
    all_joined()
{end}
"""
ABORT = "os.kill(os.getpid(), signal.SIGABRT)"


@pytest.mark.parametrize(
    ("joined", "end", "code", "said"),
    [
        (True, "os._exit(0)", 0, ""),
        (True, f"os._exit({EXPLAINED})", 1, ""),
        (True, f"os._exit({START_AGAIN})", START_AGAIN, ""),
        (True, "os._exit(1)", START_AGAIN, PROCESS_LOST),
        (True, ABORT, START_AGAIN, PROCESS_LOST),
        (False, ABORT, 1, NOT_JOINED),
        (False, "os._exit(1)", 1, NOT_JOINED),
        (True, "os.kill(os.getpid(), signal.SIGKILL)", 128 + 9, ""),
    ],
)
def test_an_end_is_reported_by_exit_code_and_line(joined, end, code, said):
    program = PROGRAM.format(joined=joined, end=end)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == code
    assert done.stderr == (f"error: {said}\n" if said else "")
