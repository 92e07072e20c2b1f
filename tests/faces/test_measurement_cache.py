"""Measurements: once for each photo, kept on disk, the same from there."""

import numpy as np
import pytest
from etils import epath

from facealign.faces import measurement_cache
from tests import toy_faces


@pytest.fixture
def counting(tmp_path, monkeypatch):
    """Face tools of other processes that leave a line for every photo that they look at."""
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    (tmp_path / "log").touch()
    return lambda: len((tmp_path / "log").read_text().splitlines())


def create_counting():
    import os

    tools = toy_faces.create_tools()

    def find(image):
        with open(os.environ["TOY_LOG"], "a") as log:
            log.write("looked\n")
        return tools.find(image)

    return tools._replace(find=find)


def test_reads_who_and_where_and_misses_what_is_not_there():
    photos = toy_faces.examples([(1, 30.0, 0, True), (1, 30.0, 0, False), (2, -10.0, 0, True)])
    with toy_faces.ToyMeter() as meter:
        seen = meter.measure(photos["image"])
    assert seen.found.tolist() == [True, False, True]
    np.testing.assert_allclose(seen.yaw, [30, np.nan, -10], atol=2)
    assert np.isnan(seen.descriptor[1]).all() and np.isfinite(seen.descriptor[[0, 2]]).all()
    assert seen.descriptor.shape == (3, 128) and seen.landmarks.shape == (3, 68, 2)


def test_every_photo_is_measured_once_and_comes_back_the_same(tmp_path, counting):
    images = toy_faces.people(3)["image"]
    twice = np.concatenate([images, images[:5]])
    with measurement_cache.MeasurementCache(epath.Path(tmp_path), create_counting) as meter:
        first = meter.measure(twice)
        assert counting() == len(images)
        meter.measure(images)
    with measurement_cache.MeasurementCache(epath.Path(tmp_path), create_counting) as meter:
        again = meter.measure(twice)
    assert counting() == len(images)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_damaged_file_is_measured_again(tmp_path):
    images = toy_faces.people(1)["image"]
    with measurement_cache.MeasurementCache(epath.Path(tmp_path), toy_faces.create_tools) as meter:
        first = meter.measure(images)
        (file,) = tmp_path.glob("measurements_*.npz")
    for damage in (file.read_bytes()[:200], b"", b"PK" + bytes(50)):
        file.write_bytes(damage)
        with measurement_cache.MeasurementCache(
            epath.Path(tmp_path), toy_faces.create_tools
        ) as meter:
            np.testing.assert_array_equal(meter.measure(images).yaw, first.yaw)


def test_no_photos_no_rows(tmp_path):
    with measurement_cache.MeasurementCache(epath.Path(tmp_path), toy_faces.create_tools) as meter:
        assert meter.measure(np.zeros((0, 8, 8, 1), np.uint8)).descriptor.shape == (0, 128)
