"""Exported programs give the same images as JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from etils import epath

from configs import base
from facealign.data.load import load_data, take
from facealign.errors import UserError
from facealign.images import to_float
from facealign.models import convolutions
from facealign.portraits import export
from facealign.portraits.methods import load_frontalizer


@pytest.fixture(scope="module")
def photos(data_dir):
    """Real photos. One of them shows the error that `resample._compute_once` prevents (0.02)."""
    data = base.get_config().data
    data.data_dir = data_dir
    return np.asarray(to_float(take(load_data(data, "test"), 16)["unrestricted"]["image"]))


def test_the_portable_model_gives_the_same_images(photos):
    model = load_frontalizer()
    ours, portable = (
        jax.jit(make(model))(photos) for make in (export.make_frontal, export.make_portable)
    )
    np.testing.assert_allclose(portable, ours, atol=export.LARGEST_DIFFERENCE)


def test_stablehlo_equals_the_model_for_any_batch_size(photos, tmp_path, monkeypatch):
    pytest.importorskip("flatbuffers")
    monkeypatch.setattr(export, "EXPORTS", {"stablehlo": export.export_stablehlo})
    model = load_frontalizer()
    ((path, difference),) = export.export(model, epath.Path(tmp_path), photos).items()
    assert path.name == "facealign.stablehlo" and path.stat().length < 40e6
    assert difference < export.LARGEST_DIFFERENCE


def test_onnx_takes_any_batch_size(photos, tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("jax2onnx")
    path = epath.Path(tmp_path / "model.onnx")
    program = export.export_onnx(load_frontalizer(), path)
    assert path.stat().length < 40e6
    assert [each.version for each in onnx.load(path).opset_import if not each.domain] == [
        export.OPSET
    ]
    two = program(photos[:2])
    np.testing.assert_allclose(two, program(photos)[:2], atol=1e-5)


def test_a_program_can_have_a_fixed_batch_size(photos, tmp_path, monkeypatch):
    pytest.importorskip("flatbuffers")
    monkeypatch.setattr(export, "EXPORTS", {"stablehlo": export.export_stablehlo})
    model = load_frontalizer()
    ((path, _),) = export.export(model, epath.Path(tmp_path), photos[:4], batch_size=2).items()
    program = jax.export.deserialize(bytearray(path.read_bytes()))
    assert program.in_avals[0].shape == (2, 128, 128, 1)


def test_a_program_that_differs_from_jax_is_refused(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(
        export, "EXPORTS", {"wrong": lambda model, path, batch_size: lambda images: images + 0.5}
    )
    with pytest.raises(UserError, match=r"facealign\.wrong differs from JAX by up to"):
        export.export(load_frontalizer(), epath.Path(tmp_path), photos[:2])


def test_portable_changes_convolutions_only_inside_the_context():
    """Outside, a program holds a form for each platform."""
    x, kernel = jnp.zeros((1, 8, 8, 2)), jnp.zeros((3, 3, 2, 2))

    def platforms() -> bool:
        return "platform_index" in str(jax.make_jaxpr(lambda x: convolutions.conv(x, kernel))(x))

    assert platforms()
    with convolutions.portable():
        assert not platforms()
    assert platforms()
