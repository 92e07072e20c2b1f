"""Prepared datasets: damage has a remedy, two processes share one, a full disk harms nothing."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from configs import base
from facealign.data.load import load_examples
from facealign.errors import UserError
from tests.small_disk import enlarge, small_disk

ROOT = Path(__file__).parents[2]
PREPARE = """
import sys
from tests.data import test_prepare as t
print(len(t.load(sys.argv[1], pairs=1500)["image"]))
"""


def load(folder, split="train", pairs=80, **changes):
    data = base.get_config().data
    data.update(data_dir=str(folder), image_size=32, polygon_pairs=pairs, **changes)
    return load_examples(data, "polygons", split)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    load(folder)
    return folder


def flip(content, place):
    return bytes([*content[:place], content[place] ^ 1, *content[place + 1 :]])


DAMAGES = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "flipped": lambda content: flip(content, len(content) // 2),
    "another": lambda content: b"{}",
    "gone": None,
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("pattern", ["*train.array_record*", "dataset_info.json"])
@pytest.mark.parametrize("memory_mb", [4096.0, 0.01])  # the images in memory, or streamed
def test_damage_names_the_folder_and_its_removal_mends_it(
    whole, tmp_path, damage, pattern, memory_mb
):
    folder = shutil.copytree(whole, tmp_path / "data")
    (path,) = folder.rglob(pattern)
    if change := DAMAGES[damage]:
        path.write_bytes(change(path.read_bytes()))
    else:
        path.unlink()
    with pytest.raises(UserError, match=f"prepared dataset in {path.parent} is damaged .*delete"):
        load(folder, memory_mb=memory_mb)["image"][np.arange(3)]
    shutil.rmtree(path.parent)
    np.testing.assert_array_equal(load(folder)["image"], load(whole)["image"])


def test_two_processes_prepare_one_dataset(tmp_path):
    command = [sys.executable, "-c", PREPARE, str(tmp_path / "new")]
    both = [
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    ends = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert ends[0][0].split()[-1] == ends[1][0].split()[-1]
    assert sum("downloaded and prepared" in output + errors for output, errors in ends) == 1


def test_a_full_disk_is_one_error_and_harms_nothing(whole, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limits[1]))
        with pytest.raises(UserError, match=r"cannot prepare 'polygons' in config\.data\.data_dir"):
            load(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, old)
    np.testing.assert_array_equal(load(tmp_path)["image"], load(whole)["image"])


@pytest.mark.parametrize("kilobytes", [8, 60])
def test_a_disk_without_room_is_one_error_until_there_is_some(whole, tmp_path, kilobytes):
    with small_disk(tmp_path / "data", kilobytes):
        with pytest.raises(UserError, match=r"cannot prepare 'polygons' in config\.data\.data_dir"):
            load(tmp_path / "data")
        enlarge(tmp_path / "data", 5000)
        np.testing.assert_array_equal(load(tmp_path / "data")["image"], load(whole)["image"])


def test_a_folder_that_is_not_utf8_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"config\.data\.data_dir=.*codec can't encode"):
        load(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
