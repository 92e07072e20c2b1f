"""Losses against numbers worked out by hand, their symmetry, and their gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.errors import UserError
from facealign.training import losses

LOG3 = np.log(3)  # the logit of probability 3/4
# Two examples of two patches each, so that a mean over the wrong axis shows.
# Per loss: real, fake, the discriminator's loss [B], the generator's loss [B].
CROSS_ENTROPY = (
    [[LOG3, LOG3], [0, 0]],
    [[-LOG3, -LOG3], [0, LOG3]],
    [-np.log(3 / 4), (np.log(2) + (np.log(2) + np.log(4)) / 2) / 2],
    [np.log(4), (np.log(2) - np.log(3 / 4)) / 2],
)
BY_HAND = {
    "cross_entropy": CROSS_ENTROPY,
    "non_saturating": CROSS_ENTROPY,
    # D: halves of (4 + 0)/2 + (4 + 0)/2 and of 0 + 1; G: (1 + 1)/2 and 4.
    "least_squares": ([[3, 1], [1, 1]], [[2, 0], [-1, -1]], [2, 0.5], [1, 4]),
    # D: 1 - 2 and -1 - 1; G: minus the mean.
    "wasserstein": ([[3, 1], [1, 1]], [[2, 0], [-1, -1]], [-1, -2], [-1, 1]),
    # Differences of LOG3 and 0; of -LOG3 and LOG3.
    "relative": (
        [[LOG3, 1], [0, 5 + LOG3]],
        [[0, 1], [LOG3, 5]],
        [(np.log(2) - np.log(3 / 4)) / 2, (np.log(4) - np.log(3 / 4)) / 2],
        [(np.log(2) + np.log(4)) / 2, (np.log(4) - np.log(3 / 4)) / 2],
    ),
    # D: halves of (0.5 + 0)/2 + (0.5 + 0)/2 and of 2 + 3; G: minus the mean.
    "hinge": ([[0.5, 2], [-1, -1]], [[-0.5, -3], [2, 2]], [0.25, 2.5], [1.75, -2]),
}
EVERY = pytest.mark.parametrize("loss", losses.GAN_LOSSES.values(), ids=losses.GAN_LOSSES)


def patches(logits):
    """Rows of logits as patch logits [B, h, w, 1]."""
    rows = np.asarray(logits, np.float32)
    return jnp.asarray(rows.reshape(len(rows), -1, 1, 1))


def test_every_gan_loss_is_worked_out_below():
    assert set(BY_HAND) == set(losses.GAN_LOSSES)


@pytest.mark.parametrize("name", BY_HAND)
def test_gan_losses_by_hand(name):
    real, fake, of_discriminator, of_generator = BY_HAND[name]
    loss = losses.gan_loss(name)
    np.testing.assert_allclose(
        loss.discriminator(patches(real), patches(fake)), of_discriminator, rtol=1e-6
    )
    generator = loss.generator(patches(real), patches(fake))
    np.testing.assert_allclose(generator, of_generator, rtol=1e-6)


@EVERY
def test_real_and_fake_mirror_each_other_at_the_boundary(loss):
    real, fake = patches([[0.3, 2], [-1, 4]]), patches([[0.7, -2], [3, 0]])
    middle = loss.boundary or 0.0
    mirrored = loss.discriminator(2 * middle - fake, 2 * middle - real)
    np.testing.assert_allclose(loss.discriminator(real, fake), mirrored, rtol=1e-6)


@EVERY
def test_the_discriminator_wants_real_above_and_fake_below_the_boundary(loss):
    middle = loss.boundary or 0.0
    above, below = patches([[middle + 0.4]]), patches([[middle - 0.4]])
    assert loss.discriminator(above, below) < loss.discriminator(below, above)


@EVERY
def test_gradients_are_finite_at_extreme_logits(loss):
    real = patches([[-100], [-100], [0], [100], [100]])
    fake = patches([[-100], [100], [0], [-100], [100]])
    of_discriminator = jax.grad(lambda r, f: loss.discriminator(r, f).sum(), (0, 1))(real, fake)
    of_generator = jax.grad(lambda r, f: loss.generator(r, f).sum(), 1)(real, fake)
    assert np.isfinite(of_discriminator).all() and np.isfinite(of_generator).all()


@EVERY
def test_the_generator_still_learns_from_a_certain_discriminator(loss):
    gradient = jax.grad(lambda fake: loss.generator(patches([[0]]), fake).sum())(patches([[-100]]))
    assert gradient < -0.5


def test_unknown_gan_loss_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'hinge'"):
        losses.gan_loss("hing")


def test_l1_by_hand():
    output = jnp.array([[0.5, -1.0], [0.0, 0.0]]).reshape(2, 2, 1, 1)
    target = jnp.array([[0.0, 1.0], [0.0, 0.0]]).reshape(2, 2, 1, 1)
    np.testing.assert_allclose(losses.l1(output, target), [1.25, 0])


def test_multiscale_l1_by_hand():
    output = jnp.zeros((2, 4, 4, 1)).at[0, 0, 0, 0].set(1.0).at[1].set(-0.5)
    weights = jnp.ones((4, 4, 1)).at[0, 0].set(2.0)
    # One pixel of 16, weight 2; then 1/4 in one of 4, weight 5/4; then 1/16, weight 17/16.
    one = (2 / 16 + 0.25 * 1.25 / 4 + 1 / 16 * 17 / 16) / 3
    all_over = 0.5 * 17 / 16
    errors = losses.multiscale_l1(output + 0.5, jnp.full_like(output, 0.5), weights)
    np.testing.assert_allclose(errors, [one, all_over], rtol=1e-6)


def test_soft_differences_count_little_if_they_are_small():
    """sqrt(.3^2 + .4^2) - .4 = .1; a large one costs itself less .4."""
    output = jnp.zeros((2, 2, 2, 1)).at[0].set(0.3).at[1].set(-40.0)
    weights = jnp.ones((2, 2, 2, 1)).at[0].set(2.0)
    errors = losses.multiscale_l1(output, 0 * output, weights, scales=1, soft=0.4)
    np.testing.assert_allclose(errors, [0.2, 39.602], rtol=1e-4)
    slope = jax.grad(lambda x: losses.gradient_l1(x, x * 0, weights, soft=0.4).sum())(0 * output)
    np.testing.assert_array_equal(slope, 0)


def test_gradient_l1_sees_edges_and_no_offset():
    edge = jnp.zeros((1, 4, 4, 1)).at[:, :, 2:].set(1.0)
    weights = jnp.ones((4, 4, 1))
    for image in (edge, jnp.swapaxes(edge, 1, 2)):
        np.testing.assert_allclose(losses.gradient_l1(image, 0 * image, weights), 1 / 3, rtol=1e-6)
    np.testing.assert_allclose(losses.gradient_l1(edge, edge + 0.7, weights), 0, atol=1e-6)


def test_r1_of_a_linear_score_is_half_its_squared_norm():
    weights = jnp.array([[1.0, -2.0], [3.0, 0.5]])[:, :, None]
    images = jax.random.normal(jax.random.key(0), (3, 2, 2, 1))
    penalty = losses.r1_penalty(lambda x: (x * weights).sum((1, 2, 3)).reshape(-1, 1, 1, 1), images)
    np.testing.assert_allclose(penalty, [(1 + 4 + 9 + 0.25) / 2] * 3, rtol=1e-6)


def test_r1_takes_the_mean_over_patches_and_keeps_examples_apart():
    """Each pixel is a patch of logit 2 x^2: the gradient of their mean over 4 pixels is x."""
    images = jnp.array([[1.0, 2.0, 0.0, 2.0], [0.0, 0.0, 0.0, 1.0]]).reshape(2, 2, 2, 1)
    penalty = losses.r1_penalty(lambda x: 2 * x**2, images)
    np.testing.assert_allclose(penalty, [4.5, 0.5], rtol=1e-6)


def test_gradient_penalty_of_a_linear_score_is_how_far_its_norm_is_from_one():
    weights = jnp.array([[1.0, -2.0], [2.0, 0.0]])[:, :, None]
    real, fake = jax.random.normal(jax.random.key(0), (2, 3, 2, 2, 1))
    penalty = losses.gradient_penalty(
        lambda x: (x * weights).sum((1, 2, 3)).reshape(-1, 1, 1, 1), real, fake, jax.random.key(1)
    )
    np.testing.assert_allclose(penalty, [(3 - 1) ** 2] * 3, rtol=1e-6)


def test_gradient_penalty_is_taken_between_real_and_fake_and_keeps_examples_apart():
    """Of x^2 on images of one pixel: (2 x - 1)^2 at an x from 1, real, to 3, fake."""
    real = jnp.ones((50, 1, 1, 1))
    penalty = losses.gradient_penalty(lambda x: x**2, real, 3 * real, jax.random.key(1))
    where = (np.sqrt(penalty) + 1) / 2
    assert 1 <= where.min() < 1.3 and 2.7 < where.max() <= 3
    same = losses.gradient_penalty(lambda x: x**2, 2 * real, 2 * real, jax.random.key(1))
    np.testing.assert_allclose(same, 9, rtol=1e-5)


def test_gradient_penalty_of_a_critic_that_says_nothing_has_a_gradient():
    images = jnp.ones((1, 2, 2, 1))

    def penalty(slope):
        return losses.gradient_penalty(lambda x: slope * x, images, images, jax.random.key(0)).sum()

    assert np.isfinite(jax.grad(penalty)(0.0))
    np.testing.assert_allclose(penalty(0.0), 1, rtol=1e-5)


def test_classification_by_hand_and_nothing_where_the_label_is_unknown():
    logits, labels = jnp.array([[0.0, LOG3], [5.0, 1.0]]), jnp.array([[0.0, 1.0], [0.0, 0.0]])
    np.testing.assert_allclose(
        losses.classification(logits, labels), [-np.log(3 / 4), 0], rtol=1e-6
    )


def test_heatmap_error_by_hand():
    """Four landmarks: one off by 0.5 in one pixel, another by 1 in two, two by nothing."""
    heatmaps = jnp.zeros((2, 2, 3, 4)).at[0, 0, 1, 0].set(0.5).at[0, :, 0, 1].set(-1.0)
    errors = losses.heatmap_error(heatmaps + 0.25, jnp.full_like(heatmaps, 0.25))
    np.testing.assert_allclose(errors, [(0.25 + 2) / 4, 0])


def test_weighted_sum_by_hand():
    terms = {"a": jnp.array(2.0), "b": jnp.array(5.0)}
    assert losses.weighted_sum(terms, {"b": 0.1, "a": 3.0}) == pytest.approx(6.5)


@pytest.mark.parametrize("weights", [{"a": 1.0}, {"a": 1.0, "b": 1.0, "c": 1.0}, {}])
def test_weighted_sum_wants_each_name_on_both_sides(weights):
    with pytest.raises(UserError, match="loss_weights"):
        losses.weighted_sum({"a": jnp.array(1.0), "b": jnp.array(1.0)}, weights)


def test_margin_softmax_by_hand():
    """Scale 20, margin 0.2: logits 20 (0.5 - 0.2) = 6 and 20 * 0.25 = 5 against 6.

    The third person's, -20, count for nothing.
    """
    cosines, labels = jnp.float32([[0.5, 0.25, -1], [0.3, 0.3, -1]]), jnp.int32([0, 1])
    wanted = [np.log1p(np.exp(-1)), np.log1p(np.exp(4))]  # logits 6, 5 and 6, 2
    np.testing.assert_allclose(losses.margin_softmax(cosines, labels), wanted, rtol=1e-5)
    gradient = jax.grad(lambda c: losses.margin_softmax(c, labels).sum())(cosines)
    assert gradient[0, 0] < 0 < gradient[0, 1]
