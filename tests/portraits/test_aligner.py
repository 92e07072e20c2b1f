"""Portraits of photos of any type with any number of faces."""

import numpy as np
import pytest
from PIL import Image

from facealign.faces import find
from facealign.geometry import frame
from facealign.geometry.frame import five_points
from facealign.images import BadPhotoError
from facealign.portraits import aligner
from tests.toy_photos import LARGE, create_tools, landmarks, read
from tests.toy_portraits import NEGATIVE, photo


@pytest.fixture(scope="module")
def make_portraits():
    return aligner.Aligner(NEGATIVE, create_tools(), read)


def test_a_portrait_is_made_of_the_canonical_crop(make_portraits):
    ((portrait,),) = make_portraits([photo(0)])
    points = five_points(landmarks(None, LARGE))
    crop = frame.crop(Image.fromarray(photo(0)), frame.from_five_points(points))
    np.testing.assert_array_equal(portrait.crop, crop[..., 0])
    np.testing.assert_array_equal(portrait.image, 255 - crop[..., 0])
    assert portrait.box == LARGE and portrait.yaw == 0 and portrait.error == 1.5


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
    np.testing.assert_array_equal(whole([crop])[0][0].image, 255 - crop)
    assert whole([photo(0)[:100]]) == [[]]
    assert "square" in find.take_whole(Image.fromarray(photo(0)[:100])).notes[0]


def test_geometric_alignment_is_the_crop_itself():
    ((portrait,),) = aligner.Aligner(aligner.METHODS["geometric"], create_tools(), read)([photo(0)])
    np.testing.assert_array_equal(portrait.image, portrait.crop)


def test_the_3d_turn_uses_the_measured_pose_and_keeps_crops_of_unknown_pose():
    turn = aligner.METHODS["turn"].frontal
    crops = np.random.default_rng(0).integers(0, 256, (3, 128, 128, 1), np.uint8)
    poses = np.array([(30, 0), (-30, 0), (np.nan, np.nan)])
    turned = turn(crops, poses)
    np.testing.assert_array_equal(turned[2], crops[2])
    assert all((turned[i] != crops[i]).mean() > 0.5 for i in (0, 1))
    np.testing.assert_array_equal(turn(crops[2:], poses[2:]), crops[2:])


def test_the_packed_weights_of_the_repository_make_portraits():
    model = aligner.load_method()
    crops = np.zeros((3, 128, 128, 1), np.uint8)
    assert model.frontal(crops, None).shape == crops.shape
    assert "frontalize.safetensors" in model.name
