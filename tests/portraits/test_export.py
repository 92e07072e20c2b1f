"""Exported programs give the same numbers as JAX."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from etils import epath

from configs import base
from configs import completion as config_completion
from facealign.data.load import load_data, take
from facealign.errors import UserError
from facealign.models import convolutions
from facealign.portraits import export, programs
from facealign.portraits.programs import list_programs
from facealign.stages import create_stages
from facealign.training.saved_model import SavedModel
from facealign.training.state import create_networks, create_state


@pytest.fixture(scope="module")
def faces(data_dir):
    """Real ones. One of them shows the error that `resample._compute_once` prevents (0.02)."""
    data = base.get_config().data
    data.data_dir = data_dir
    return programs.read_crops(take(load_data(data, "test"), 4)["unrestricted"]["image"])


@pytest.fixture(scope="module")
def shipped(faces):
    """The programs of what comes with facealign, by name."""
    models = programs.load_shipped()
    return {each.name: each for model in models for each in list_programs(model, faces)}


@pytest.fixture(scope="module")
def completion(faces):
    """The program of a completion that was not trained."""
    config = config_completion.get_config()
    config.run = ("complete",)
    stages = create_stages(config)
    networks = create_networks(config, stages)
    state = create_state(networks, jax.random.key(0), 256, 3)
    (program,) = list_programs(SavedModel("some", config, stages, networks, state), faces)
    return program


def test_all_that_comes_with_facealign_is_exported(shipped):
    assert set(shipped) >= {"detector", "verifier", "reader", "matte", "frontalize"}
    assert shipped["reader"].outputs[:2] == ("landmarks", "spread")


def test_the_portable_model_gives_the_same_images(shipped):
    crops = shipped["frontalize"].inputs["crops"]
    function = shipped["frontalize"].function
    (ours,), (portable,) = (
        jax.jit(function)(crops),
        jax.jit(programs.make_portable(function))(crops),
    )
    np.testing.assert_allclose(portable, ours, atol=export.LARGEST_DIFFERENCE)


@pytest.mark.parametrize("name", ["detector", "verifier", "reader", "matte", "frontalize"])
def test_stablehlo_equals_jax_for_any_batch_size(name, shipped, tmp_path, monkeypatch):
    pytest.importorskip("flatbuffers")
    monkeypatch.setattr(export, "EXPORTS", {"stablehlo": export.export_stablehlo})
    ((path, difference),) = export.export([shipped[name]], epath.Path(tmp_path)).items()
    assert path.name == f"{name}.stablehlo" and path.stat().length < 40e6
    assert difference < export.LARGEST_DIFFERENCE


def needs_onnx():
    for name in ("onnx", "onnxruntime", "jax2onnx"):
        pytest.importorskip(name)


@pytest.mark.parametrize("name", ["detector", "verifier", "reader", "matte", "frontalize"])
def test_onnx_takes_any_batch_size(name, shipped, tmp_path):
    needs_onnx()
    import onnx

    path, program = epath.Path(tmp_path / "model.onnx"), shipped[name]
    run = export.export_onnx(program, path)
    assert path.stat().length < 40e6
    assert [each.version for each in onnx.load(path).opset_import if not each.domain] == [
        export.OPSET
    ]
    (photos,) = program.inputs.values()
    for two, all_ in zip(run(photos[:2]), run(photos), strict=True):
        np.testing.assert_allclose(two, all_[:2], atol=1e-4)


def test_a_completion_is_a_program_of_three_arrays(completion, tmp_path):
    needs_onnx()
    assert list(completion.inputs) == ["portraits", "maps", "yaw"]
    differences = export.export([completion], epath.Path(tmp_path))
    assert [path.name for path in differences] == ["completion.stablehlo", "completion.onnx"]
    assert max(differences.values()) < export.LARGEST_DIFFERENCE


def test_a_program_can_have_a_fixed_batch_size(shipped, tmp_path, monkeypatch):
    pytest.importorskip("flatbuffers")
    monkeypatch.setattr(export, "EXPORTS", {"stablehlo": export.export_stablehlo})
    folder = epath.Path(tmp_path)
    ((path, _),) = export.export([shipped["frontalize"]], folder, batch_size=3).items()
    program = jax.export.deserialize(bytearray(path.read_bytes()))
    assert program.in_avals[0].shape == (3, 128, 128, 1)


def test_half_a_frontalizer_is_no_program(faces):
    model = programs.load_shipped()[-1]
    half = model._replace(networks={"decoder_r": model.networks["decoder_r"]})
    with pytest.raises(UserError, match=r"has only decoder_r; detector or .* can be exported"):
        list_programs(half, faces)


def test_a_program_that_differs_from_jax_is_refused(shipped, tmp_path, monkeypatch):
    def wrong(program, path, batch_size):
        return lambda images: [images + 0.5]

    monkeypatch.setattr(export, "EXPORTS", {"wrong": wrong})
    with pytest.raises(UserError, match=r"frontalize\.wrong differs from JAX by up to"):
        export.export([shipped["frontalize"]], epath.Path(tmp_path))


def test_without_a_converter_stablehlo_is_written_and_a_line_says_why_onnx_is_not(
    tmp_path, monkeypatch
):
    pytest.importorskip("flatbuffers")
    monkeypatch.setitem(sys.modules, "jax2onnx", None)  # as if it were not installed
    images = {"images": np.ones((2, 3), np.float32)}
    double = programs.Program("double", lambda images: (2 * images,), images, ("doubled",))
    with pytest.raises(UserError, match=r"double\.onnx .*, 1 files were written\. Run: pip"):
        export.export([double], epath.Path(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["double.stablehlo"]


def test_portable_changes_convolutions_only_inside_the_context():
    """Outside, a program holds a form for each platform."""
    x, kernel = jnp.zeros((1, 8, 8, 2)), jnp.zeros((3, 3, 2, 2))

    def platforms() -> bool:
        return "platform_index" in str(jax.make_jaxpr(lambda x: convolutions.conv(x, kernel))(x))

    assert platforms()
    with convolutions.portable():
        assert not platforms()
    assert platforms()
