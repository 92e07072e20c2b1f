"""Photos that lie on their sides, are dark or lack their ends."""

import numpy as np
import pytest
from PIL import Image

from facealign.faces import face, find
from facealign.faces.detector import Found
from facealign.faces.dlib_tools import FaceTools
from facealign.faces.reading import load_reader
from tests.faces.test_find import BOX, orl_photo


@pytest.mark.parametrize(("quarters", "name"), [(1, "270"), (2, "180"), (3, "90")])
def test_a_photo_on_its_side_or_its_head_is_stood_up(quarters, name):
    """The tools see a face in the photo as it was, and something like one in it as it lies."""
    photo = orl_photo()
    upright = np.asarray(photo.convert("L"))

    def search(gray):
        same = np.array_equal(np.asarray(gray), upright)
        return Found([BOX], [1.0 if same else 0.4])

    tools = FaceTools(search, None, None)
    (plain,) = find.find_faces(photo, tools).patches
    lying = Image.fromarray(np.ascontiguousarray(np.rot90(np.asarray(photo), quarters)))
    (patch,) = find.find_faces(lying, tools).patches
    np.testing.assert_array_equal(patch.pixels, plain.pixels)
    assert plain.note == "" and patch.note == f"turned by {name} degrees"


def test_a_photo_that_is_surely_upright_is_searched_once():
    searched = []
    tools = FaceTools(lambda gray: searched.append(gray) or Found([BOX], [0.95]), None, None)
    find.find_faces(orl_photo(), tools)
    assert len(searched) == 1


def test_the_face_of_a_nearly_black_photo_is_found_and_read():
    photo = orl_photo()
    dark = photo.point(lambda level: level * 0.08)

    def search(gray):
        return Found([BOX], [1.0]) if np.asarray(gray).max() > 128 else Found([], [])

    tools, reader = FaceTools(search, None, None), load_reader()
    patches = [find.find_faces(each, tools).patches[0] for each in (photo, dark)]
    assert [patch.note for patch in patches] == ["", "nearly black"]
    assert patches[1].pixels.max() < 25  # the portrait will be as dark as the photo
    (bright, _), (read, note) = face.read_patches(reader, patches)
    assert note == ""
    np.testing.assert_allclose(read.angles, bright.angles, atol=4)
    black = find.find_faces(Image.new("RGB", (90, 90)), FaceTools(search, None, None))
    assert black == ([], ["nearly black"])


def test_a_file_without_its_end_has_a_note(tmp_path):
    tools = FaceTools(lambda gray: Found([BOX], [1.0]), None, None)
    path = tmp_path / "cut.jpg"
    orl_photo().save(path, quality=95)
    path.write_bytes(path.read_bytes()[:-3])
    (patch,) = find.read_faces(path, tools).patches
    assert patch.note == "the end of the file is missing"
