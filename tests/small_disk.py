"""A disk of little room, which takes a user who may mount one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """In this context a new folder is a file system of its own; else the test is skipped."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", f"-osize={kilobytes}k", "tmpfs", str(folder)]
    try:
        may = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:  # no Linux
        may = False
    if not may:
        pytest.skip("needs a user who may mount a tmpfs")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def enlarge(folder: Path, kilobytes: int) -> None:
    """Makes room on a small disk."""
    subprocess.run(["mount", f"-oremount,size={kilobytes}k", str(folder)], check=True)
