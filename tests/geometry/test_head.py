"""The head model: its file, its shape, points on its surface and normals."""

import jax
import numpy as np
import pytest

from facealign.errors import UserError
from facealign.geometry import generic_face, head
from facealign.paths import shipped
from tests.toy_head import EXPRESSION, create_toy_head, mesh_mirror, save_head


@pytest.fixture
def toy() -> head.HeadModel:
    return create_toy_head()


def test_the_toy_is_a_closed_symmetric_head(toy):
    a, b, c = toy.mean[toy.triangles].transpose(1, 0, 2)
    volume = (np.cross(c - a, b - a) * a).sum() / 6
    ideal = 4 / 3 * np.pi * 7 * 10 * 8.5
    assert 0.85 * ideal < volume < ideal
    np.testing.assert_allclose(toy.mean[toy.mirror], toy.mean * (-1, 1, 1), atol=1e-5)
    points = np.array(head.mesh_points(toy, toy.mean))
    np.testing.assert_allclose(points[mesh_mirror()], points * (-1, 1, 1), atol=5e-3)


def test_a_file_is_read_as_it_was_written(toy, tmp_path):
    save_head(toy, tmp_path / "head.safetensors")
    found = head.load_head(tmp_path / "head.safetensors")
    for name, array in toy._asdict().items():
        read = getattr(found, name)
        assert read.dtype == array.dtype, name
        np.testing.assert_allclose(read, array, rtol=1e-3, atol=1e-4)
    assert head.load_head(tmp_path / "head.safetensors") is found  # read once
    assert head.expression_names(tmp_path / "head.safetensors") == EXPRESSION


def test_parts_are_found_by_their_names(toy, tmp_path):
    save_head(toy, tmp_path / "head.safetensors", parts=("head", "face", *head.PARTS[2:]))
    part = head.load_head(tmp_path / "head.safetensors").part
    swapped = np.array([1, 0, 2], np.uint8)
    np.testing.assert_array_equal(part, swapped[toy.part])


@pytest.mark.parametrize(
    "fault",
    ["missing", "cut", "few", "vertex", "nan", "part"],
)
def test_a_damaged_file_is_one_line(toy, tmp_path, fault):
    path = tmp_path / "head.safetensors"
    if fault == "few":
        toy = toy._replace(expression=toy.expression[:1])
    if fault == "vertex":
        toy = toy._replace(triangles=toy.triangles + 1)
    if fault == "nan":
        toy = toy._replace(mean=toy.mean * np.nan)
    if fault == "part":
        toy = toy._replace(part=toy.part + np.uint8(10))
    if fault != "missing":
        save_head(toy, path)
    if fault == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="missing or damaged") as caught:
        head.load_head(path)
    assert "\n" not in str(caught.value)


def test_shape_by_hand(toy):
    """Two standard deviations of the cheeks add 40 % of x; half of "jawOpen" lowers by 1.25 cm."""
    found = np.array(head.shape(toy, np.array([2.0, 0.0]), np.array([0.5, 0.0])))
    x, y, z = toy.mean.T
    jaw = (y > 2) & (z > 2)
    expected = np.stack([np.where(y > 1, 1.4, 1) * x, y + 1.25 * jaw, z], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_shape_takes_leading_axes_and_fewer_coefficients(toy):
    identity = np.random.default_rng(0).normal(size=(3, 2, 1))
    expression = np.zeros((3, 2, 2))
    found = np.array(head.shape(toy, identity, expression))
    assert found.shape == (3, 2, 146, 3)
    one = head.shape(toy, np.array([identity[1, 0, 0], 0]), np.zeros(2))
    np.testing.assert_allclose(found[1, 0], one, atol=1e-5)


def test_points_on_the_surface_are_weighted_means(toy):
    vertices = np.array([[0, 1, 2]])
    points = np.array([[0.0, 0, 0], [4, 0, 0], [0, 8, 4]])
    found = head.on_surface(points, vertices, np.array([[0.5, 0.25, 0.25]]))
    np.testing.assert_allclose(found, [[1, 2, 1]])
    batch = np.stack([toy.mean, 2 * toy.mean])
    landmarks = np.array(head.landmarks68(toy, batch))
    assert landmarks.shape == (2, 68, 3)
    np.testing.assert_allclose(landmarks[1], 2 * landmarks[0], rtol=1e-5)
    own = head.mesh_points(toy, toy.mean)[generic_face.LANDMARKS]
    np.testing.assert_allclose(landmarks[0], own, rtol=1e-5)


def test_normals_by_hand():
    """A square that faces the camera, y down; its fifth vertex belongs to no triangle."""
    points = np.array([[0.0, 0, 0], [0, 1, 0], [1, 1, 0], [1, 0, 0], [5, 5, 5]])
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    expected = [[0, 0, 1]] * 4 + [[0, 0, 0]]
    np.testing.assert_allclose(head.normals(points, triangles), expected, atol=1e-6)
    tilted = points[:, [2, 1, 0]]  # in the plane x = 0, from z = 0 to z = 1
    expected = [[-1, 0, 0]] * 4 + [[0, 0, 0]]
    np.testing.assert_allclose(head.normals(tilted, triangles), expected, atol=1e-6)


def test_normals_point_outwards_in_batches(toy):
    batch = np.stack([toy.mean, toy.mean * (1, 2, 1)])
    found = np.array(jax.jit(lambda points: head.normals(points, toy.triangles))(batch))
    assert found.shape == batch.shape
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, rtol=1e-4)
    assert ((found * batch).sum(axis=-1) > 0).all()
    gradient = jax.grad(lambda points: head.normals(points, toy.triangles)[0].sum())(toy.mean)
    assert np.isfinite(gradient).all()


@pytest.mark.skipif(not shipped(head.WEIGHTS).exists(), reason="no head is shipped yet")
def test_the_head_that_is_shipped():
    assert shipped(head.WEIGHTS).stat().st_size <= 10e6
    model = head.load_head()
    assert len(head.expression_names()) == len(model.expression)
    np.testing.assert_allclose(model.mean[model.mirror], model.mean * (-1, 1, 1), atol=0.05)
    np.testing.assert_array_equal(model.part[model.mirror], model.part)
    for weights in (model.mesh_weights, model.landmark_weights):
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=2e-3)
    points = np.array(head.landmarks68(model, model.mean))
    assert points[8, 1] == points[:, 1].max()  # the chin is lowest
    assert points[30, 2] > points[36:48, 2].max()  # the nose tip is in front of the eyes
    assert 5 < np.linalg.norm(points[36:42].mean(0) - points[42:48].mean(0)) < 7.5  # cm
    skin = (model.part[model.triangles] == head.PARTS.index("face")).all(axis=1)
    towards = np.array(head.normals(model.mean, model.triangles[skin]))
    middle = np.isin(np.arange(len(model.mean)), model.landmarks[27:48])  # nose and eyes
    assert (towards[middle, 2] > 0).mean() > 0.9
