"""Steps: what they change, what they leave alone, and that their gradients are the right ones."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from facealign.errors import UserError
from facealign.stages import create_stages, roles_of
from facealign.training import losses
from facealign.training.state import apply_network, create_networks, create_state, train_network
from facealign.training.steps.table import create_step

SIZE = 32


def setup(config, number):
    stages = create_stages(config)
    networks = create_networks(config, roles_of(stages), stages[number])
    state = jax.jit(lambda key: create_state(networks, key, SIZE))(jax.random.key(0))
    return stages[number], networks, state


def random_batch(seed=1, size=4):
    keys = jax.random.split(jax.random.key(seed))
    return {
        domain: jax.random.uniform(key, (size, SIZE, SIZE, 1), minval=-1)
        for domain, key in zip(("unrestricted", "restricted"), keys, strict=True)
    }


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
    """The state after one jitted step that computes in a dtype, and its terms."""
    config.model.dtype = dtype
    stage, networks, state = setup(config, 0)
    step = jax.jit(create_step(config, networks, stage))
    return step(state, random_batch(), jax.random.key(2))


def test_bfloat16_computes_nearly_the_same(tiny_gan):
    tiny_gan.model.kl_weight = 0.01
    (_, single), (_, half) = (step_in(dtype, tiny_gan) for dtype in ("float32", "bfloat16"))
    for name, value in single.items():
        np.testing.assert_allclose(half[name], value, rtol=0.03, err_msg=name)


def test_float64_is_computed_throughout_and_nearly_the_same(tiny_gan, leave_for_float64):
    (_, single), (new, double) = (step_in(dtype, tiny_gan) for dtype in ("float32", "float64"))
    assert {leaf.dtype.name for leaf in jax.tree.leaves(new.nets)} <= {"float64", "int32"}
    for name, value in single.items():
        np.testing.assert_allclose(double[name], value, rtol=1e-4, err_msg=name)
        assert double[name] != value  # not float32 somewhere on the way


def test_float64_without_leave_of_jax_is_refused(tiny_gan):
    tiny_gan.model.dtype = "float64"
    with pytest.raises(UserError, match="JAX_ENABLE_X64=1"):
        setup(tiny_gan, 0)


@pytest.mark.parametrize("model", ["light", "medium", "hourglass"])
def test_weights_statistics_and_outputs_stay_float32_in_bfloat16(model, tiny_gan):
    tiny_gan.model.update(name=model, dtype="bfloat16", stacks=1)
    tiny_gan.data.image_size = 64
    stages = create_stages(tiny_gan)
    networks = create_networks(tiny_gan, roles_of(stages), stages[2])
    state = jax.eval_shape(lambda: create_state(networks, jax.random.key(0), 64))
    image = jax.ShapeDtypeStruct((4, 64, 64, 1), "float32")
    step = create_step(tiny_gan, networks, stages[2])
    batch = {"unrestricted": image, "restricted": image}
    new, terms = jax.eval_shape(step, state, batch, jax.random.key(2))
    dtypes = {leaf.dtype.name for leaf in jax.tree.leaves((new.nets, terms))}
    assert dtypes <= {"float32", "int32"}


def test_the_encoder_sees_warped_inputs_and_the_loss_the_images(tiny_gan):
    stage, networks, state = setup(tiny_gan, 0)
    step = jax.jit(create_step(tiny_gan, networks, stage))
    batch, seen = random_batch(), random_batch(seed=2)
    warped = {f"input_{domain}": images for domain, images in seen.items()}
    _, terms = step(state, {**batch, **warped}, jax.random.key(2))
    code, _, _ = train_network(
        networks["encoder"], state.nets["encoder"].params, state.nets["encoder"].batch_stats,
        jnp.concatenate(list(seen.values())), jax.random.key(2),
    )  # fmt: skip
    codes = [
        jax.tree.map(lambda leaf, part=part: jnp.split(leaf, 2)[part], code) for part in (0, 1)
    ]
    each = []
    for domain, role, own in zip(batch, ("decoder_u", "decoder_r"), codes, strict=True):
        net, key = state.nets[role], jax.random.key(2)
        output, _, _ = train_network(networks[role], net.params, net.batch_stats, own, key)
        each.append(jnp.abs(output[-1] - batch[domain]).mean())
    np.testing.assert_allclose(terms["reconstruction"], sum(each) / 2, rtol=1e-4)


def test_jit_equals_eager_and_eval_shape_agrees(tiny_gan):
    stage, networks, state = setup(tiny_gan, 1)
    step = create_step(tiny_gan, networks, stage)
    args = state, random_batch(size=2), jax.random.key(2)
    eager, jitted = step(*args), jax.jit(step)(*args)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-4), eager[1], jitted[1])
    assert jax.eval_shape(step, *args) == jax.eval_shape(lambda x: x, jitted)


@pytest.mark.parametrize("code_weight", [0.0, 0.3])
def test_one_vjp_gives_the_gradients_of_the_written_out_losses(tiny_gan, code_weight):
    """The adversarial step against plain `value_and_grad`, one network at a time."""
    if code_weight:
        tiny_gan.stages.adversarial.train += ("code_critic",)
        tiny_gan.stages.adversarial.loss_weights.update(code=code_weight, code_critic=1.0)
    stage, networks, state = setup(tiny_gan, 2)
    sgd = {role: net._replace(optimizer=optax.sgd(1.0)) for role, net in networks.items()}
    batch, key = random_batch(), jax.random.key(2)
    new, metrics = jax.jit(create_step(tiny_gan, sgd, stage))(state, batch, key)
    u, r = batch["unrestricted"], batch["restricted"]
    old = {role: net.params for role, net in state.nets.items()}

    def train(role, params, x):
        return train_network(networks[role], params[role], state.nets[role].batch_stats, x, key)[0]

    def judge(params, images, role="discriminator"):
        return apply_network(networks[role], state.nets[role].replace(params=params[role]), images)

    def codes(params):
        return jnp.split(train("encoder", params, jnp.concatenate([u, r])), 2)

    def images(params):
        code = train("encoder", params, jnp.concatenate([u, r]))
        swap, again = jnp.split(train("decoder_r", params, code)[0], 2)
        return swap, again, train("decoder_u", params, code[: len(u)])[0]

    def generator_loss(params):
        swap, again, reconstruction = images(params)
        l1 = (losses.l1(reconstruction, u).mean() + losses.l1(again, r).mean()) / 2
        loss = l1 + 0.1 * losses.generator_cross_entropy(judge(old, swap)).mean()
        if code_weight:
            verdict = judge(old, codes(params)[0], "code_critic")
            loss += code_weight * losses.generator_cross_entropy(verdict).mean()
        return loss

    def critic_loss(params):
        return losses.discriminator_cross_entropy(
            judge(params, r), judge(params, images(old)[0])
        ).mean()

    def code_loss(params):
        of_u, of_r = (judge(params, code, "code_critic") for code in codes(old))
        return losses.discriminator_cross_entropy(of_r, of_u).mean()

    wanted = jax.jit(jax.grad(generator_loss))(old)
    wanted["discriminator"] = jax.jit(jax.grad(critic_loss))(old)["discriminator"]
    if code_weight:
        wanted["code_critic"] = jax.jit(jax.grad(code_loss))(old)["code_critic"]
        np.testing.assert_allclose(metrics["code_critic"], code_loss(old), rtol=1e-5)
    for role in stage.train:
        got = jax.tree.map(lambda a, b: a - b, old[role], new.nets[role].params)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), got, wanted[role])
    np.testing.assert_allclose(metrics["discriminator"], critic_loss(old), rtol=1e-5)


def test_l1_of_a_perfect_reconstruction_is_reported_as_zero(tiny):
    """Paired with itself: a target equal to the output gives loss 0 and leaves weights alone."""
    tiny.optimizer.epsilon = 1.0  # so that the zero gradient stays a zero step
    stage, networks, state = setup(tiny, 1)
    batch = random_batch()
    code = apply_network(networks["encoder"], state.nets["encoder"], batch["unrestricted"])
    batch["restricted"] = apply_network(networks["decoder_r"], state.nets["decoder_r"], code)[-1]
    _, metrics = create_step(tiny, networks, stage)(state, batch, jax.random.key(0))
    assert metrics["paired"] < 1e-6


def test_r1_enters_only_at_its_interval(tiny_gan):
    tiny_gan.discriminator.r1_weight, tiny_gan.discriminator.r1_every = 1.0, 2
    stage, networks, state = setup(tiny_gan, 1)
    step = jax.jit(create_step(tiny_gan, networks, stage))
    penalties = []
    for _ in range(4):
        state, metrics = step(state, random_batch(), jax.random.key(0))
        penalties.append(float(metrics["r1"]))
    assert penalties[0] > 0 and penalties[2] > 0
    assert penalties[1] == penalties[3] == 0


def test_a_reconstruction_of_weight_zero_is_not_computed(tiny_gan):
    tiny_gan.stages.adversarial.loss_weights.reconstruction = 0.0
    tiny_gan.stages.adversarial.train = ("encoder", "decoder_r", "discriminator")
    stage, networks, state = setup(tiny_gan, 2)
    _, metrics = create_step(tiny_gan, networks, stage)(state, random_batch(), jax.random.key(0))
    assert "reconstruction" not in metrics


@pytest.mark.parametrize("weights", [{}, {"reconstruction": 1.0, "sharpness": 1.0}])
def test_a_loss_name_on_one_side_alone_raises(tiny, weights):
    stage, networks, state = setup(tiny, 0)
    step = create_step(tiny, networks, stage._replace(loss_weights=weights))
    with pytest.raises(UserError, match="loss_weights"):
        jax.eval_shape(step, state, random_batch(), jax.random.key(0))


def test_a_variational_code_adds_its_kl_term_and_draws_from_the_key(tiny):
    tiny.model.kl_weight = 0.5
    stage, networks, state = setup(tiny, 0)
    step = create_step(tiny, networks, stage)
    _, a = step(state, random_batch(), jax.random.key(0))
    _, b = step(state, random_batch(), jax.random.key(1))
    np.testing.assert_allclose(a["loss"], a["reconstruction"] + 0.5 * a["kl"], rtol=1e-6)
    assert a["reconstruction"] != b["reconstruction"] and a["kl"] == b["kl"]


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
    with pytest.raises(UserError, match="bounded slope"):
        create_step(tiny_gan, networks, stage)


def test_unknown_objective_names_the_nearest(tiny):
    stage, networks, _ = setup(tiny, 0)
    with pytest.raises(UserError, match="did you mean 'paired'"):
        create_step(tiny, networks, stage._replace(objective="pared"))
