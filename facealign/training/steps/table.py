"""Train steps: pure functions (state, batch, key) -> (state, metrics).

A `make_*_step` closes over what never changes. Every gradient is taken at the old state. Roles
that are not trained are applied with their running statistics and come out bit-identical.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax

from facealign.data.augment import augment
from facealign.errors import UserError, lookup
from facealign.names import DOMAINS, GENERATOR, RECONSTRUCTION, SWAP, Route
from facealign.stages import OF_TURNED, Stage
from facealign.training import losses
from facealign.training.state import Network, TrainState, update_networks
from facealign.training.steps.attribute import make_attribute_step
from facealign.training.steps.cycle import CRITICS, POOLS, make_cycle_step
from facealign.training.steps.forward import Batch, Images, TrainStep, generate
from facealign.training.steps.frontalize import make_frontalize_step
from facealign.training.steps.gan import Rules, make_game
from facealign.training.steps.recognize import make_recognize_step

RECONSTRUCT = "reconstruction"  # the name of a loss term
CODES: tuple[Route, ...] = tuple((domain, "encoder") for domain in DOMAINS)
# Terms of the game about codes -> what a game calls them.
CODE_TERMS = {"code": "adversarial", "code_critic": "discriminator"}


def make_reconstruction_step(
    networks: Mapping[str, Network], train: tuple[str, ...], weights: Mapping[str, float]
) -> TrainStep:
    """Each decoder that trains reconstructs the images of its own domain. Term: reconstruction."""
    targets = {RECONSTRUCTION[role]: RECONSTRUCTION[role][0] for role in train if role != "encoder"}
    return _make_target_step(networks, train, weights, targets, RECONSTRUCT)


def make_paired_step(
    networks: Mapping[str, Network], train: tuple[str, ...], weights: Mapping[str, float]
) -> TrainStep:
    """R's decoder makes the restricted image that belongs to the unrestricted one. Term: paired."""
    return _make_target_step(networks, train, weights, {SWAP: "restricted"}, "paired")


def make_adversarial_step(
    networks: Mapping[str, Network],
    train: tuple[str, ...],
    weights: Mapping[str, float],
    rules: Rules,
) -> TrainStep:
    """The swap (R's decoder on U's code) against real R photos.

    Which roles train decides what this is: the discriminator alone is its pre-training against a
    fixed decoder; encoder and decoders as well make it the adversarial game. Terms: those of
    `adversary.make_game`, and reconstruction if anything but the discriminator trains. A
    reconstruction of weight 0 is not computed. With a weight for code, a second game: code, in
    which the encoder makes codes of U look like codes of R, and code_critic, which tells them
    apart.
    """
    weights = {name: weight for name, weight in weights.items() if weight or name != RECONSTRUCT}
    generator = tuple(role for role in train if role in GENERATOR)
    reconstructed = {
        RECONSTRUCTION[role]: RECONSTRUCTION[role][0]
        for role in generator
        if role != "encoder" and RECONSTRUCT in weights
    }
    codes = CODES if "code" in weights else ()
    routes = tuple(dict.fromkeys((SWAP, *reconstructed, *codes)))
    play = make_game(networks, train, weights, rules)
    code_weights = {to: weights.get(name, 0.0) for name, to in CODE_TERMS.items()}
    play_codes = make_game(
        networks, train, code_weights, rules._replace(see=_as_it_is), "code_critic"
    )

    def step(state: TrainState, batch: Batch, key: jax.Array):
        def make_images(params):
            images, batch_stats, penalties = generate(networks, state, params, batch, routes, key)
            return (images, _means(penalties)), batch_stats

        def own_loss(images, penalties):
            terms = dict(penalties)
            if reconstructed:
                terms[RECONSTRUCT] = _l1(images, batch, reconstructed)
            return sum((weights.get(name, 0.0) * term for name, term in terms.items()), 0.0), terms

        # Every network runs forward once; both sides pull their gradients back through it.
        old = {role: state.nets[role].params for role in generator}
        (images, penalties), pull_images, batch_stats = jax.vjp(make_images, old, has_aux=True)
        turn = play(state, batch["restricted"], images[SWAP][-1], jax.random.fold_in(key, 1))
        gradients, terms = dict(turn.gradients), dict(turn.terms)
        if codes:
            of_u, of_r = (images[route] for route in CODES)
            code_turn = play_codes(state, of_r, of_u, jax.random.fold_in(key, 2))
            gradients |= code_turn.gradients
            terms |= {
                name: code_turn.terms[to]
                for name, to in CODE_TERMS.items()
                if to in code_turn.terms
            }
        if generator:
            (to_images, to_penalties), own = jax.grad(own_loss, argnums=(0, 1), has_aux=True)(
                images, penalties
            )
            *stacks, last = to_images[SWAP]
            to_images[SWAP] = (*stacks, last + turn.to_fake)
            if codes:
                to_images[CODES[0]] = code_turn.to_fake
            gradients |= pull_images((to_images, to_penalties))[0]
            terms |= own
        loss = losses.weighted_sum(terms, weights)
        new = update_networks(networks, state, gradients, batch_stats)
        return new, {"loss": loss, **terms, **turn.accuracies}

    return step


