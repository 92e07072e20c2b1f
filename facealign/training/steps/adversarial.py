"""The step of the report's adversarial game.

Which roles train decides what it is: the discriminator alone is its pre-training against a fixed
decoder; encoder and decoders as well make it the game.
"""

from collections.abc import Mapping

import jax

from facealign.models.apply import Network
from facealign.names import DOMAINS, GENERATOR, RECONSTRUCTION, SWAP, Route
from facealign.training import losses
from facealign.training.state import TrainState, update_networks
from facealign.training.steps.autoencode import RECONSTRUCT, l1, means
from facealign.training.steps.forward import Batch, TrainStep, forward
from facealign.training.steps.gan import GanRules, make_gan

CODES: tuple[Route, ...] = tuple((domain, "encoder") for domain in DOMAINS)
# Terms of the game about codes -> what `make_gan` calls them.
CODE_TERMS = {"code": "adversarial", "code_critic": "discriminator"}


def make_adversarial_step(
    networks: Mapping[str, Network],
    train: tuple[str, ...],
    weights: Mapping[str, float],
    rules: GanRules,
) -> TrainStep:
    """The swap (R's decoder on U's code) against real R photos.

    Terms: those of `gan.make_gan`, and reconstruction if anything but the discriminator trains. A
    reconstruction of weight 0 is not computed. With a weight for code, those of a second game:
    code, in which the encoder makes codes of U look like codes of R, and code_critic, which tells
    them apart.
    """
    weights = {name: weight for name, weight in weights.items() if weight or name != RECONSTRUCT}
    generator = tuple(role for role in train if role in GENERATOR)
    decoders = [role for role in generator if role != "encoder" and RECONSTRUCT in weights]
    reconstructed = {RECONSTRUCTION[role]: RECONSTRUCTION[role][0] for role in decoders}
    codes = CODES if "code" in weights else ()
    routes = tuple(dict.fromkeys((SWAP, *reconstructed, *codes)))
    gan = make_gan(networks, train, weights, rules)
    code_weights = {to: weights.get(name, 0.0) for name, to in CODE_TERMS.items()}
    code_rules = rules._replace(see=lambda codes, _: codes)
    code_gan = make_gan(networks, train, code_weights, code_rules, "code_critic")

    def step(state: TrainState, batch: Batch, key: jax.Array):
        def make_images(params):
            images, batch_stats, penalties = forward(networks, state, params, batch, routes, key)
            return (images, means(penalties)), batch_stats

        def own_loss(images, penalties):
            terms = dict(penalties)
            if reconstructed:
                terms[RECONSTRUCT] = l1(images, batch, reconstructed)
            return sum((weights.get(name, 0.0) * term for name, term in terms.items()), 0.0), terms

        # Every network runs forward once; both sides pull their gradients back through it.
        old = {role: state.nets[role].params for role in generator}
        (images, penalties), pull_images, batch_stats = jax.vjp(make_images, old, has_aux=True)
        game = gan(state, batch["restricted"], images[SWAP][-1], jax.random.fold_in(key, 1))
        gradients, terms = dict(game.gradients), dict(game.terms)
        if codes:
            of_u, of_r = (images[route] for route in CODES)
            code_game = code_gan(state, of_r, of_u, jax.random.fold_in(key, 2))
            gradients |= code_game.gradients
            found = code_game.terms
            terms |= {name: found[to] for name, to in CODE_TERMS.items() if to in found}
        if generator:
            (to_images, to_penalties), own = jax.grad(own_loss, argnums=(0, 1), has_aux=True)(
                images, penalties
            )
            *stacks, last = to_images[SWAP]
            to_images[SWAP] = (*stacks, last + game.to_fake)
            if codes:
                to_images[CODES[0]] = code_game.to_fake
            gradients |= pull_images((to_images, to_penalties))[0]
            terms |= own
        new = update_networks(networks, state, gradients, batch_stats)
        return new, {"loss": losses.weighted_sum(terms, weights), **terms, **game.accuracies}

    return step
