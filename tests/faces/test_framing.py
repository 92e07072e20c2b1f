"""From a box to the canonical crop: with toy networks, and with the network of facealign."""

import numpy as np
import pytest
from PIL import Image

from facealign.data.datasets import orl_faces
from facealign.errors import UserError
from facealign.faces import framing
from facealign.faces.numpy_cnn import Layer
from facealign.geometry import frame

BOX = (60, 50, 150, 140)


def constant_layers(*numbers):
    """Layers with the same output for every window."""
    kernel = np.zeros((framing.SIDE, framing.SIDE, 1, 4), np.float32)
    return [Layer(kernel, np.array(numbers, np.float32))]


def test_without_corrections_the_crop_is_centred_on_the_box():
    matrix = framing.find_frame(constant_layers(0, 0, 0, 0), Image.new("L", (200, 200)), BOX)
    middle = frame.apply(matrix, np.array([[104.5, 94.5]]))
    np.testing.assert_allclose(middle, [[63.5, 63.5]])
    seen = framing.WINDOW * 90 * frame.SIZE / (frame.SIZE + 2 * framing.MARGIN)
    assert frame.side_in_photo(matrix) == pytest.approx(seen)


def test_corrections_are_applied_at_every_look():
    photo = Image.new("L", (200, 200))
    still = framing.find_frame(constant_layers(0, 0, 0, 0), photo, BOX)
    moved = framing.find_frame(constant_layers(0, 0, 0.1, -0.2), photo, BOX)
    half = frame.SIZE / 2 + framing.MARGIN  # px of the crop from the middle to a side
    shift = framing.LOOKS * half * np.array([0.1, -0.2])
    np.testing.assert_allclose(moved - still, np.column_stack([np.zeros((2, 2)), shift]), atol=1e-4)
    larger = framing.find_frame(constant_layers(0.1, 0, 0, 0), photo, BOX)
    ratio = frame.side_in_photo(still) / frame.side_in_photo(larger)
    assert ratio == pytest.approx(1.1**framing.LOOKS, rel=1e-5)
    rotated = framing.find_frame(constant_layers(0, 1, 0, 0), photo, BOX)  # 45 degrees clockwise
    angle = np.degrees(np.arctan2(rotated[1, 0], rotated[0, 0]))
    assert angle == pytest.approx(45 * framing.LOOKS, abs=1e-3)


def test_the_crop_follows_shift_scale_and_rotation_of_the_face():
    """The face at another position, scale and rotation gives the same crop."""
    layers = framing.load_framing()
    with Image.open(orl_faces.photo_folder() / "s1/1.pgm") as face:
        photo = Image.new("L", (200, 200), 80)
        photo.paste(face, (54, 44))
    box = (62, 60, 138, 136)
    first = framing.find_frame(layers, photo, box)
    factor = 1.4 * np.exp(1j * np.radians(14))
    move = np.array([[factor.real, -factor.imag, 30.0], [factor.imag, factor.real, -40.0]])
    other = frame.crop(photo, move, 300)[:, :, 0]
    left, top = frame.apply(move, np.array([[100.0, 98.0]]))[0] - 53 + (8, -6)
    second = framing.find_frame(
        layers, Image.fromarray(other), (*np.rint([left, top, left + 106, top + 106]).astype(int),)
    )
    there = frame.apply(frame.invert(first), frame.FIVE_POINTS)
    again = frame.apply(frame.compose(second, move), there)
    assert np.linalg.norm(again - frame.FIVE_POINTS, axis=1).mean() < 4


def test_the_error_names_damaged_weights(tmp_path, monkeypatch):
    (tmp_path / "weights.safetensors").write_bytes(b"hello")
    monkeypatch.setattr(framing, "WEIGHTS", str(tmp_path / "weights.safetensors"))
    with pytest.raises(UserError, match=r"weights\.safetensors is missing or damaged"):
        framing.load_framing()