OBJECTIVES: dict[str, Callable[..., TrainStep]] = {
    "reconstruction": make_reconstruction_step,
    "paired": make_paired_step,
    "adversarial": make_adversarial_step,
    "cycle": make_cycle_step,
    "attribute": make_attribute_step,
    "frontalize": make_frontalize_step,
    "recognize": make_recognize_step,
}


def create_step(config: Any, networks: Mapping[str, Network], stage: Stage) -> TrainStep:
    """The step of a stage; weights of penalties that config switches on join the stage's own.

    Raises:
      UserError: unknown objective or adversarial loss, a role that the objective does not use.
    """
    where = f"config.stages.{stage.name}"
    make_step = lookup(OBJECTIVES, stage.objective, f"{where}.objective")
    weights = dict(stage.loss_weights)
    usable = _usable_roles(stage.objective, weights)
    for role in stage.train:
        lookup(dict.fromkeys(usable), role, f"{where}.train")
    if stage.objective == RECONSTRUCT and not set(stage.train) & set(RECONSTRUCTION):
        raise UserError(f"{where}.train={stage.train} has no decoder to reconstruct with; add one")
    if stage.objective in (*OF_TURNED, "attribute") and config.augment.flip:
        why = "knows where heads look"
        if stage.objective in OF_TURNED:
            why = "mirrors R's photos itself, about the middle of the face and not of the crop"
        raise UserError(
            f"config.augment.flip=True, but the {stage.objective} objective {why}; set it to False"
        )
    if stage.objective == "attribute":
        for name in ("model", "discriminator"):
            if config[name].name != "attribute":
                raise UserError(
                    f"config.{name}.name={config[name].name!r}, but the attribute objective "
                    "asks for yaws; set it to 'attribute'"
                )
    if config.model.kl_weight and "encoder" in stage.train:
        weights["kl"] = config.model.kl_weight
    if not stage.judged:
        return make_step(networks, stage.train, weights)
    critic = config.discriminator
    if critic.loss == "wasserstein" and ("code" in weights or not critic.gp_weight):
        raise UserError(
            "config.discriminator.loss='wasserstein' needs a critic of bounded slope: set "
            "config.discriminator.gp_weight (10), and no loss weight for code"
        )
    if any(role.startswith("discriminator") for role in stage.train):
        penalties = {"r1": critic.r1_weight, "gradient_penalty": critic.gp_weight}
        weights |= {name: weight for name, weight in penalties.items() if weight}

    def see(images: jax.Array, key: jax.Array) -> jax.Array:
        return augment({"images": images}, key, critic.augment)["images"]

    rules = Rules(losses.gan_loss(critic.loss), critic.r1_every, see)
    return make_step(networks, stage.train, weights, rules)


def _usable_roles(objective: str, weights: Mapping[str, float]) -> tuple[str, ...]:
    """Roles whose weights the objective has a gradient for."""
    if objective == RECONSTRUCT:
        return ("encoder", "decoder_u", "decoder_r")
    if objective == "paired":
        return ("encoder", "decoder_r")
    if objective == "cycle":
        return (*GENERATOR, *CRITICS.values(), *POOLS.values())
    if objective == "attribute":
        return ("encoder", "decoder_r", "discriminator")
    if objective == "frontalize":
        return ("encoder", "decoder_r", *(("discriminator",) if "adversarial" in weights else ()))
    if objective == "recognize":
        return ("recognizer",)
    decoders = ("decoder_u", "decoder_r") if weights.get(RECONSTRUCT) else ("decoder_r",)
    return ("encoder", *decoders, "discriminator", *(("code_critic",) if "code" in weights else ()))


def _as_it_is(codes: Any, _: jax.Array) -> Any:
    return codes


def _make_target_step(
    networks: Mapping[str, Network],
    train: tuple[str, ...],
    weights: Mapping[str, float],
    targets: Mapping[Route, str],
    term: str,
) -> TrainStep:
    """L1 between the image of each route and the batch's images of its target domain."""

    def step(state: TrainState, batch: Batch, key: jax.Array):
        def loss(params):
            images, batch_stats, penalties = generate(
                networks, state, params, batch, tuple(targets), key
            )
            terms = {term: _l1(images, batch, targets), **_means(penalties)}
            return losses.weighted_sum(terms, weights), (terms, batch_stats)

        old = {role: state.nets[role].params for role in train}
        (total, (terms, batch_stats)), gradients = jax.value_and_grad(loss, has_aux=True)(old)
        return update_networks(networks, state, gradients, batch_stats), {"loss": total, **terms}

    return step


def _l1(images: Images, batch: Batch, targets: Mapping[Route, str]) -> jax.Array:
    """L1 summed over a decoder's outputs (one a stack), averaged over the routes."""
    each = [
        sum(losses.l1(image, batch[target]).mean() for image in images[route])
        for route, target in targets.items()
    ]
    return sum(each) / len(each)


def _means(terms: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    return {name: term.mean() for name, term in terms.items()}
