"""What finds and compares faces in a process."""

import importlib

import numpy as np
import pytest
from PIL import Image

from facealign.faces import tools
from facealign.faces.search import Detector
from tests.faces.test_find import BOX, orl_photo


@pytest.fixture
def without_dlib(monkeypatch):
    real = importlib.import_module

    def import_module(name, *args):
        if name == "dlib":
            raise ModuleNotFoundError("No module named 'dlib'")
        return real(name, *args)

    monkeypatch.setattr(importlib, "import_module", import_module)


def test_without_dlib_faces_are_found_and_not_compared(without_dlib):
    found = tools.load_tools()
    assert isinstance(found.search, Detector) and found.describe is None
    (centre,), (side,), (up,), _ = found.search(orl_photo().convert("L"))
    np.testing.assert_allclose(centre, np.reshape(BOX, (2, 2)).mean(axis=0), atol=12)
    assert 50 < side < 100 and up[1] < -0.8
    lying = found.search(orl_photo().convert("L").transpose(Image.Transpose.ROTATE_90))
    assert lying.up[0, 0] < -0.7


def test_with_dlib_its_network_is_used():
    pytest.importorskip("dlib")
    assert not isinstance(tools.load_finder().search, Detector)
