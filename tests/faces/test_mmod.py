"""Boxes of faces: their positions, non-maximum suppression, and equality with dlib."""

import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facealign.data.datasets import orl_faces
from facealign.faces import mmod
from facealign.faces.numpy_cnn import Layer
from facealign.faces.search import turned

MODEL = "face_recognition_models/models/mmod_human_face_detector.dat"


def bright_squares(*boxes, size=(300, 240)):
    photo = Image.new("L", size, 0)
    for box in boxes:
        photo.paste(255, box)
    return photo


@pytest.fixture(scope="module")
def layers():
    """Layers that detect bright squares of about 64 px with a dark border."""
    average = np.full((5, 5, 1, 1), 1 / 25, np.float32)
    inside = np.full((9, 9, 1, 1), -1 / 32, np.float32)
    inside[1:-1, 1:-1] = 1 / 49
    none = np.zeros(1, np.float32)
    return [Layer(average, none, 2)] * 3 + [Layer(inside, none - 60, 1, (4, 4))]


@pytest.mark.parametrize("side", [90, 150])
def test_boxes_match_faces_of_any_size(layers, side):
    left, top = 40, 50
    photo = bright_squares((left, top, left + side, top + side))
    (box,) = mmod.find_boxes(layers, photo, 300).boxes
    middle = np.reshape(box, (2, 2)).mean(axis=0)
    assert np.abs(middle - (left + side / 2, top + side / 2)).max() < 8 * side / 64
    assert 1 < (box[2] - box[0]) / side < 1.7


def test_each_face_is_found_once_and_the_largest_comes_first(layers):
    photo = bright_squares((10, 10, 90, 90), (130, 40, 270, 180))
    first, second = mmod.find_boxes(layers, photo, 300).boxes
    assert first[2] > 200 > second[2] > 90
    assert mmod.find_boxes(layers, bright_squares(), 300) == ([], [])


@pytest.mark.parametrize("content", [b"", b"hello", b"\x05con_4" + b"\x01" * 40])
def test_a_file_without_the_detector_is_refused(content):
    with pytest.raises(ValueError, match="not the face detector"):
        mmod.read_layers(content)


def test_boxes_equal_those_of_dlib_with_the_same_weights():
    dlib = pytest.importorskip("dlib")
    path = importlib.metadata.distribution("face_recognition_models").locate_file(MODEL)
    layers = mmod.read_layers(Path(path).read_bytes())
    own = dlib.cnn_face_detection_model_v1(str(path))
    with Image.open(orl_faces.photo_folder() / "s4/10.pgm") as face:
        photo = Image.new("L", (240, 180), 90)
        photo.paste(face, (20, 30))
        photo.paste(face.rotate(12, fillcolor=90), (130, 20))
    pixels = np.repeat(np.asarray(photo)[:, :, None], 3, axis=2)
    wanted = sorted(
        (r.left(), r.top(), r.right(), r.bottom()) for r in (d.rect for d in own(pixels))
    )
    boxes = sorted(mmod.find_boxes(layers, photo, 240).boxes)
    assert len(boxes) == len(wanted) == 2
    np.testing.assert_allclose(boxes, wanted, atol=12)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_face_that_lies_is_found_where_it_is_with_its_way_up(quarters):
    pytest.importorskip("dlib")
    search = mmod.load_mmod()
    with Image.open(orl_faces.photo_folder() / "s1/1.pgm") as image:
        photo = Image.new("L", (140, 120), 90)
        photo.paste(image, (20, 4))
    upright = search(photo)
    lying = search(Image.fromarray(np.ascontiguousarray(np.rot90(np.asarray(photo), quarters))))
    wanted = turned(upright, photo.size, quarters)
    assert len(wanted.side) == 1
    np.testing.assert_allclose(lying.centre, wanted.centre, atol=3)
    np.testing.assert_allclose(lying.up, wanted.up, atol=1e-6)


@pytest.mark.parametrize(("name", "count"), [("s1/1.pgm", 1), (None, 4)])
def test_only_a_photo_without_a_sure_face_is_searched_as_if_it_lay(name, count, monkeypatch):
    pytest.importorskip("dlib")
    photo, calls, search = Image.new("L", (140, 120), 90), [], mmod.search_upright
    if name:
        with Image.open(orl_faces.photo_folder() / name) as image:
            photo.paste(image, (20, 4))
    monkeypatch.setattr(mmod, "search_upright", lambda *a: calls.append(a) or search(*a))
    mmod.load_mmod()(photo)
    assert len(calls) == count
