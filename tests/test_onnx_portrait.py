"""The script that makes portraits by exported programs: its pure functions, and its errors."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from etils import epath
from PIL import Image

from facealign.geometry import camera as cameras
from facealign.geometry import frame, rasterize, reader_window
from facealign.geometry import head as heads
from facealign.portraits.export import export_head

pytest.importorskip("onnxruntime")
ROOT = Path(__file__).parent.parent
spec = importlib.util.spec_from_file_location("onnx_portrait", ROOT / "docs" / "onnx_portrait.py")
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    path = epath.Path(tmp_path_factory.mktemp("programs")) / "head.npz"
    export_head(path)
    return script.load_head(path)


class Program:
    """A network that always says the same, and keeps what it was asked."""

    def __init__(self, *said):
        self.said, self.asked = said, None

    def run(self, names, inputs):
        self.asked = inputs
        return [np.float32(each)[None] for each in self.said]


def some_cameras():
    """The same camera for the script and for facealign."""
    rotation = np.asarray(cameras.rotation_of(np.array([25.0, -10.0, 5.0])))
    ours = cameras.Camera(rotation, np.float32(7), np.float32([64, 60]))
    return script.Camera(rotation, 7, 64 + 60j), ours


def make_programs(head, spread=-4.0, marks=None):
    """A reader that sees a head in the middle of its window, a matte, and a completion.

    The head is the mean one, but for its landmarks [68, 3], if they are given.
    """
    scale = script.SEEN / 22
    ahead = script.Camera(np.eye(3), scale, (script.SEEN - 1) * script.HALF)
    (middle,), _ = ahead.project([[0, 1.8, 9.5]])
    places, _ = ahead.project(head.points[0, -68:] if marks is None else marks)
    places += ahead.shift - middle
    marks = (np.stack([places.real, places.imag], axis=1) + 0.5) * 2 / script.SEEN - 1
    coefficients = [np.zeros(count) for count in head.modes]
    reader = Program(marks, np.full(68, spread), np.eye(3), *coefficients)
    completion = Program(np.full((script.GRID, script.GRID, 3), 0.1))
    detector = Program(
        [(0.9, 262 / 512, 262 / 512, 0.375, 0, -1)]
    )  # 96 of 240 px, around (123, 123)
    return {
        "detector": detector,
        "reader": reader,
        "matte": Program(np.ones((128, 128))),
        "completion": completion,
    }


def test_the_head_is_what_facealign_reads(head):
    model = heads.load_head()
    np.testing.assert_array_equal(head.triangles, model.triangles)
    np.testing.assert_array_equal(head.points[0, :-68], model.mean)
    first = heads.shape(model, np.eye(len(model.identity))[0], np.zeros(len(model.expression)))
    marks = heads.landmarks68(model, np.asarray(first))
    np.testing.assert_allclose(head.points[:2, -68:].sum(axis=0), marks, atol=1e-4)
    assert len(head.points) == 1 + head.modes.sum()


def test_cameras_project_as_those_of_facealign():
    own, ours = some_cameras()
    points = np.random.default_rng(0).normal(0, 6, (20, 3)).astype(np.float32)
    places, depth = own.project(points)
    found = np.stack([places.real, places.imag, depth], axis=1)
    np.testing.assert_allclose(found, cameras.project(points, ours), atol=1e-4)


def test_windows_are_those_of_facealign():
    own, ours = some_cameras()
    turn, shift, said = script.ask(Program(5.0), Image.new("RGB", (200, 150)), own, 22)
    assert said == 5
    places = np.array([(0.0, 0.0), (30, 80)])
    found = turn * (places @ (1, 1j)) + shift
    expected = frame.apply(reader_window.around(ours), places) @ (1, 1j)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_one_triangle_by_hand():
    """Corners at (2, 1), (2, 5) and (6, 1), which is the outside; (3, 2) is half of the first."""
    places, depth = np.array([2 + 1j, 2 + 5j, 6 + 1j]), np.array([0.0, 4, 8])
    triangle, shares, found = script.draw(places, depth, np.array([[0, 1, 2]]))
    rows, columns = np.nonzero(triangle == 0)
    expected = [(row, column) for row in range(1, 6) for column in range(2, 8 - row)]
    assert list(zip(rows, columns, strict=True)) == expected
    np.testing.assert_allclose(shares[2, 3], (0.5, 0.25, 0.25))
    assert found[2, 3] == 3 and np.isinf(found[0, 0])


def test_the_nearest_triangle_is_drawn_and_no_inside():
    places = np.array([2 + 1j, 2 + 5j, 6 + 1j] * 3)
    depth = np.repeat([1.0, 2, 9], 3)
    triangles = np.array([[3, 4, 5], [0, 1, 2], [6, 8, 7]])
    triangle, _, found = script.draw(places, depth, triangles)
    assert triangle[2, 3] == 0 and found[2, 3] == 2


def test_a_head_is_drawn_as_by_facealign(head):
    size, model = script.GRID, heads.load_head()
    own, ours = some_cameras()
    triangle, _, depth = script.draw(*own.project(model.mean), head.triangles)
    projected = np.asarray(cameras.project(model.mean, ours))
    drawn = rasterize.draw_triangles(projected, model.triangles, (size, size))
    assert (triangle == drawn.triangle).mean() > 0.999
    both = (triangle >= 0) & (drawn.triangle >= 0)
    np.testing.assert_allclose(depth[both], drawn.depth[both], atol=0.1)


def test_a_sample_between_four_pixels_and_beyond_the_border():
    image = np.array([[0.0, 10], [20, 30]])[..., None]
    found = script.sample(image, np.array([0.5 + 0.5j, 0.25, -5 - 5j, 1 + 9j]))[:, 0]
    np.testing.assert_allclose(found, (15, 2.5, 0, 30))


def test_known_values_stay_and_holes_are_filled():
    values = np.random.default_rng(0).uniform(0, 255, (64, 64, 3))
    weights = np.ones((64, 64))
    weights[10:20, 5:25], values[10:20, 5:25] = 0, 1e6  # says nothing
    filled = script.fill(values, weights)
    np.testing.assert_allclose(filled[weights == 1], values[weights == 1])
    assert 0 < filled[weights == 0].min() and filled[weights == 0].max() < 255


def test_a_constant_stays_constant_if_it_is_smoothed():
    np.testing.assert_allclose(script.blur(np.full((32, 32, 2), 7.0), 3), 7)


def test_the_window_is_what_the_photo_fills():
    held = np.ones((script.GRID, script.GRID))
    assert script.choose_window(held) == (0, 0, script.GRID)
    held[:, :40] = 0
    left, top, side = script.choose_window(held)
    assert 38 <= left <= 44 and abs(2 * left + side - script.GRID) <= 2
    assert top <= 76 and top + side >= 198  # brows and chin


def test_a_head_that_looks_ahead_is_read_as_it_stands(head):
    reader = make_programs(head)["reader"]
    start = script.Camera(np.eye(3), 6.0, 90 + 80j)
    camera, points, _ = script.read(reader, Image.new("RGB", (200, 200)), start, head)
    np.testing.assert_allclose(camera.rotation, np.eye(3), atol=1e-4)
    np.testing.assert_allclose((camera.scale, camera.shift), (6, 90 + 80j), rtol=1e-4)
    np.testing.assert_allclose(points, head.points[0], atol=1e-3)


def test_a_head_is_fitted_to_its_landmarks(head):
    """The reader sees an open mouth, but says that it is closed."""
    jaw = int(head.modes[0]) + heads.expression_names().index("jawOpen")
    marks = head.points[0, -68:] + 0.8 * head.points[1 + jaw, -68:]
    reader = make_programs(head, marks=marks)["reader"]
    start = script.Camera(np.eye(3), 6.0, 90 + 80j)
    _, points, _ = script.read(reader, Image.new("RGB", (200, 200)), start, head)
    gaps = [abs(each[-68 + 66, 1] - each[-68 + 62, 1]) for each in (head.points[0], marks, points)]
    closed, wanted, found = gaps  # cm between the lips
    assert wanted - closed > 1 and abs(found - wanted) < 0.3


def test_a_head_that_looks_ahead_keeps_its_photo(head):
    """Red grows by one a px to the right, so its slope says how much the photo is enlarged."""
    red = np.tile(np.arange(240, dtype=np.uint8), (240, 1))
    photo, programs = Image.fromarray(np.stack([red] * 3, axis=-1)), make_programs(head)
    image = np.asarray(script.make_portrait(photo, programs, head, 128))
    assert image.shape == (128, 128, 3)
    slopes = np.diff(image[..., 0].astype(float), axis=1)
    held = 33 * 1.6 * 96 / 22  # px of the photo across the frame
    assert abs(slopes[40:90, 30:100].mean() - held / 128) < 0.1
    shapes = {name: array.shape for name, array in programs["completion"].asked.items()}
    assert shapes == {"portraits": (1, 256, 256, 3), "maps": (1, 128, 128, 7), "yaw": (1,)}


def test_the_largest_likely_face_is_found():
    """A photo of 240 x 120 px is seen twice as large, 16 px away from the corner of 512."""
    small, large, unlikely = (0.9, 0.1, 0.1, 0.1), (0.7, 0.5, 136 / 512, 120 / 512), (0.5, 0, 0, 1)
    detector = Program([(*face, 0, -1) for face in (small, large, unlikely)])
    middle, side = script.find(detector, Image.new("RGB", (240, 120)))
    np.testing.assert_allclose([middle, side], [120 + 60j, 60])
    assert detector.asked["photos"].shape == (1, 512, 512, 1)


def test_a_photo_without_a_face_is_one_line():
    with pytest.raises(SystemExit, match="no face was found"):
        programs = {"detector": Program([[0.3, 100, 100, 80, 0, -1]])}
        script.make_portrait(Image.new("RGB", (200, 100)), programs, None, 128)


def test_a_covered_face_is_one_line(head):
    with pytest.raises(SystemExit, match="the face is covered") as error:
        programs = make_programs(head, spread=-1.0)
        script.make_portrait(Image.new("RGB", (200, 200)), programs, head, 128)
    assert "\n" not in error.value.code


def test_a_missing_file_is_one_line(tmp_path, monkeypatch):
    flags = [f"--programs={tmp_path}"]
    photo = str(tmp_path / "none.jpg")
    monkeypatch.setattr("sys.argv", ["script", photo, str(tmp_path / "out.png"), *flags])
    with pytest.raises(SystemExit, match=r"No such file or directory: .*none\.jpg") as error:
        script.main()
    assert "\n" not in error.value.code
