"""The step of two translators that undo each other."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from facealign.names import DOMAINS, GENERATOR
from facealign.training import losses
from facealign.training.state import Network, TrainState, train_network, update_networks
from facealign.training.steps.forward import Batch, TrainStep, apply_role
from facealign.training.steps.gan import TERMS, Rules, make_game

# By the domain of the photos that they make, or judge, or keep.
TRANSLATORS = {"unrestricted": ("encoder_r", "decoder_u"), "restricted": ("encoder", "decoder_r")}
CRITICS = {"unrestricted": "discriminator_u", "restricted": "discriminator"}
POOLS = {"unrestricted": "pool_u", "restricted": "pool_r"}
OTHER = dict(zip(DOMAINS, reversed(DOMAINS), strict=True))


def make_cycle_step(
    networks: Mapping[str, Network],
    train: tuple[str, ...],
    weights: Mapping[str, float],
    rules: Rules,
) -> TrainStep:
    """Photos of each domain become such of the other one, and come back as they were.

    Zhu et al. 2017, https://arxiv.org/abs/1703.10593. Terms, each the sum of both directions:
    cycle, L1 of a photo that went there and back; reconstruction, L1 of a photo through the
    translator into its own domain, which should leave it alone; those of `adversary.make_game`.
    A critic whose pool trains learns from the fakes that this gives back.
    """
    games = {d: make_game(networks, train, weights, rules, CRITICS[d]) for d in DOMAINS}
    own_weights = {name: weight for name, weight in weights.items() if name not in TERMS}
    generator = tuple(role for role in train if role in GENERATOR)

    def step(state: TrainState, batch: Batch, key: jax.Array):
        def translate(params, domain: str, photos: jax.Array) -> tuple[jax.Array, dict[str, Any]]:
            stats, x = {}, photos
            for role in TRANSLATORS[domain]:
                x, new, _ = apply_role(networks, state, params, role, x, key)
                stats |= new
            return x[-1], stats

        def make_images(params):
            fakes, same, back, stats = {}, {}, {}, {}
            for domain in DOMAINS:
                photos = [batch.get(f"input_{d}", batch[d]) for d in (OTHER[domain], domain)]
                images, new = translate(params, domain, jnp.concatenate(photos))
                fakes[domain], same[domain] = jnp.split(images, 2)
                stats |= new
            for domain in DOMAINS:  # running statistics are those of photos
                back[domain], _ = translate(params, domain, fakes[OTHER[domain]])
            return (fakes, same, back), stats

        def own_loss(same, back):
            terms = {
                "cycle": sum(losses.l1(back[d], batch[d]).mean() for d in DOMAINS),
                "reconstruction": sum(losses.l1(same[d], batch[d]).mean() for d in DOMAINS),
            }
            return losses.weighted_sum(terms, own_weights), terms

        old = {role: state.nets[role].params for role in generator}
        (fakes, same, back), pull, batch_stats = jax.vjp(make_images, old, has_aux=True)
        gradients, to_fakes, turns = {}, {}, []
        for number, domain in enumerate(DOMAINS):
            shown, game_key = None, jax.random.fold_in(key, number)
            if (pool := POOLS[domain]) in train:
                kept = state.nets[pool].batch_stats
                shown, batch_stats[pool], _ = train_network(
                    networks[pool], {}, kept, fakes[domain], game_key
                )
                gradients[pool] = {}  # nothing to learn, but new statistics
            turn = games[domain](state, batch[domain], fakes[domain], game_key, shown)
            gradients |= turn.gradients
            to_fakes[domain] = turn.to_fake
            turns.append(turn)
        terms = {}
        for turn in turns:  # of which one may train its critic, the other not
            terms |= {name: terms.get(name, 0.0) + term for name, term in turn.terms.items()}
        accuracies = jax.tree.map(lambda *each: sum(each) / 2, *(turn.accuracies for turn in turns))
        if generator:
            (to_same, to_back), own = jax.grad(own_loss, argnums=(0, 1), has_aux=True)(same, back)
            gradients |= pull((to_fakes, to_same, to_back))[0]
            terms |= own
        new = update_networks(networks, state, gradients, batch_stats)
        return new, {"loss": losses.weighted_sum(terms, weights), **terms, **accuracies}

    return step
