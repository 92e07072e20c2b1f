"""The GAN part of a step: gradients for the generator and the discriminator at once."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from facealign.metrics import image_quality
from facealign.models.apply import Network, apply_network
from facealign.names import FAKERS
from facealign.training import losses
from facealign.training.state import TrainState

ROLE = "discriminator"
# All possible loss terms; the last two classify attributes.
TERMS = ("adversarial", "discriminator", "r1", "gradient_penalty",
         "attribute_fake", "attribute_real")  # fmt: skip


class GanResult(NamedTuple):
    """Gradients and metrics from a batch of real images and a batch of fakes, [B, H, W, C] each.

    Codes may take the place of images.
    """

    to_fake: jax.Array  # [B, H, W, C]: gradient of the generator's weighted loss at the fakes
    gradients: dict[str, Any]  # by role: of the discriminator's parameters; {} if it does not train
    terms: dict[str, jax.Array]  # loss terms
    accuracies: dict[str, jax.Array]  # shares of logits on the right side; {} if no boundary


class GanRules(NamedTuple):
    """Settings of a GAN."""

    gan_loss: losses.GanLoss
    r1_every: int  # steps between two R1 penalties, each scaled up by this; if r1 has a weight
    see: Callable[[jax.Array, jax.Array], jax.Array]  # (images, key) -> augmented images


class Labels(NamedTuple):
    """Attributes [B, K] that real images have and fakes should have; all 0 where unknown."""

    real: jax.Array
    fake: jax.Array


Verdict = Mapping[str, jax.Array]  # "logits"; some critics add logits of the "attribute"
# (state, real, fake, key, shown=None, labels=None) -> GanResult. If `shown` is given, the
# discriminator learns from these fakes instead of `fake`.
Gan = Callable[..., GanResult]


def make_gan(
    networks: Mapping[str, Network],
    train: tuple[str, ...],
    weights: Mapping[str, float],
    rules: GanRules,
    role: str = ROLE,
) -> Gan:
    """A function that computes the gradients of both sides of a GAN.

    The critic runs once on each image, and both sides use its logits. Terms: adversarial, if a
    role of the generator trains; discriminator and the weighted penalties, if the discriminator
    trains. Labels add the terms attribute_fake and attribute_real. `role` is the discriminator.
    """
    generator_loss = partial(_generator_loss, rules.gan_loss, weights)
    critic_loss = partial(_critic_loss, rules.gan_loss, weights)

    def gan(
        state: TrainState,
        real: jax.Array,
        fake: jax.Array,
        key: jax.Array,
        shown: jax.Array | None = None,
        labels: Labels | None = None,
    ) -> GanResult:
        critic = state.nets[role]
        real_key, fake_key = jax.random.split(key)
        real = rules.see(real, real_key)

        def score(params, images):
            verdict = apply_network(networks[role], critic.replace(params=params), images)
            return verdict if isinstance(verdict, dict) else {"logits": verdict}

        def score_fakes(params, images):
            return score(params, rules.see(images, fake_key))

        reals, pull_real = jax.vjp(lambda params: score(params, real), critic.params)
        fakes, pull_fake = jax.vjp(score_fakes, critic.params, fake)
        to_fake, gradients, terms = jax.tree.map(jnp.zeros_like, fake), {}, {}
        if set(train) & set(FAKERS):
            judge = jax.grad(generator_loss, argnums=1, has_aux=True)
            to_fakes, terms = judge(reals, fakes, labels)
            to_fake = pull_fake(to_fakes)[1]
        if role in train:
            others, pull_others = fakes, pull_fake
            if shown is not None:
                others, pull_others = jax.vjp(score_fakes, critic.params, shown)
            (to_reals, to_others), own = jax.grad(critic_loss, argnums=(0, 1), has_aux=True)(
                reals, others, labels
            )
            seen = real, rules.see(fake if shown is None else shown, fake_key)
            more, penalties = _penalize(
                score, critic.params, seen, state.step, jax.random.fold_in(key, 2), weights, rules
            )
            parts = [pull_real(to_reals)[0], pull_others(to_others)[0], *more]
            gradients[role] = jax.tree.map(lambda *leaves: sum(leaves), *parts)
            terms = terms | own | penalties
        return GanResult(to_fake, gradients, terms, _accuracies(rules.gan_loss, reals, fakes))

    return gan


def _generator_loss(
    gan_loss: losses.GanLoss,
    weights: Mapping[str, float],
    reals: Verdict,
    fakes: Verdict,
    labels: Labels | None,
) -> tuple[jax.Array, dict[str, jax.Array]]:
    terms = {"adversarial": gan_loss.generator(reals["logits"], fakes["logits"]).mean()}
    if labels:
        terms["attribute_fake"] = losses.classification(fakes["attribute"], labels.fake).mean()
    return _weigh(terms, weights), terms


def _critic_loss(
    gan_loss: losses.GanLoss,
    weights: Mapping[str, float],
    reals: Verdict,
    fakes: Verdict,
    labels: Labels | None,
) -> tuple[jax.Array, dict[str, jax.Array]]:
    terms = {ROLE: gan_loss.discriminator(reals["logits"], fakes["logits"]).mean()}
    if labels:
        terms["attribute_real"] = losses.classification(reals["attribute"], labels.real).mean()
    return _weigh(terms, weights), terms


def _weigh(terms: Mapping[str, jax.Array], weights: Mapping[str, float]) -> jax.Array:
    return sum(weights.get(name, 0.0) * term for name, term in terms.items())


def _accuracies(gan_loss: losses.GanLoss, reals: Verdict, fakes: Verdict) -> dict[str, jax.Array]:
    boundary = gan_loss.boundary
    if boundary is None:
        return {}
    return {
        "accuracy_real": image_quality.accuracy(reals["logits"], True, boundary).mean(),
        "accuracy_fake": image_quality.accuracy(fakes["logits"], False, boundary).mean(),
    }


def _penalize(
    score: Callable[[Any, jax.Array], Verdict],
    params: Any,
    images: tuple[jax.Array, jax.Array],
    step: jax.Array,
    key: jax.Array,
    weights: Mapping[str, float],
    rules: GanRules,
) -> tuple[list[Any], dict[str, jax.Array]]:
    """Gradients of the weighted penalties on a critic's parameters, and the loss terms.

    Args:
      score: (parameters, images) -> verdict.
      params: of the critic.
      images: real ones and fakes, as the critic sees them.
      step: of the run.
      key: for random points between real images and fakes.
      weights, rules: as in `make_gan`.
    """
    real, fake = images

    def r1(params):
        term = losses.r1_penalty(lambda x: score(params, x)["logits"], real).mean()
        return rules.r1_every * weights["r1"] * term, term

    def between(params):
        term = losses.gradient_penalty(lambda x: score(params, x)["logits"], real, fake, key).mean()
        return weights["gradient_penalty"] * term, term

    functions = {
        "r1": _every(rules.r1_every, step, jax.grad(r1, has_aux=True)),
        "gradient_penalty": jax.grad(between, has_aux=True),
    }
    gradients, terms = [], {}
    for name, function in functions.items():
        if name in weights:
            gradient, terms[name] = function(params)
            gradients.append(gradient)
    return gradients, terms


def _every(interval: int, step: jax.Array, function: Callable) -> Callable:
    """`function` at multiples of `interval`; at other steps, zeros of the same shapes."""

    def maybe(*args):
        zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(function, *args))
        return jax.lax.cond(step % interval == 0, function, lambda *_: zeros, *args)

    return maybe
