"""The adversarial step: its gradients against plain ones, its penalty, what it leaves out."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from facealign.models.apply import apply_network, train_network
from facealign.training import losses
from facealign.training.steps.table import create_step
from tests.toy_steps import random_batch, setup


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
    old = {role: net.params for role, net in state.nets.items()}
    wanted, own = written_out_gradients(networks, state, batch, key, code_weight)
    for name, loss in own.items():
        np.testing.assert_allclose(metrics[name], loss, rtol=1e-5)
    for role in stage.train:
        got = jax.tree.map(lambda a, b: a - b, old[role], new.nets[role].params)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), got, wanted[role])


def written_out_gradients(networks, state, batch, key, code_weight):
    """Of every role's own loss, and the losses of the critics by their names."""
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
        loss = l1 + 0.1 * losses.generator_cross_entropy(None, judge(old, swap)).mean()
        if code_weight:
            verdict = judge(old, codes(params)[0], "code_critic")
            loss += code_weight * losses.generator_cross_entropy(None, verdict).mean()
        return loss

    def critic_loss(params):
        return losses.discriminator_cross_entropy(
            judge(params, r), judge(params, images(old)[0])
        ).mean()

    def code_loss(params):
        of_u, of_r = (judge(params, code, "code_critic") for code in codes(old))
        return losses.discriminator_cross_entropy(of_r, of_u).mean()

    def differentiate(role, loss):
        return jax.value_and_grad(lambda params: loss(old | {role: params}))(old[role])

    @jax.jit
    def all_gradients():
        wanted, own = jax.grad(generator_loss)(old), {}
        own["discriminator"], wanted["discriminator"] = differentiate("discriminator", critic_loss)
        if code_weight:
            own["code_critic"], wanted["code_critic"] = differentiate("code_critic", code_loss)
        return wanted, own

    return all_gradients()


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
    step = create_step(tiny_gan, networks, stage)
    _, metrics = jax.eval_shape(step, state, random_batch(), jax.random.key(0))
    assert "reconstruction" not in metrics
