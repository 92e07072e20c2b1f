"""Convolutions, train steps and programs to export lower for GPU and TPU on a machine without.

Nothing is computed: arguments are shapes. The form of a convolution is that of the platform that a
program is lowered for, whatever the machine.
"""

import importlib
import itertools
from functools import partial
from pathlib import Path

import jax
import jax.export
import jax.numpy as jnp
import pytest
from jax import lax

from facealign.data.rotated_pairs import PITCHES, YAWS
from facealign.geometry.frame import SIZE
from facealign.geometry.views import ViewBank
from facealign.models import convolutions, onednn
from facealign.models.convolution_choice import VARIABLE
from facealign.models.packed_weights import KEPT
from facealign.models.table import MODELS
from facealign.names import DOMAINS
from facealign.parallel.sharding import create_mesh
from facealign.portraits.export import PLATFORMS
from facealign.portraits.programs import make_frontal, make_portable
from facealign.stages import OBJECTIVES, create_stages
from facealign.training.experiment import create_compiled_step
from facealign.training.saved_model import SavedModel
from facealign.training.state import create_networks, create_state
from tests.shapes import head_labels

FOLDER = Path(__file__).parent.parent.parent / "configs"
CONFIGS = [path.stem for path in sorted(FOLDER.glob("[!_]*.py")) if path.stem != "base"]
CONFIGS += ["polygons_light:faithful", "medium_gan:faithful", "medium_gan:lfw", "medium_gan:code"]
CONFIGS += ["frontalize:medium", "frontalize:identity"]
SMALL, BATCH = 64, 2  # px, the least for most networks; images of each domain
ACCELERATORS = ("cuda", "tpu")


def load(name):
    """A config by its name, with small images and batches, and one stack of an hourglass."""
    file, _, variant = name.partition(":")
    config = importlib.import_module(f"configs.{file}").get_config(*filter(None, [variant]))
    config.data.batch_size, config.model.stacks = BATCH, 1
    if not set(config.run) & {"read", "cut_out", "detect", "complete"}:  # which have one size
        config.data.image_size = SMALL
    config.mesh.data = 1
    return config


def different_steps():
    """(config, number of a stage), without steps that an earlier config has too."""
    found = {}
    for name in CONFIGS:
        config = load(name)
        parts = config.model, config.discriminator, config.augment, config.optimizer
        for number, stage in enumerate(create_stages(config)):
            step = stage._replace(name="", start=0, steps=0, learning_rate=0)
            found.setdefault(repr((step, *(part.to_dict() for part in parts))), (name, number))
    return list(found.values())


def shape(*dims, dtype="float32"):
    return jax.ShapeDtypeStruct(dims, dtype)


def shape_of(array):
    return array.shape, str(array.dtype)


def resident(stage):
    """What stays on the device: for some objectives, the bank of views."""
    if not OBJECTIVES[stage.objective].rotated:
        return {}
    k = len(YAWS) * len(PITCHES)
    turn, head = shape(k, SIZE, SIZE, 2, dtype="int16"), shape(k, SIZE, SIZE, dtype="bool")
    return {"views": ViewBank(shape(k, 3), turn, None, None, None, head)}


def raw_batch(data):
    size = data.image_size
    batch = {d: shape(BATCH, size, size, data.channels, dtype="uint8") for d in DOMAINS}
    batch |= head_labels(BATCH)
    batch |= {f"yaw_{domain}": shape(BATCH) for domain in DOMAINS}
    return batch | {f"subject_{domain}": shape(BATCH, dtype="int32") for domain in DOMAINS}


def lower_step(config, number, platforms=ACCELERATORS):
    """The text of the train step of a stage, for some platforms."""
    stages, key, data = create_stages(config), jax.random.key(0), config.data
    networks = create_networks(config, stages, stages[number])
    state = jax.eval_shape(lambda: create_state(networks, key, data.image_size, data.channels))
    step = create_compiled_step(config, create_mesh(config), networks, stages[number], key)
    arguments = state, resident(stages[number]), [raw_batch(data)]
    exported = jax.export.export(step, platforms=platforms)(*arguments)
    assert exported.platforms == tuple(platforms)
    new, metrics = jax.tree.unflatten(exported.out_tree, exported.out_avals)
    assert jax.tree.map(shape_of, new) == jax.tree.map(shape_of, state) and "loss" in metrics
    return exported.mlir_module()


FAULT = onednn.find_fault()
needs_onednn = pytest.mark.skipif(bool(FAULT), reason=FAULT)
OURS = ["own", *([] if FAULT else ["onednn"])]


@pytest.fixture
def fastest(monkeypatch):
    """This machine takes oneDNN where it can, although the tests have several devices."""
    monkeypatch.setenv(VARIABLE, OURS[-1])


