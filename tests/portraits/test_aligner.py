"""Portraits of photos of any type with any number of faces."""

import numpy as np
import pytest
from PIL import Image

from facealign import align
from facealign.errors import UserError
from facealign.faces import find
from facealign.geometry import frame
from facealign.geometry.frame import five_points
from facealign.images import BadPhotoError
from facealign.portraits import aligner
from tests.toy_photos import read
from tests.toy_portraits import NEGATIVE, photo
from tests.toy_tools import LARGE, create_tools, landmarks


@pytest.fixture(scope="module")
def make_portraits():
    return aligner.Aligner(NEGATIVE, create_tools(), read)


def test_a_portrait_is_made_of_the_canonical_crop(make_portraits):
    ((portrait,),) = make_portraits([photo(0)])
    points = five_points(landmarks(None, LARGE))
    crop = frame.crop(Image.fromarray(photo(0)), frame.from_five_points(points))
    np.testing.assert_array_equal(portrait.face.crop, crop)
    np.testing.assert_array_equal(portrait.image, 255 - crop)
    np.testing.assert_array_equal(portrait.crop, 255 - crop)
    assert portrait.box == LARGE and portrait.yaw == 0 and portrait.face.error == 1.5
    assert portrait.picture.size == (128, 128) and portrait.picture.mode == "L"


def test_paths_arrays_and_pil_images_give_equal_portraits(make_portraits, tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(photo(1)).save(path)
    pixels = photo(1)
    kinds = [pixels, pixels[..., None], pixels[..., None].repeat(3, -1), Image.fromarray(pixels)]
    portraits = make_portraits([*kinds, path, str(path), photo(2, bright=False)])
    assert [len(each) for each in portraits] == [1] * 6 + [0]
    for (other,) in portraits[1:6]:
        np.testing.assert_array_equal(other.image, portraits[0][0].image)
    assert make_portraits([]) == [] and make_portraits([photo(3, bright=False)]) == [[]]


def test_a_file_that_is_not_a_photo_is_refused(make_portraits, tmp_path):
    (tmp_path / "text.jpg").write_text("hello")
    with pytest.raises(BadPhotoError, match="not a photo"):
        make_portraits([tmp_path / "text.jpg"])


def test_an_aligned_photo_needs_no_face_tools_and_must_be_square():
    whole = aligner.Aligner(NEGATIVE, None, read)
    crop = photo(0)[:128, :128]
    np.testing.assert_array_equal(whole([crop])[0][0].image[..., 0], 255 - crop)
    assert whole([photo(0)[:100]]) == [[]]
    assert "square" in find.take_whole(Image.fromarray(photo(0)[:100])).notes[0]


def test_a_covered_face_has_no_portrait(make_portraits):
    photos = [photo(0), photo(1, covered=True), photo(2)]
    assert [len(each) for each in make_portraits(photos)] == [1, 0, 1]
    ((first,), _, (third,)) = make_portraits(photos)
    for made, pixels in ((first, photo(0)), (third, photo(2))):
        ((alone,),) = make_portraits([pixels])
        np.testing.assert_array_equal(made.image, alone.image)


def test_a_portrait_is_measured_by_its_own_face(make_portraits):
    """The toy descriptor is 128 times the mean of the crop, of which the portrait is negative."""
    ((portrait,),) = make_portraits([photo(0)])
    yaw, distance = make_portraits.measure(portrait)
    mean = portrait.face.crop.mean() / 255
    assert yaw == 0 and distance == pytest.approx(np.sqrt(128) * abs(1 - 2 * mean), abs=1e-6)
    yaw, distance = aligner.Aligner(NEGATIVE, None, read).measure(portrait)
    assert yaw == 0 and np.isnan(distance)


def test_the_aligner_of_the_public_interface_turns_the_photos_own_pixels():
    made = align.load_aligner(already_aligned=True, style=align.Style(size=128, gray=True))
    assert "own pixels" in made.method.name and made([photo(0)[:100]]) == [[]]
    with pytest.raises(UserError, match="--size=64"):
        align.load_aligner(already_aligned=True, style=align.Style(size=64))
