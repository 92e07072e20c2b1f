"""Train steps without a critic: reconstruction, and pairs of input and target."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from facealign.metrics import image_quality
from facealign.models.apply import Network
from facealign.names import RECONSTRUCTION, SWAP, Route
from facealign.training import losses
from facealign.training.state import TrainState, update_networks
from facealign.training.steps.forward import Batch, Images, TrainStep, forward

RECONSTRUCT = "reconstruction"  # loss term
# Further loss terms, if they have a weight: numbers [B] of images and their targets.
DETAILS = {
    "gradient": lambda image, target: losses.gradient_l1(image, target, jnp.ones_like(target)),
    "structure": lambda image, target: 1 - image_quality.ssim(image, target),
}


def make_reconstruction_step(
    networks: Mapping[str, Network], train: tuple[str, ...], weights: Mapping[str, float]
) -> TrainStep:
    """Each decoder that trains reconstructs the images of its own domain.

    Terms: reconstruction; gradient and structure, if they have weights.
    """
    targets = {RECONSTRUCTION[role]: RECONSTRUCTION[role][0] for role in train if role != "encoder"}
    return _make_l1_step(networks, train, weights, targets, RECONSTRUCT)


def make_paired_step(
    networks: Mapping[str, Network], train: tuple[str, ...], weights: Mapping[str, float]
) -> TrainStep:
    """R's decoder makes the R image that is paired with each U image.

    Terms: paired; gradient and structure, if they have weights.
    """
    return _make_l1_step(networks, train, weights, {SWAP: "restricted"}, "paired")


def _make_l1_step(
    networks: Mapping[str, Network],
    train: tuple[str, ...],
    weights: Mapping[str, float],
    targets: Mapping[Route, str],
    term: str,
) -> TrainStep:
    """A step whose loss compares each route's images with its target domain; `term` is L1."""

    def step(state: TrainState, batch: Batch, key: jax.Array):
        def loss(params):
            images, batch_stats, penalties = forward(
                networks, state, params, batch, tuple(targets), key
            )
            terms = compare(images, batch, targets, term, weights) | means(penalties)
            return losses.weighted_sum(terms, weights), (terms, batch_stats)

        old = {role: state.nets[role].params for role in train}
        (total, (terms, batch_stats)), gradients = jax.value_and_grad(loss, has_aux=True)(old)
        return update_networks(networks, state, gradients, batch_stats), {"loss": total, **terms}

    return step


def compare(
    images: Images,
    batch: Batch,
    targets: Mapping[Route, str],
    term: str,
    weights: Mapping[str, float],
) -> dict[str, jax.Array]:
    """The L1 of each route's images to its target domain, under the name `term`, and of DETAILS
    what has a weight: scalars, summed over a decoder's outputs (one a stack), averaged over routes.
    """
    compared = {term: losses.l1} | {name: DETAILS[name] for name in DETAILS if name in weights}

    def mean(difference: Callable[[jax.Array, jax.Array], jax.Array]) -> jax.Array:
        each = [
            sum(difference(image, batch[target]).mean() for image in images[route])
            for route, target in targets.items()
        ]
        return sum(each) / len(each)

    return {name: mean(difference) for name, difference in compared.items()}


def means(terms: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    """The mean of each term [B]."""
    return {name: term.mean() for name, term in terms.items()}
