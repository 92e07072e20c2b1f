"""Search: NumPy says what Flax says; sizes and places; one find a face."""

import itertools

import jax
import numpy as np
import pytest
from flax import traverse_util
from PIL import Image
from safetensors.numpy import save_file

from facealign.errors import UserError
from facealign.faces import search
from facealign.geometry.face_cells import (
    NUMBERS,
    RARE,
    SIDES,
    STRIDES,
    USUAL,
    Faces,
    centres,
    read_cells,
)
from facealign.geometry.face_window import SIZE, even_out
from facealign.models.detector import Detector
from facealign.models.verifier import Verifier


def draw(rng, shape):
    values = rng.uniform(0.02, 0.3, shape)
    signs = rng.choice([-1, 1], shape) if len(shape) == 4 else 1
    return (values * signs).astype(np.float32)


MODULES = {"detector": (Detector(), 64), "verifier": (Verifier(), SIZE)}


@pytest.fixture(scope="module")
def nets():
    """Random variables, running statistics too."""
    rng, nets = np.random.default_rng(0), {}
    for role, (module, size) in MODULES.items():
        image = np.zeros((1, size, size, 1), np.float32)
        shapes = jax.eval_shape(lambda key, m=module, x=image: m.init(key, x, train=False),
                                jax.random.key(0))  # fmt: skip
        nets[role] = jax.tree.map(lambda leaf: draw(rng, leaf.shape), shapes)
    return nets


@pytest.fixture
def weights(nets, tmp_path):
    path = tmp_path / "detector.safetensors"
    save_file(traverse_util.flatten_dict(nets, sep="/"), path)
    return path


def test_numpy_says_what_flax_says(nets, weights):
    image = np.random.default_rng(1).uniform(-1, 1, (96, 64, 1)).astype(np.float32)
    wanted = Detector().apply(nets["detector"], image[None], train=False)[0]
    found = search.Detector(weights)._say(image)
    assert found.shape == (len(centres(96, 64)), NUMBERS)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


def test_numpy_verifies_as_flax_does(nets, weights):
    window = np.random.default_rng(2).uniform(-1, 1, (1, SIZE, SIZE, 1)).astype(np.float32)
    wanted = Verifier().apply(nets["verifier"], window, train=False)[0]
    found = search.Detector(weights)._verify._say(even_out(window)[0])
    np.testing.assert_allclose(found, wanted, rtol=1e-3)


def test_a_photo_has_the_faces_that_are_verified(weights, monkeypatch):
    """Of two finds the verifier knows one; the likeness is the mean of both."""
    detector, given = search.Detector(weights), faces((40, 40, 20, 0.7), (90, 40, 30, 0.9))
    monkeypatch.setattr(detector, "see", lambda _: given)
    monkeypatch.setattr(detector, "_verify", lambda _, found: 0.9 * (found.side == 20))
    found = detector(Image.new("L", (120, 80)))
    np.testing.assert_allclose(found.centre, [[40, 40]])
    np.testing.assert_allclose([*found.side, *found.likeness], [20, 0.8])


@pytest.mark.parametrize(
    ("sides", "missed"), [((), True), ((300,), False), ((300, 90), True), ((300, 100), False)]
)
def test_beside_small_faces_there_may_be_smaller_ones(sides, missed):
    """At half of its size, 90 px are 45, less than SMALL, and 100 px are not."""
    found = Faces(np.zeros((0, 2)), np.array(sides), np.zeros((0, 2)), np.zeros(0))
    assert search.may_miss(found, 0.5) is missed


def test_cells_by_hand():
    """64 x 32 px have 8 x 4 cells of 8 px, 4 x 2 of 16 and 2 x 1 of 32."""
    cells = centres(64, 32)
    assert len(cells) == 32 + 8 + 2
    np.testing.assert_array_equal(cells[[0, 1, 4]], [[3.5, 3.5, 8], [11.5, 3.5, 8], [3.5, 11.5, 8]])
    np.testing.assert_array_equal(cells[-1], [15.5, 47.5, 32])
    said = np.zeros((len(cells), NUMBERS), np.float32)
    said[:, 0] = -9
    said[-1] = [RARE + np.log(3), 0.5, -0.25, np.log(2), 0, -3]  # likeness 3/4
    (centre,), (side,), (up,), (likeness,) = read_cells(said, cells, 0.5)
    np.testing.assert_allclose(centre, [15.5 + 16, 47.5 - 8])
    np.testing.assert_allclose([side, likeness], [2 * USUAL * 32, 0.75], rtol=1e-6)
    np.testing.assert_allclose(up, [0, -1])


def test_every_size_has_a_level():
    """Each level begins where the one before has not ended; a photo again so small too."""
    for small, large in itertools.pairwise(STRIDES):
        assert SIDES[1] * small > SIDES[0] * large
    assert SIDES[1] * STRIDES[-1] > SIDES[0] * STRIDES[0] * search.AGAIN


def faces(*squares):
    x, y, side, likeness = np.array(squares, float).T
    up = np.tile([0.0, -1.0], (len(side), 1))
    return Faces(np.stack([x, y], axis=-1), side, up, likeness)


def test_one_find_a_face_and_the_largest_first():
    """Squares of 10 px that are 2 px apart have 8 / 12 in common, 6 px apart 4 / 16."""
    found = search.choose(
        faces((0, 0, 10, 0.6), (2, 0, 10, 0.9), (8, 0, 10, 0.7), (90, 0, 30, 0.5))
    )
    np.testing.assert_array_equal(found.centre[:, 0], [90, 2, 8])
    inside = search.choose(faces((0, 0, 30, 0.9), (2, 2, 10, 0.8)))
    np.testing.assert_array_equal(inside.side, [30])


def test_a_photo_of_any_size_is_searched(weights):
    for size in ((1, 1), (3, 70), (40, 33)):
        found = search.Detector(weights)(Image.new("L", size, 90))
        assert np.isfinite(found.centre).all()


def test_a_file_without_a_detector_is_refused(tmp_path):
    other = tmp_path / "x.safetensors"
    save_file({"matte/params/a": np.zeros(2)}, other)
    for path in (other, tmp_path / "none"):
        with pytest.raises(UserError, match="holds no detector"):
            search.Detector(path)


def test_the_box_of_a_face_by_hand():
    """The middle of a photo of 10 px is at 4.5; the square around it of 4 px is 3 to 7."""
    assert search.boxes_of(faces((4.5, 4.5, 4, 1), (9.5, 4.5, 20, 1))) == [
        (3, 3, 7, 7),
        (0, -5, 20, 15),
    ]


def test_faces_turn_with_their_photo():
    """A bright pixel at (2, 1) of 5 x 3 px, whose face looks up, as Pillow turns it."""
    photo = Image.new("L", (5, 3))
    photo.putpixel((2, 1), 255)
    photo.putpixel((2, 0), 200)  # above it
    found = faces((2, 1, 1, 1))
    ways = (None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    for quarters, way in enumerate(ways[1:], start=1):
        turned, lying = search.turned(found, photo.size, quarters), photo.transpose(way)
        (x, y), (up_x, up_y) = turned.centre[0].astype(int), turned.up[0].astype(int)
        assert lying.getpixel((int(x), int(y))) == 255
        assert lying.getpixel((int(x + up_x), int(y + up_y))) == 200
    again = search.turned(search.turned(found, photo.size, 1), (3, 5), 3)
    np.testing.assert_array_equal(again.centre, found.centre)
    np.testing.assert_array_equal(again.up, found.up)
