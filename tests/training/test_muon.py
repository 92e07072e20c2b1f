"""Muon: what becomes of singular values, and that it is optax's in another order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from optax import contrib

from configs import base
from facealign.training import muon
from facealign.training.optimizers import create_optimizer


def draw(*shape):
    """A matrix whose singular values reach over two orders of magnitude."""
    matrix = np.random.default_rng(0).normal(size=shape) * np.logspace(-2, 0, shape[-1])
    return jnp.asarray(matrix, jnp.float32)


def updates(transform, gradients):
    """The update of each step of weights that see these gradients."""
    state, found = transform.init(gradients[0]), []
    for gradient in gradients:
        update, state = transform.update(gradient, state)
        found.append(update)
    return found


def test_all_singular_values_come_near_one_and_their_directions_stay():
    matrix = draw(40, 8)
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    new = left.T @ np.asarray(muon.orthogonalize(matrix)) @ right.T
    values = np.diagonal(new)
    assert 0.65 < values.min() and values.max() < 1.2
    np.testing.assert_allclose(new, np.diag(values), atol=1e-3)


def test_optax_computes_the_same_of_a_matrix():
    matrix = draw(40, 8)
    (theirs,) = updates(contrib.scale_by_muon(beta=muon.MOMENTUM), [matrix])
    np.testing.assert_allclose(muon.orthogonalize(matrix), theirs, atol=1e-3)


@pytest.mark.parametrize(("share", "sign"), [(-0.45, 1), (-0.5, -1)])
def test_momentum_looks_one_step_ahead(share, sign):
    """After g and -0.45 g the momentum is 0.5 g, and 0.95 times that outweighs -0.45 g.

    After g and -0.5 g it is 0.45 g, of which 0.4275 g do not outweigh -0.5 g.
    """
    gradient = draw(1, 1, 40, 8)
    first, second = updates(muon.scale_by_muon(), [gradient, share * gradient])
    np.testing.assert_allclose(second, sign * first, atol=1e-3)


@pytest.mark.parametrize("shape", [(3, 3, 4, 8), (3, 3, 8, 4)])
def test_an_update_has_the_size_of_adams_whatever_that_of_the_gradient(shape):
    for size in (1e-3, 1e3):
        (update,) = updates(muon.scale_by_muon(), [size * draw(*shape)])
        assert update.shape == shape
        np.testing.assert_allclose(np.sqrt(np.mean(update**2)), muon.ADAMS_SIZE, rtol=0.2)


def test_what_the_outputs_learn_is_orthogonal_or_else_what_they_learn_from():
    (update,) = updates(muon.scale_by_muon(), [draw(3, 3, 4, 8)])
    gram = np.einsum("hwio,hwip->op", update, update)
    assert np.abs(gram - np.diag(np.diagonal(gram))).max() < 0.5 * np.diagonal(gram).min()
    (update,) = updates(muon.scale_by_muon(), [draw(1, 1, 4, 8)])
    values = np.linalg.svd(update[0, 0], compute_uv=False)
    assert values.max() < 2 * values.min()


def test_without_a_gradient_nothing_moves():
    (update,) = updates(muon.scale_by_muon(), [jnp.zeros((3, 3, 4, 8))])
    assert not np.any(update)


def test_only_kernels_between_channels_learn_by_it_at_their_own_rate():
    config = base.get_config().optimizer
    weights = {"kernel": draw(3, 3, 4, 8), "first": draw(3, 3, 1, 8), "bias": draw(8)}
    (plain,) = updates(create_optimizer(config, "encoder", 0.1, 10), [weights])
    config.muon.encoder = 5.0
    (changed,) = updates(create_optimizer(config, "encoder", 0.1, 10), [weights])
    (other,) = updates(create_optimizer(config, "decoder_u", 0.1, 10), [weights])
    jax.tree.map(np.testing.assert_array_equal, other, plain)
    for name in ("first", "bias"):
        np.testing.assert_array_equal(changed[name], plain[name])
    (kernel,) = updates(muon.scale_by_muon(), [weights["kernel"]])
    np.testing.assert_allclose(changed["kernel"], -0.5 * kernel, rtol=1e-5)