@pytest.mark.parametrize(("name", "number"), different_steps())
def test_every_step_lowers_for_accelerators_and_calls_nothing_of_this_machine(
    name, number, fastest
):
    text = lower_step(load(name), number)
    assert "stablehlo.convolution" in text and onednn.TARGET not in text


@pytest.mark.parametrize("platform", ACCELERATORS)
def test_a_step_for_accelerators_does_not_depend_on_the_library_for_cpus(platform, monkeypatch):
    def lower(library):
        monkeypatch.setenv(VARIABLE, library)
        return lower_step(load("polygons_light"), 0, [platform])

    assert len({lower(library) for library in ("lax", *OURS)}) == 1


@needs_onednn
def test_a_step_for_this_machine_calls_onednn_and_is_refused_as_a_file(fastest):
    """So the tests above would find such a call."""
    with pytest.raises(ValueError, match=onednn.TARGET):
        lower_step(load("polygons_light"), 0, ["cpu"])


@pytest.mark.parametrize("name", MODELS)
def test_every_program_to_export_lowers_for_all_platforms(name, fastest):
    """For any number of photos; with the same convolutions on every platform."""
    config = load("medium_reconstruction")
    config.model.name = name
    stages, (count,) = create_stages(config), jax.export.symbolic_shape("b")
    networks = create_networks(config, stages, roles=KEPT)
    state = jax.eval_shape(lambda: create_state(networks, jax.random.key(0), SMALL))

    def frontal(state, images):
        model = SavedModel(name, config, stages, networks, state)
        return make_portable(make_frontal(model))(images)[0]

    crops = shape(count, SMALL, SMALL, 1)
    exported = jax.export.export(jax.jit(frontal), platforms=PLATFORMS)(state, crops)
    assert exported.platforms == PLATFORMS and exported.out_avals[0].shape == crops.shape
    text = exported.mlir_module()
    assert "stablehlo.convolution" in text and onednn.TARGET not in text


# One convolution, on a CPU by Winograd's algorithm ------------------------------------------------

SHAPES = (3, 32, 32, 64), (4, 4, 64, 128)
LAYOUT = {"padding": "SAME", "dimension_numbers": ("NHWC", "HWIO", "NHWC")}
CONVOLUTIONS = {  # facealign's and XLA's
    "conv": (
        convolutions.conv,
        lambda x, k, stride: lax.conv_general_dilated(x, k, (stride, stride), **LAYOUT),
    ),
    "conv_transpose": (
        convolutions.conv_transpose,
        lambda x, k, stride: lax.conv_transpose(x, k, (stride, stride), **LAYOUT),
    ),
}


def value(function):
    return lambda x, kernel: function(x, kernel)  # a new function, which JAX has not traced before


def gradients(function):
    return jax.grad(lambda *args: jnp.square(function(*args)).sum(), (0, 1))


def penalty(function):
    """The gradient of a gradient penalty, as in R1, in the kernel."""

    def size(x, kernel):
        gradient = jax.grad(lambda x: jnp.tanh(function(x, kernel)).sum())(x)
        return jnp.square(gradient).sum()

    return jax.grad(size, 1)


def lower(program, platform):
    """Its text, and how many convolutions of XLA it has."""
    shapes = [shape(*dims) for dims in SHAPES]
    text = jax.export.export(jax.jit(program), platforms=[platform])(*shapes).mlir_module()
    return text, text.count("stablehlo.convolution")


@pytest.mark.parametrize("library", OURS)
@pytest.mark.parametrize("use", [value, gradients, penalty])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_accelerators_take_as_many_convolutions_as_plain_xla(library, use, name, monkeypatch):
    monkeypatch.setenv(VARIABLE, library)
    for stride, platform in itertools.product((1, 2), ACCELERATORS):
        ours, plain = (use(partial(each, stride=stride)) for each in CONVOLUTIONS[name])
        text, count = lower(ours, platform)
        assert count == lower(plain, platform)[1] > 0
        assert "custom_call" not in text


@pytest.mark.parametrize(("use", "functions"), [(value, 1), (gradients, 3), (penalty, 5)])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_cpu_takes_a_convolution_for_each_of_winograd_s_points(use, functions, name, monkeypatch):
    """For 4 rows of a kernel of 4, these are 7."""
    monkeypatch.setenv(VARIABLE, "own")
    assert lower(use(partial(CONVOLUTIONS[name][0], stride=1)), "cpu")[1] == 7 * functions


@needs_onednn
def test_only_a_cpu_calls_onednn(fastest):
    """For each point, with no convolution of XLA beside."""
    traced = jax.jit(value(convolutions.conv)).trace(*(shape(*dims) for dims in SHAPES))

    def count(platform):
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        return text.count(f"@{onednn.TARGET}("), text.count("stablehlo.convolution")

    assert [count(platform) for platform in ("cpu", *ACCELERATORS)] == [(7, 0), (0, 1), (0, 1)]
