"""The adversarial step of the report.

The trained roles decide what it does. The discriminator alone is pre-trained against a fixed
decoder. With the encoder and the decoders, it is the full GAN.

Terms: those of `gan.make_gan`; reconstruction, if a decoder trains and the weight is not 0; the
networks' penalties. A loss weight `code` adds a second GAN, on codes. Its term `code` trains the
encoder to make codes of U look like codes of R, `code_critic` the critic to tell them apart.
"""

from collections.abc import Mapping

import jax

from facealign.models.apply import Network
from facealign.names import DOMAINS, GENERATOR, RECONSTRUCTION, SWAP, Route
from facealign.training import losses
from facealign.training.state import TrainState, update_networks
from facealign.training.steps.autoencode import RECONSTRUCT, compare, means
from facealign.training.steps.forward import Batch, TrainStep, forward
from facealign.training.steps.gan import GanRules, make_gan

CODES: tuple[Route, ...] = tuple((domain, "encoder") for domain in DOMAINS)
# Loss terms of the GAN on codes -> their names in `make_gan`.
CODE_TERMS = {"code": "adversarial", "code_critic": "discriminator"}


def make_adversarial_step(
    networks: Mapping[str, Network],
    train: tuple[str, ...],
    weights: Mapping[str, float],
    rules: GanRules,
) -> TrainStep:
    """Trains the swap (R's decoder on U's code) against real R photos."""
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
                terms |= compare(images, batch, reconstructed, RECONSTRUCT, weights)
            return sum((weights.get(name, 0.0) * term for name, term in terms.items()), 0.0), terms

        # Each network runs forward once; both sides take their gradients from that pass.
        old = {role: state.nets[role].params for role in generator}
        (images, penalties), pull_images, batch_stats = jax.vjp(make_images, old, has_aux=True)
        result = gan(state, batch["restricted"], images[SWAP][-1], jax.random.fold_in(key, 1))
        gradients, terms = dict(result.gradients), dict(result.terms)
        if codes:
            of_u, of_r = (images[route] for route in CODES)
            code_result = code_gan(state, of_r, of_u, jax.random.fold_in(key, 2))
            gradients |= code_result.gradients
            found = code_result.terms
            terms |= {name: found[to] for name, to in CODE_TERMS.items() if to in found}
        if generator:
            (to_images, to_penalties), own = jax.grad(own_loss, argnums=(0, 1), has_aux=True)(
                images, penalties
            )
            *stacks, last = to_images[SWAP]
            to_images[SWAP] = (*stacks, last + result.to_fake)
            if codes:
                to_images[CODES[0]] = code_result.to_fake
            gradients |= pull_images((to_images, to_penalties))[0]
            terms |= own
        new = update_networks(networks, state, gradients, batch_stats)
        return new, {"loss": losses.weighted_sum(terms, weights), **terms, **result.accuracies}

    return step
