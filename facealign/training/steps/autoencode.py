"""Train steps without a critic: reconstruction, and pairs of input and target."""

from collections.abc import Mapping

import jax

from facealign.models.apply import Network
from facealign.names import RECONSTRUCTION, SWAP, Route
from facealign.training import losses
from facealign.training.state import TrainState, update_networks
from facealign.training.steps.forward import Batch, Images, TrainStep, forward

RECONSTRUCT = "reconstruction"  # loss term


def make_reconstruction_step(
    networks: Mapping[str, Network], train: tuple[str, ...], weights: Mapping[str, float]
) -> TrainStep:
    """Each decoder that trains reconstructs the images of its own domain. Term: reconstruction."""
    targets = {RECONSTRUCTION[role]: RECONSTRUCTION[role][0] for role in train if role != "encoder"}
    return _make_l1_step(networks, train, weights, targets, RECONSTRUCT)


def make_paired_step(
    networks: Mapping[str, Network], train: tuple[str, ...], weights: Mapping[str, float]
) -> TrainStep:
    """R's decoder makes the R image that is paired with each U image. Term: paired."""
    return _make_l1_step(networks, train, weights, {SWAP: "restricted"}, "paired")


def _make_l1_step(
    networks: Mapping[str, Network],
    train: tuple[str, ...],
    weights: Mapping[str, float],
    targets: Mapping[Route, str],
    term: str,
) -> TrainStep:
    """A step with one loss term: L1 between each route's images and its target domain."""

    def step(state: TrainState, batch: Batch, key: jax.Array):
        def loss(params):
            images, batch_stats, penalties = forward(
                networks, state, params, batch, tuple(targets), key
            )
            terms = {term: l1(images, batch, targets), **means(penalties)}
            return losses.weighted_sum(terms, weights), (terms, batch_stats)

        old = {role: state.nets[role].params for role in train}
        (total, (terms, batch_stats)), gradients = jax.value_and_grad(loss, has_aux=True)(old)
        return update_networks(networks, state, gradients, batch_stats), {"loss": total, **terms}

    return step


def l1(images: Images, batch: Batch, targets: Mapping[Route, str]) -> jax.Array:
    """Mean L1 of the batch, a scalar.

    Summed over a decoder's outputs (one a stack), averaged over the routes.
    """
    each = [
        sum(losses.l1(image, batch[target]).mean() for image in images[route])
        for route, target in targets.items()
    ]
    return sum(each) / len(each)


def means(terms: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    """The mean of each term [B]."""
    return {name: term.mean() for name, term in terms.items()}
