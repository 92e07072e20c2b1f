"""The CycleGAN step: two translators, each trained to undo the other."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from facealign.models.apply import Network, train_network
from facealign.names import CRITICS, DOMAINS, GENERATOR, POOLS
from facealign.training import losses
from facealign.training.state import TrainState, update_networks
from facealign.training.steps.forward import Batch, TrainStep, apply_role
from facealign.training.steps.gan import TERMS, GanRules, make_gan

# Domain of the output photos -> roles of the translator.
TRANSLATORS = {"unrestricted": ("encoder_r", "decoder_u"), "restricted": ("encoder", "decoder_r")}
OTHER = dict(zip(DOMAINS, reversed(DOMAINS), strict=True))


def make_cycle_step(
    networks: Mapping[str, Network],
    train: tuple[str, ...],
    weights: Mapping[str, float],
    rules: GanRules,
) -> TrainStep:
    """Translates photos of each domain into the other domain and back.

    Zhu et al. 2017, https://arxiv.org/abs/1703.10593. Terms, each summed over both directions:
    cycle, L1 between a photo and its translation there and back; reconstruction, L1 between a
    photo and its output from the translator into its own domain; those of `gan.make_gan`.
    If a pool trains, its critic learns from the fakes that the pool returns.
    """
    gans = {d: make_gan(networks, train, weights, rules, CRITICS[d]) for d in DOMAINS}
    own_weights = {name: weight for name, weight in weights.items() if name not in TERMS}
    generator = tuple(role for role in train if role in GENERATOR)

    def step(state: TrainState, batch: Batch, key: jax.Array):
        def own_loss(same, back):
            terms = {
                "cycle": sum(losses.l1(back[d], batch[d]).mean() for d in DOMAINS),
                "reconstruction": sum(losses.l1(same[d], batch[d]).mean() for d in DOMAINS),
            }
            return losses.weighted_sum(terms, own_weights), terms

        old = {role: state.nets[role].params for role in generator}
        (fakes, same, back), pull, batch_stats = jax.vjp(
            lambda params: _there_and_back(networks, state, params, batch, key), old, has_aux=True
        )
        gradients, results = {}, {}
        for number, domain in enumerate(DOMAINS):
            shown, gan_key = None, jax.random.fold_in(key, number)
            if (pool := POOLS[domain]) in train:
                kept = state.nets[pool].batch_stats
                shown, batch_stats[pool], _ = train_network(
                    networks[pool], {}, kept, fakes[domain], gan_key
                )
                gradients[pool] = {}  # no parameters, but new statistics
            results[domain] = gans[domain](state, batch[domain], fakes[domain], gan_key, shown)
            gradients |= results[domain].gradients
        terms = {}
        for result in results.values():  # a frozen critic adds no terms of its own
            terms |= {name: terms.get(name, 0.0) + term for name, term in result.terms.items()}
        accuracies = jax.tree.map(
            lambda *each: sum(each) / 2, *(result.accuracies for result in results.values())
        )
        if generator:
            (to_same, to_back), own = jax.grad(own_loss, argnums=(0, 1), has_aux=True)(same, back)
            to_fakes = {domain: result.to_fake for domain, result in results.items()}
            gradients |= pull((to_fakes, to_same, to_back))[0]
            terms |= own
        new = update_networks(networks, state, gradients, batch_stats)
        return new, {"loss": losses.weighted_sum(terms, weights), **terms, **accuracies}

    return step


def _there_and_back(
    networks: Mapping[str, Network],
    state: TrainState,
    params: Mapping[str, Any],
    batch: Batch,
    key: jax.Array,
) -> tuple[tuple[dict[str, jax.Array], ...], dict[str, Any]]:
    """Images [B, H, W, C] by domain, and new running statistics by role.

    Three sets of images: fakes, made of the other domain's photos; photos through the translator
    into their own domain; and photos translated into the other domain and back.
    """
    fakes, same, back, stats = {}, {}, {}, {}

    def translate(domain: str, x: jax.Array) -> tuple[jax.Array, dict[str, Any]]:
        new = {}
        for role in TRANSLATORS[domain]:
            x, own, _ = apply_role(networks, state, params, role, x, key)
            new |= own
        return x[-1], new

    for domain in DOMAINS:
        photos = [batch.get(f"input_{d}", batch[d]) for d in (OTHER[domain], domain)]
        images, new = translate(domain, jnp.concatenate(photos))
        fakes[domain], same[domain] = jnp.split(images, 2)
        stats |= new
    for domain in DOMAINS:  # only photos, not fakes, update the running statistics
        back[domain], _ = translate(domain, fakes[OTHER[domain]])
    return (fakes, same, back), stats
