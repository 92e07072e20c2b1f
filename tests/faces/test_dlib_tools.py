"""The face tools; tests that need dlib are skipped without requirements-faces.txt."""

import importlib

import numpy as np
import pytest

from facealign.errors import UserError
from facealign.faces.dlib_tools import load_dlib
from facealign.geometry import frame
from facealign.geometry.frame import five_points


@pytest.fixture(scope="module")
def tools():
    pytest.importorskip("dlib")
    return load_dlib()


def test_five_points_of_canonical_landmarks_are_the_canonical_points():
    landmarks = np.full((68, 2), np.nan)
    for eye, centre in ((slice(36, 42), frame.EYES[0]), (slice(42, 48), frame.EYES[1])):
        ring = np.exp(2j * np.pi * np.arange(6) / 6)
        landmarks[eye] = np.stack([ring.real, ring.imag], axis=1) + centre
    landmarks[30], landmarks[48], landmarks[54] = frame.NOSE, *frame.MOUTH
    np.testing.assert_allclose(five_points(landmarks), frame.FIVE_POINTS)


def test_without_dlib_the_error_says_what_to_install(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UserError, match=r"No module named 'dlib'.*requirements-faces\.txt"):
        load_dlib()


@pytest.mark.parametrize("shape", [(64, 48), (64, 48, 1), (300, 900, 3)])
def test_no_face_is_found_in_a_uniform_image(tools, shape):
    assert tools.find(np.full(shape, 128, np.uint8)) == []


def test_a_descriptor_of_one_gray_channel_or_of_three_equal_ones(tools):
    image = np.random.default_rng(0).integers(0, 256, (128, 128), dtype=np.uint8)
    landmarks = np.random.default_rng(1).uniform(30, 90, (68, 2))
    descriptor = tools.describe(image, landmarks)
    assert descriptor.shape == (128,) and np.isfinite(descriptor).all()
    same = tools.describe(np.repeat(image[:, :, None], 3, axis=2), landmarks)
    np.testing.assert_array_equal(descriptor, same)
