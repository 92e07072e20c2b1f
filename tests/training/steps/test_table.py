"""Steps of all objectives: what they change, what they compute in, and what is refused."""

import jax
import numpy as np
import optax
import pytest

from configs import frontalize
from facealign.errors import UserError
from facealign.models.apply import Network
from facealign.stages import create_stages
from facealign.training.state import create_networks, create_state
from facealign.training.steps.table import create_step
from tests import by_hand
from tests.toy_steps import only_terms, random_batch, setup


def assert_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def changed(a, b):
    return any(np.any(x != y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


@pytest.fixture(params=["tiny", "tiny_gan"])
def any_config(request):
    return request.getfixturevalue(request.param)


def test_only_the_trained_roles_change(any_config):
    for number in range(len(any_config.run)):
        stage, networks, state = setup(any_config, number)
        step = jax.jit(create_step(any_config, networks, stage))
        new, _ = step(state, random_batch(), jax.random.key(2))
        assert new.step == 1
        for role in networks:
            if role in stage.train:
                assert changed(state.nets[role].params, new.nets[role].params), (stage.name, role)
            else:
                assert_equal(state.nets[role], new.nets[role])


def step_in(dtype, config):
    """A step that computes in a dtype, and what it is given."""
    config.model.dtype = dtype
    stage, networks, state = setup(config, 0)
    return create_step(config, networks, stage), (state, random_batch(), jax.random.key(2))


def test_bfloat16_computes_nearly_the_same(tiny_gan):
    tiny_gan.model.kl_weight = 0.01
    single, half = (step_in(dtype, tiny_gan) for dtype in ("float32", "bfloat16"))
    single, half = (only_terms(step)(*given) for step, given in (single, half))
    for name, value in single.items():
        np.testing.assert_allclose(half[name], value, rtol=0.03, err_msg=name)


def test_float64_is_computed_throughout_and_nearly_the_same(tiny_gan, leave_for_float64):
    single, double = (step_in(dtype, tiny_gan) for dtype in ("float32", "float64"))
    new, _ = jax.eval_shape(double[0], *double[1])
    assert {leaf.dtype.name for leaf in jax.tree.leaves(new.nets)} <= {"float64", "int32"}
    single, double = (only_terms(step)(*given) for step, given in (single, double))
    for name, value in single.items():
        np.testing.assert_allclose(double[name], value, rtol=1e-4, err_msg=name)
        assert double[name] != value  # not float32 somewhere on the way


def test_float64_without_leave_of_jax_is_refused(tiny_gan):
    tiny_gan.model.dtype = "float64"
    with pytest.raises(UserError, match="JAX_ENABLE_X64=1"):
        setup(tiny_gan, 0)


@pytest.mark.parametrize("model", ["light", "medium", "hourglass"])
def test_weights_statistics_and_outputs_stay_float32_in_bfloat16(model, tiny_gan):
    tiny_gan.model.update(name=model, dtype="bfloat16", stacks=1, scales=1)
    tiny_gan.data.image_size = 64
    stages = create_stages(tiny_gan)
    networks = create_networks(tiny_gan, stages, stages[2])
    state = jax.eval_shape(lambda: create_state(networks, jax.random.key(0), 64))
    image = jax.ShapeDtypeStruct((4, 64, 64, 1), "float32")
    step = create_step(tiny_gan, networks, stages[2])
    batch = {"unrestricted": image, "restricted": image}
    new, terms = jax.eval_shape(step, state, batch, jax.random.key(2))
    dtypes = {leaf.dtype.name for leaf in jax.tree.leaves((new.nets, terms))}
    assert dtypes <= {"float32", "int32"}


def test_jit_equals_eager_and_eval_shape_agrees(tiny_gan):
    """With networks of few operations, since they are computed one by one."""
    stage = create_stages(tiny_gan)[2]
    modules = {
        "encoder": by_hand.Same(),
        "decoder_u": by_hand.Scale(1.5),
        "decoder_r": by_hand.Scale(0.5),
        "discriminator": by_hand.Mean(),
    }
    networks = {role: Network(module, optax.adam(1e-3)) for role, module in modules.items()}
    state = create_state(networks, jax.random.key(0), 32)
    step = create_step(tiny_gan, networks, stage)
    args = state, random_batch(), jax.random.key(2)
    eager, jitted = step(*args), jax.jit(step)(*args)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), eager, jitted)
    assert jax.eval_shape(step, *args) == jax.eval_shape(lambda x: x, jitted)


@pytest.mark.parametrize("part", ["augment", "discriminator.augment"])
def test_photos_of_which_something_is_known_get_no_parts_of_others(part):
    config = frontalize.get_config()
    config.update_from_flattened_dict({f"{part}.exchange": 0.5})
    with pytest.raises(UserError, match=rf"config\.{part}\.exchange=0\.5.*set it to 0"):
        create_step(config, {}, create_stages(config)[0])


@pytest.mark.parametrize("weights", [{}, {"reconstruction": 1.0, "sharpness": 1.0}])
def test_a_loss_name_on_one_side_alone_raises(tiny, weights):
    stage, networks, state = setup(tiny, 0)
    step = create_step(tiny, networks, stage._replace(loss_weights=weights))
    with pytest.raises(UserError, match="loss_weights"):
        jax.eval_shape(step, state, random_batch(), jax.random.key(0))


@pytest.mark.parametrize(
    ("objective", "train"),
    [
        ("reconstruction", ("encoder",)),
        ("reconstruction", ("encoder", "decoder_u", "discriminator")),
        ("paired", ("decoder_u",)),
        ("adversarial", ("decoder_u",)),
    ],
)
def test_a_role_without_a_gradient_is_refused(tiny_gan, objective, train):
    stage, networks, _ = setup(tiny_gan, 0)
    weights = {"reconstruction": 0.0}
    with pytest.raises(UserError, match=r"config\.stages\.reconstruction\.train"):
        create_step(
            tiny_gan,
            networks,
            stage._replace(objective=objective, train=train, loss_weights=weights),
        )


@pytest.mark.parametrize("values", [{"gp_weight": 0.0}, {"gp_weight": 10.0}])
def test_a_wasserstein_critic_of_any_slope_is_refused(tiny_gan, values):
    tiny_gan.discriminator.update(values, loss="wasserstein")
    if values["gp_weight"]:
        tiny_gan.stages.adversarial.loss_weights.update(code=0.1, code_critic=1.0)
    stage, networks, _ = setup(tiny_gan, 2)
    with pytest.raises(UserError, match="bounded gradients"):
        create_step(tiny_gan, networks, stage)


def test_unknown_objective_names_the_nearest(tiny):
    tiny.stages.reconstruction.objective = "pared"
    with pytest.raises(UserError, match="did you mean 'paired'"):
        setup(tiny, 0)


def test_heads_are_not_turned_in_portrait_frames():
    config = frontalize.get_config()
    config.data.frame = "portrait"
    stage = create_stages(config)[0]
    with pytest.raises(UserError, match=r"frame='portrait', but the frontalize objective"):
        create_step(config, {}, stage)
