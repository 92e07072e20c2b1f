"""Freed memory stays with the process."""

import platform
import subprocess
import sys

import pytest

from facealign.cli.memory import peak_memory

CODE = """
import resource
import numpy as np
from facealign.cli.memory import keep_freed_memory
keep_freed_memory()
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = np.full(16 << 20, 1, np.float32)
    del block
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_the_peak_is_that_of_the_process():
    assert 50 < peak_memory() < 20_000  # MB


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc")
def test_a_freed_block_is_used_again():
    """64 MiB are 16,384 pages, each a fault if it were mapped anew."""
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 1000
