"""Photos that lie on their sides, are dark or lack their ends."""

import numpy as np
import pytest
from PIL import Image

from facealign.faces import face, find
from facealign.faces.reading import load_reader
from tests.faces.test_find import BOX, orl_photo
from tests.toy_tools import faces_at


@pytest.mark.parametrize(("quarters", "up"), [(1, (1, 0)), (2, (0, 1)), (3, (-1, 0))])
def test_a_photo_on_its_side_or_its_head_is_stood_up(quarters, up):
    """Its pixels are those of the upright photo; the face is where it was."""
    photo = orl_photo()
    lying = Image.fromarray(np.ascontiguousarray(np.rot90(np.asarray(photo), -quarters)))
    (left, top, right, bottom), height, width = BOX, photo.height, photo.width
    for _ in range(quarters):  # clockwise
        left, top, right, bottom = height - bottom, left, height - top, right
        height, width = width, height
    box = left, top, right, bottom
    (plain,) = find.find_faces(photo, lambda gray: faces_at(BOX)).patches
    (patch,) = find.find_faces(lying, lambda gray: faces_at(box, up=up)).patches
    np.testing.assert_array_equal(patch.pixels, plain.pixels)
    assert patch.box == BOX
    assert plain.note == "" and patch.note == f"turned by {90 * quarters} degrees"


@pytest.mark.parametrize("angle", [-50, 0, 50])
def test_a_photo_of_a_head_that_leans_is_left_as_it_is(angle):
    up = np.sin(np.radians(angle)), -np.cos(np.radians(angle))
    (patch,) = find.find_faces(orl_photo(), lambda gray: faces_at(BOX, up=up)).patches
    assert patch.note == "" and patch.box == BOX


def test_the_face_of_a_nearly_black_photo_is_found_and_read():
    photo = orl_photo()
    dark = photo.point(lambda level: level * 0.08)

    def search(gray):
        return faces_at(*[BOX] if np.asarray(gray).max() > 128 else ())

    reader = load_reader()
    patches = [find.find_faces(each, search).patches[0] for each in (photo, dark)]
    assert [patch.note for patch in patches] == ["", "nearly black"]
    assert patches[1].pixels.max() < 25  # the portrait will be as dark as the photo
    (bright, _), (read, note) = face.read_patches(reader, patches)
    assert note == ""
    np.testing.assert_allclose(read.angles, bright.angles, atol=4)
    black = find.find_faces(Image.new("RGB", (90, 90)), search)
    assert black == ([], ["nearly black"])


def test_a_file_without_its_end_has_a_note(tmp_path):
    path = tmp_path / "cut.jpg"
    orl_photo().save(path, quality=95)
    path.write_bytes(path.read_bytes()[:-3])
    (patch,) = find.read_faces(path, lambda gray: faces_at(BOX)).patches
    assert patch.note == "the end of the file is missing"
