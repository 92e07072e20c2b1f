"""Networks of the table: sizes, shapes, parameter counts, and what is refused."""

import functools

import jax
import jax.numpy as jnp
import pytest

from configs import base
from facealign.errors import UserError
from facealign.models.table import MODELS, create_modules
from facealign.names import ROLES
from tests.shapes import shapes

# Trainable parameters and running statistics at 128 px, of the encoder and of a decoder.
# The report's counts: light 1,066,632 and 280,165; medium 4,366,608 and, statistics included,
# 4,366,928 = 4,365,936 + 992. Hourglass: 13,632 a residual block of 64 channels, of which the
# encoder has 9, and one from 32 channels (14,592) after its stem (1,632); the decoder has 19, a
# normalized layer (4,224) and a head (1,040) a stack, and one way back into the next stack (5,120).
COUNTS = {
    "light": ((1_066_632, 8), (280_165, 0)),
    "medium": ((4_366_608, 2_016), (4_365_936, 992)),
    "hourglass": ((138_912, 2_560), (274_656, 5_120)),
    # Encoder: convolutions 1,076,000, their normalization 960, dense layers 524,416 + 258.
    # Decoder: 421,280 on the way down, 851,968 up, 1,024 for the filling, 4,039 for flow and
    # shares; normalization 1,408.
    "warp": ((1_601_634, 960), (1_279_719, 1_408)),
    # Medium's, and 9 channels more into a layer of 5 x 5 px to 256.
    "attribute": ((4_366_608, 2_016), (4_365_936 + 57_600, 992)),
    # Encoder: medium's both, and what finds landmarks: 241,120 down and 295,296 up, with their
    # normalization, and heatmaps 78,404. Decoder: 145,536 down, 110,784 up, 578 at its end.
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
    """Shapes of variables and outputs of a model's encoder and decoder, for two images."""
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


def test_every_model_has_its_counts_and_its_code_in_the_tables():
    assert set(COUNTS) == set(CODES) == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_parameter_counts(name):
    encoder, _, decoder, _ = trace(name)
    assert (count(encoder), count(decoder)) == COUNTS[name]


def test_the_medium_decoder_has_the_count_of_the_report_with_its_statistics():
    assert sum(COUNTS["medium"][1]) == 4_366_928


@pytest.mark.parametrize("name", MODELS)
def test_code_shapes(name):
    code = jax.tree.map(lambda leaf: leaf.shape[1:], trace(name)[1])
    assert code == CODES[name]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size", [128, 192])
def test_decoders_give_back_the_size_of_the_image(name, size):
    assert all(image.shape == (2, size, size, 1) for image in trace(name, size)[3])


def test_the_hourglass_gives_one_image_a_stack():
    assert [len(trace("hourglass", 128)[3]), len(trace("hourglass", 128, stacks=1)[3])] == [2, 1]


@pytest.mark.parametrize("name", MODELS)
def test_both_decoders_have_one_architecture(name):
    roles = modules(name=name)
    assert roles["decoder_u"] == roles["decoder_r"]


@pytest.mark.parametrize(("name", "size"), [
    ("light", 40), ("light", 0), ("medium", 32), ("medium", 96), ("hourglass", 32),
])  # fmt: skip
def test_an_image_size_that_cannot_be_halved_often_enough_is_refused(name, size):
    with pytest.raises(UserError, match=rf"image_size={size} does not fit.*{name}"):
        modules(size, name=name)


def test_an_hourglass_of_more_scales_than_the_image_allows_is_refused():
    """At 64 px the first map is 16 px high: four halvings and no fifth."""
    with pytest.raises(UserError):
        trace("hourglass", 64, scales=5)


def test_an_unknown_model_names_the_nearest():
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


def test_an_unknown_discriminator_names_the_nearest():
    config = base.get_config()
    config.discriminator.name = "faces"
    with pytest.raises(UserError, match="did you mean 'face'"):
        create_modules(config, ROLES)
