"""Networks: sizes, shapes, ranges, and what each output depends on."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import base
from facealign.errors import UserError
from facealign.models.attribute import BINS, attribute_of
from facealign.models.attribute import Critic as AttributeCritic
from facealign.models.critics import PARTS, FaceCritic
from facealign.models.discriminator import Discriminator
from facealign.models.light import Decoder as LightDecoder
from facealign.models.light import Encoder as LightEncoder
from facealign.models.output import OUTPUTS, to_image
from facealign.models.recognizer import Recognizer
from facealign.models.table import MODELS, create_modules
from facealign.models.variational import VariationalHead, kl_divergence
from facealign.names import ROLES

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


def shapes(module, x):
    """Shapes of the variables and of the output in use; nothing is computed."""

    def run(x):
        variables = module.init(jax.random.key(0), x, train=False)
        return variables, module.apply(variables, x, train=False)

    return jax.eval_shape(run, x)


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


def test_an_unknown_output_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'sigmoid'"):
        to_image(jnp.zeros(1), "sigmod")


def test_an_hourglass_cannot_be_variational():
    with pytest.raises(UserError, match=r"kl_weight=0\.1.*hourglass"):
        modules(name="hourglass", kl_weight=0.1)


@pytest.mark.parametrize("name", ["light", "medium"])
def test_a_variational_code_has_the_shape_of_a_plain_one(name):
    encoder = modules(name=name, kl_weight=0.1)["encoder"]
    _, code = shapes(encoder, jax.ShapeDtypeStruct((2, 128, 128, 1), jnp.float32))
    assert code.shape[1:] == CODES[name]


@pytest.mark.parametrize("output", OUTPUTS)
def test_outputs_rise_from_black_to_white(output):
    values = to_image(jnp.array([-100.0, -1, 0, 0.5, 100]), output)
    assert np.all(np.diff(values) >= 0)
    assert values[0] == -1 and values[-1] >= 1
    assert output == "relu" or values[-1] == 1  # the report's ReLU has no upper end


def test_the_middle_of_tanh_and_sigmoid_is_gray_and_of_relu_black():
    middles = {output: float(to_image(jnp.zeros(()), output)) for output in OUTPUTS}
    assert middles == {"tanh": 0, "sigmoid": 0, "relu": -1}


def test_the_light_decoder_stays_in_range_for_huge_codes():
    decoder, code = LightDecoder(image_size=16), 1e4 * jnp.ones((1, 64))
    init = jax.jit(functools.partial(decoder.init_with_output, train=False))
    (image,), _ = init(jax.random.key(0), code)
    assert np.abs(image).max() <= 1


def test_kl_divergence_by_hand():
    mean = jnp.array([[0.0, 0], [2, 0], [0, 0]])
    log_variance = jnp.array([[0.0, 0], [0, 0], [np.log(4), 0]])
    expected = [0, 2 / 2, (4 - 1 - np.log(4)) / 2 / 2]
    np.testing.assert_allclose(kl_divergence(mean, log_variance), expected, rtol=1e-6)


def test_a_variational_code_is_drawn_around_its_mean_and_is_its_mean_in_use():
    """A head without weights, whose bias says mean 3 and variance 4."""
    head, x = VariationalHead(), jnp.zeros((5000, 2))
    bias = jnp.array([3, 3, np.log(4), np.log(4)])
    params = {"params": {"Dense_0": {"kernel": jnp.zeros((2, 4)), "bias": bias}}}
    np.testing.assert_array_equal(head.apply(params, x, train=False), 3)
    code, left = head.apply(
        params, x, train=True, rngs={"sample": jax.random.key(0)}, mutable=["penalties"]
    )
    assert abs(code.mean() - 3) < 0.1 and abs(code.std() - 2) < 0.1
    np.testing.assert_allclose(left["penalties"]["kl"], 0.5 * (9 + 4 - 1 - np.log(4)), rtol=1e-5)


def test_a_variational_encoder_draws_from_the_key_in_training_only():
    encoder = LightEncoder(variational=True)
    image = jax.random.normal(jax.random.key(0), (1, 16, 16, 1))
    variables = jax.jit(functools.partial(encoder.init, train=False))(jax.random.key(1), image)

    @functools.partial(jax.jit, static_argnames="train")
    def encode(key, train):
        return encoder.apply(
            variables, image, train, rngs={"sample": key}, mutable=["batch_stats", "penalties"]
        )[0]

    keys = jax.random.split(jax.random.key(2))
    np.testing.assert_array_equal(encode(keys[0], True), encode(keys[0], True))
    assert np.any(encode(keys[0], True) != encode(keys[1], True))
    np.testing.assert_array_equal(encode(keys[0], False), encode(keys[1], False))


def test_the_discriminator_judges_32_by_32_patches_of_a_128_px_image():
    _, logits = shapes(Discriminator(), jax.ShapeDtypeStruct((2, 128, 128, 1), jnp.float32))
    assert logits.shape == (2, 32, 32, 1)


@pytest.fixture(scope="module")
def critic():
    """A small discriminator as a function of images [2, 64, 64, 1]."""
    module, images = Discriminator(features=2), jnp.zeros((2, 64, 64, 1))
    variables = jax.jit(functools.partial(module.init, train=False))(jax.random.key(0), images)
    return jax.jit(functools.partial(module.apply, variables, train=False))


def test_each_patch_logit_sees_34_px_at_most_of_its_own_image(critic):
    images = jax.random.normal(jax.random.key(1), (2, 64, 64, 1))
    jacobian = jax.jit(jax.jacrev(lambda x: critic(x)[0, :, :, 0]))(images)[..., 0]
    sees = np.asarray(jacobian) != 0  # [16, 16, 2, 64, 64]
    assert not sees[:, :, 1].any()
    for along in (sees[:, :, 0].any(axis=(0, 2)), sees[:, :, 0].any(axis=(1, 3))):
        assert max(np.ptp(np.flatnonzero(window)) + 1 for window in along) == 34


def test_the_face_critic_sees_the_photo_and_each_part_of_its_own_image():
    size = 64  # half of the canonical crop
    module, images = (
        FaceCritic(features=2),
        jax.random.normal(jax.random.key(1), (2, size, size, 1)),
    )
    variables = jax.jit(functools.partial(module.init, train=False))(jax.random.key(0), images)
    jacobian = jax.jit(jax.jacrev(lambda x: module.apply(variables, x, train=False)[0, :, 0, 0]))
    sees = np.asarray(jacobian(images))[..., 0] != 0  # [5, 2, 64, 64]
    assert not sees[:, 1].any()
    assert sees[0, 0].all()
    for own, ((left, top, width, height), _) in zip(sees[1:, 0], PARTS.values(), strict=True):
        rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
        assert (rows[0], rows[-1] + 1) == (top // 2, (top + height) // 2)
        assert (columns[0], columns[-1] + 1) == (left // 2, (left + width) // 2)


def test_yaw_falls_in_the_nearest_bin_and_unknown_yaw_in_none():
    yaw = jnp.array([-100.0, -7.6, -7.4, 37.0, 68.0, np.nan])
    attribute = np.asarray(attribute_of(yaw))
    assert [BINS[row.argmax()] for row in attribute[:-1]] == [-90, -15, 0, 30, 90]
    np.testing.assert_array_equal(attribute.sum(axis=1), [1, 1, 1, 1, 1, 0])


def test_the_attribute_critic_says_real_and_which_attribute_of_each_image():
    _, verdict = shapes(AttributeCritic(), jax.ShapeDtypeStruct((2, 128, 128, 1), jnp.float32))
    assert (verdict["logits"].shape, verdict["attribute"].shape) == ((2, 1, 1, 1), (2, len(BINS)))


def test_an_unknown_discriminator_names_the_nearest():
    config = base.get_config()
    config.discriminator.name = "faces"
    with pytest.raises(UserError, match="did you mean 'face'"):
        create_modules(config, ROLES)


def test_embeddings_and_the_people_known_lie_on_a_sphere():
    images = jax.random.normal(jax.random.key(1), (3, 64, 64, 1))
    output, _ = jax.jit(functools.partial(Recognizer(people=7).init_with_output, train=False))(
        jax.random.key(0), images
    )
    np.testing.assert_allclose(jnp.linalg.norm(output["embedding"], axis=1), 1, rtol=1e-4)
    assert output["cosines"].shape == (3, 7) and np.abs(output["cosines"]).max() <= 1
