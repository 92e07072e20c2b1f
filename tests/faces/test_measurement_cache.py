"""The cache measures each photo once and keeps the measurements on disk."""

import os
from functools import partial

import numpy as np
import pytest
from etils import epath

from facealign.faces.measurement_cache import MeasurementCache
from tests import toy_faces


@pytest.fixture
def open_cache(tmp_path):
    """Opens a cache in a folder, with face tools that count the measured photos."""
    return partial(MeasurementCache, epath.Path(tmp_path), create_counting)


@pytest.fixture
def count(tmp_path, monkeypatch):
    """Returns the number of photos that all worker processes have measured."""
    log = tmp_path / "log"
    log.touch()
    monkeypatch.setenv("TOY_LOG", str(log))
    return lambda: len(log.read_text().splitlines())


def create_counting():
    """Face tools that write a line to the file $TOY_LOG for each photo."""
    tools = toy_faces.create_tools()

    def find(image):
        with open(os.environ["TOY_LOG"], "a") as log:
            log.write("measured\n")
        return tools.find(image)

    return tools._replace(find=find)


def test_each_photo_is_measured_once_and_loaded_unchanged(open_cache, count):
    images = toy_faces.people(3)["image"]
    twice = np.concatenate([images, images[:5]])
    with open_cache() as cache:
        first = cache.measure(twice)
        assert count() == len(images)
        cache.measure(images)
    with open_cache() as cache:
        loaded = cache.measure(twice)
    assert count() == len(images)
    for a, b in zip(first, loaded, strict=True):
        np.testing.assert_array_equal(a, b)


def test_photos_of_a_damaged_file_are_measured_again(open_cache, count, tmp_path):
    images = toy_faces.people(1)["image"]
    with open_cache() as cache:
        first = cache.measure(images)
    (file,) = tmp_path.glob("measurements_*.npz")
    for number, damaged in enumerate((file.read_bytes()[:200], b"", b"PK" + bytes(50)), 2):
        file.write_bytes(damaged)
        with open_cache() as cache:
            np.testing.assert_array_equal(cache.measure(images).yaw, first.yaw)
        assert count() == number * len(images)


def test_no_photos_give_no_rows(tmp_path):
    with MeasurementCache(epath.Path(tmp_path), toy_faces.create_tools) as cache:
        assert cache.measure(np.zeros((0, 8, 8, 1), np.uint8)).descriptor.shape == (0, 128)
