"""Networks of the table: sizes, shapes, parameter counts, and refused configs."""

import functools

import jax
import jax.numpy as jnp
import pytest

from configs import base
from facealign.errors import UserError
from facealign.models.table import MODELS, create_modules
from facealign.names import ROLES
from tests.shapes import shapes

# (parameters, running statistics) of the encoder and of a decoder, at 128 px.
# The report's counts: light 1,066,632 and 280,165; medium 4,366,608 and, with statistics,
# 4,366,928 = 4,365,936 + 992. Hourglass: a residual block of 64 channels has 13,632. The encoder
# has a stem (1,632), a block from 32 channels (14,592) and 9 blocks. The decoder has 19 blocks, for
# each stack a normalized layer (4,224) and a head (1,040), and a way into the next stack (5,120).
COUNTS = {
    "light": ((1_066_632, 8), (280_165, 0)),
    "medium": ((4_366_608, 2_016), (4_365_936, 992)),
    "hourglass": ((138_912, 2_560), (274_656, 5_120)),
    # Encoder: convolutions 1,076,000, batch normalization 960, dense layers 524,416 + 258.
    # Decoder: 421,280 on the way down, 851,968 on the way up, 1,024 for the filling, 4,039 for flow
    # and shares, batch normalization 1,408.
    "warp": ((1_601_634, 960), (1_279_719, 1_408)),
    # As medium, with 9 more input channels of a 5 x 5 layer with 256 outputs.
    "attribute": ((4_366_608, 2_016), (4_365_936 + 57_600, 992)),
    # Encoder: both networks of medium, and the finder: 241,120 down and 295,296 up with batch
    # normalization, heatmaps 78,404. Decoder: 145,536 down, 110,784 up, last layers 578.
    "ftgan": ((8_732_544 + 614_820, 4_096), (256_898, 640)),
}
CODES = {
    "light": (64,),
    "medium": (2, 2, 512),
    "hourglass": ((32, 32, 64), (16, 16, 64), (8, 8, 64), (4, 4, 64), (2, 2, 64)),
    "warp": {"image": (128, 128, 1), "pose": (2,)},
    "attribute": {"code": (2, 2, 512), "attribute": (9,)},
    "ftgan": {"image": (128, 128, 1), "coarse": (128, 128, 1),
              "seen": (32, 32, 68), "heatmaps": (32, 32, 68)},
}  # fmt: skip


def modules(size=128, **changes):
    config = base.get_config()
    config.model.update(changes)
    config.data.image_size = size
    return create_modules(config, ROLES)


@functools.cache
def trace(name, size=128, **changes):
    """Shapes of variables and outputs of the encoder and a decoder of a model, for two images."""
    roles = modules(size, name=name, **changes)
    image = jax.ShapeDtypeStruct((2, size, size, 1), jnp.float32)
    encoder, code = shapes(roles["encoder"], image)
    decoder, images = shapes(roles["decoder_r"], code)
    return encoder, code, decoder, images


def count(variables):
    return tuple(
        sum(leaf.size for leaf in jax.tree.leaves(variables.get(collection, {})))
        for collection in ("params", "batch_stats")
    )


def test_every_model_is_in_the_tables_of_this_file():
    assert set(COUNTS) == set(CODES) == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_parameter_counts(name):
    encoder, _, decoder, _ = trace(name)
    assert (count(encoder), count(decoder)) == COUNTS[name]


def test_the_medium_decoder_has_the_count_of_the_report_with_statistics():
    assert sum(COUNTS["medium"][1]) == 4_366_928


@pytest.mark.parametrize("name", MODELS)
def test_code_shapes(name):
    code = jax.tree.map(lambda leaf: leaf.shape[1:], trace(name)[1])
    assert code == CODES[name]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size", [128, 192])
def test_decoders_return_images_of_the_input_size(name, size):
    assert all(image.shape == (2, size, size, 1) for image in trace(name, size)[3])


def test_the_hourglass_returns_one_image_per_stack():
    assert [len(trace("hourglass", 128)[3]), len(trace("hourglass", 128, stacks=1)[3])] == [2, 1]


@pytest.mark.parametrize("name", MODELS)
def test_both_decoders_have_the_same_architecture(name):
    roles = modules(name=name)
    assert roles["decoder_u"] == roles["decoder_r"]


@pytest.mark.parametrize(("name", "size"), [
    ("light", 40), ("light", 0), ("medium", 32), ("medium", 96), ("hourglass", 32),
])  # fmt: skip
def test_a_wrong_image_size_is_refused(name, size):
    with pytest.raises(UserError, match=rf"image_size={size} does not fit.*{name}"):
        modules(size, name=name)


def test_an_hourglass_with_too_many_scales_is_refused():
    """At 64 px the first map is 16 px high, so it can be halved four times but not five times."""
    with pytest.raises(UserError):
        trace("hourglass", 64, scales=5)


def test_the_error_for_an_unknown_model_suggests_the_nearest():
    with pytest.raises(UserError, match="did you mean 'hourglass'"):
        modules(name="hourglas")


def test_an_hourglass_cannot_be_variational():
    with pytest.raises(UserError, match=r"kl_weight=0\.1.*hourglass"):
        modules(name="hourglass", kl_weight=0.1)


@pytest.mark.parametrize("name", ["light", "medium"])
def test_a_variational_code_has_the_shape_of_a_plain_one(name):
    encoder = modules(name=name, kl_weight=0.1)["encoder"]
    _, code = shapes(encoder, jax.ShapeDtypeStruct((2, 128, 128, 1), jnp.float32))
    assert code.shape[1:] == CODES[name]


def test_the_error_for_an_unknown_discriminator_suggests_the_nearest():
    config = base.get_config()
    config.discriminator.name = "faces"
    with pytest.raises(UserError, match="did you mean 'face'"):
        create_modules(config, ROLES)


@pytest.mark.parametrize("name", MODELS)
def test_models_make_images_in_colour_or_say_that_they_cannot(name):
    config = base.get_config()
    config.model.update(name=name, stacks=1)
    config.data.channels = 3
    if name in ("warp", "ftgan"):
        with pytest.raises(UserError, match=rf"channels=3.*'{name}' makes gray"):
            create_modules(config, ("decoder_r",))
        return
    roles = create_modules(config, ("encoder", "decoder_r"))
    _, code = shapes(roles["encoder"], jax.ShapeDtypeStruct((2, 128, 128, 3), jnp.float32))
    _, images = shapes(roles["decoder_r"], code)
    assert images[-1].shape == (2, 128, 128, 3)
