"""Reading heads: windows around boxes, cameras from landmarks."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from etils import epath
from PIL import Image

from configs import reader as configs_reader
from facealign.errors import UserError
from facealign.faces import reading
from facealign.geometry import camera as cameras
from facealign.geometry import frame, reader_window
from facealign.geometry import head as heads
from facealign.geometry.camera import Camera
from facealign.geometry.fit import Head
from facealign.models.apply import Network, init_network
from facealign.models.packed_weights import SHIPPED, save_weights
from facealign.models.reader import Reader


def test_the_first_window_is_around_the_box():
    """A box of 80 px: a window of 1.6 x 80 = 128 px, so without any scale."""
    matrix = reading.around_box((100, 60, 180, 140))
    np.testing.assert_allclose(matrix[:, :2], np.eye(2))
    np.testing.assert_allclose(frame.apply(matrix, [(139.5, 99.5)]), [(63.5, 63.5)])


def test_scale_and_shift_by_hand():
    points = np.array([(0.0, 0.0), (2.0, 0.0), (0.0, 2.0)])
    places = 3 * points + (5, -1)
    places[2] = (900, 900)  # has no weight
    scale, shift = reading._scale_and_shift(points, places, np.array([[1.0], [1.0], [0.0]]))
    np.testing.assert_allclose([scale, *shift], [3, 5, -1])


def test_the_camera_of_a_photo_comes_back_from_its_window():
    """What a perfect network would say of two heads, in windows with a roll of their own."""
    model = heads.load_head()
    angles = np.array([(20.0, 5.0, 30.0), (-50.0, 0.0, -120.0)])
    rotation = np.asarray(cameras.rotation_of(angles))
    true = Camera(rotation, np.array([6.0, 9.0], np.float32), np.array([(120, 90), (200, 310)]))
    matrices = reader_window.around(true)
    inside = cameras.transformed(true, matrices)
    shape = np.repeat(model.mean[None], 2, 0)
    pixels = np.asarray(cameras.project(heads.landmarks68(model, shape), inside))[..., :2]
    seen = {
        "pixels": pixels,
        "rotation": np.asarray(inside.rotation),
        "spread": np.full((2, 68), -3.0),
        "identity": np.zeros((2, 24)),
        "expression": np.zeros((2, 41)),
    }
    found = reading._camera(seen, matrices)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-3)
    np.testing.assert_allclose(found.scale, true.scale, rtol=1e-3)
    np.testing.assert_allclose(found.shift, true.shift, atol=0.1)


def reading_of(yaw):
    """A perfect reading of the mean head in a photo."""
    model = heads.load_head()
    rotation = np.asarray(cameras.rotation_of(np.array([[yaw, 0.0, 0.0]])))
    camera = Camera(rotation, np.array([5.0], np.float32), np.array([[150.0, 140.0]], np.float32))
    seen = cameras.project(heads.landmarks68(model, model.mean[None]), camera)[..., :2]
    head = Head(np.zeros((1, 24)), np.zeros((1, 41)), camera, np.zeros(1))
    return reading.Reading(head, np.asarray(seen), np.ones((1, 68)), np.array([yaw]))


def test_canonical_frames_are_those_of_five_points_and_of_profiles():
    front, side, between = (reading_of(yaw) for yaw in (10.0, 88.0, 60.0))
    five = frame.five_points(front.landmarks[0])
    np.testing.assert_allclose(reading.canonical_frame(front, 0), frame.from_five_points(five))
    eye, _, nose, mouth, _ = frame.five_points(side.landmarks[0])
    profile = frame.from_profile(eye, nose, mouth)
    np.testing.assert_allclose(reading.canonical_frame(side, 0), profile)
    left = reading_of(-88.0)
    _, eye, nose, _, mouth = frame.five_points(left.landmarks[0])
    profile = frame.from_profile(eye, nose, mouth)
    np.testing.assert_allclose(reading.canonical_frame(left, 0), profile)
    five = frame.five_points(between.landmarks[0])
    half = (frame.from_five_points(five) + frame.from_profile(*five[[0, 2, 3]])) / 2
    np.testing.assert_allclose(reading.canonical_frame(between, 0), half, rtol=1e-3, atol=1e-3)


def test_a_packed_reader_reads(tmp_path):
    """Untrained, but whole: everything that it says is finite, whatever the photo."""
    config, network = configs_reader.get_config(), Network(Reader(), optax.adam(1e-3))
    window = jnp.zeros((1, 128, 128, 3))
    net = jax.jit(lambda key: init_network(network, key, window))(jax.random.key(0))
    path = epath.Path(tmp_path / "reader.safetensors")
    save_weights(path, config, 7, {"reader": net})
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8))
    windows = [reading.around_box(box) for box in ((10, 10, 80, 80), (60, 20, 110, 70))]
    read = reading.read_heads(reading.load_reader(path), [photo, photo], windows)
    assert read.landmarks.shape == (2, 68, 2) and read.spread.min() > 0
    for array in (read.landmarks, *read.head.camera, read.head.error, read.head.identity):
        assert np.isfinite(array).all()


def test_weights_of_other_networks_are_refused():
    with pytest.raises(UserError, match="no reader"):
        reading.load_reader(SHIPPED)
