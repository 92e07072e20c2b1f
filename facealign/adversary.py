"""One turn of the game between what makes images and the discriminator."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from facealign import losses, metrics
from facealign.train_state import Network, TrainState, apply_network

ROLE = "discriminator"
TERMS = ("adversarial", "discriminator", "r1")  # that a game may have


class Turn(NamedTuple):
    """What the two sides learn from a batch of real images and one of fakes, [B, H, W, C] each."""

    to_fake: jax.Array  # [B, H, W, C]: gradient of the weighted adversarial loss
    gradients: dict[str, Any]  # of the discriminator's parameters; {} if it does not train
    terms: dict[str, jax.Array]  # loss terms
    accuracies: dict[str, jax.Array]  # shares of the logits that are right


class Rules(NamedTuple):
    """How it is played."""

    gan_loss: losses.GanLoss
    r1_every: int  # steps between two penalties, each scaled up by that; if weighted at all
    see: Callable[[jax.Array, jax.Array], jax.Array]  # (images, key) -> what the critic sees


# (state, real, fake, key) -> Turn
Game = Callable[[TrainState, jax.Array, jax.Array, jax.Array], Turn]


def make_game(
    networks: Mapping[str, Network],
    train: tuple[str, ...],
    weights: Mapping[str, float],
    rules: Rules,
) -> Game:
    """The game in which every image is judged once, and both sides take their gradients from that.

    Terms: adversarial, if any other role trains; discriminator, and r1 if weighted, if it trains.
    """

    def play(state: TrainState, real: jax.Array, fake: jax.Array, key: jax.Array) -> Turn:
        critic = state.nets[ROLE]
        real_key, fake_key = jax.random.split(key)
        real = rules.see(real, real_key)

        def judge(params, images):
            return apply_network(networks[ROLE], critic.replace(params=params), images)

        def critic_loss(real_logits, fake_logits):
            term = rules.gan_loss.discriminator(real_logits, fake_logits).mean()
            return weights.get(ROLE, 0.0) * term, term

        def critic_penalty(params):
            term = losses.r1_penalty(lambda x: judge(params, x), real).mean()
            return rules.r1_every * weights["r1"] * term, term

        real_logits, pull_real = jax.vjp(lambda params: judge(params, real), critic.params)
        fake_logits, pull_fake = jax.vjp(
            lambda params, images: judge(params, rules.see(images, fake_key)), critic.params, fake
        )
        to_fake, gradients, terms = jnp.zeros_like(fake), {}, {}
        if set(train) - {ROLE}:
            terms["adversarial"], to_logits = jax.value_and_grad(
                lambda logits: rules.gan_loss.generator(logits).mean()
            )(fake_logits)
            to_fake = weights.get("adversarial", 0.0) * pull_fake(to_logits)[1]
        if ROLE in train:
            (to_real, to_fakes), terms[ROLE] = jax.grad(critic_loss, argnums=(0, 1), has_aux=True)(
                real_logits, fake_logits
            )
            parts = [pull_real(to_real)[0], pull_fake(to_fakes)[0]]
            if "r1" in weights:
                part, terms["r1"] = _every(
                    rules.r1_every, state.step, jax.grad(critic_penalty, has_aux=True)
                )(critic.params)
                parts.append(part)
            gradients[ROLE] = jax.tree.map(lambda *leaves: sum(leaves), *parts)
        boundary = rules.gan_loss.boundary
        accuracies = {
            "accuracy_real": metrics.accuracy(real_logits, True, boundary).mean(),
            "accuracy_fake": metrics.accuracy(fake_logits, False, boundary).mean(),
        }
        return Turn(to_fake, gradients, terms, accuracies)

    return play


def _every(interval: int, step: jax.Array, function: Callable) -> Callable:
    """`function` at each multiple of `interval`, zeros of the same shapes at other steps."""

    def maybe(*args):
        zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(function, *args))
        return jax.lax.cond(step % interval == 0, function, lambda *_: zeros, *args)

    return maybe
