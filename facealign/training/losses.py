"""Loss terms. Each returns one number per example, [B]; the caller takes the mean."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from facealign.errors import UserError, lookup

MARGIN, MARGIN_SCALE = 0.2, 20.0  # taken off cosines; factor on cosines
TINY = 1e-12


def l1(output: jax.Array, target: jax.Array) -> jax.Array:
    """Mean absolute error [B] of images [B, H, W, C]."""
    return _mean(jnp.abs(output - target))


def multiscale_l1(
    output: jax.Array, target: jax.Array, weights: jax.Array, scales: int = 3, soft: float = 0.0
) -> jax.Array:
    """Mean weighted absolute error [B], averaged over full, half, quarter size and so on.

    Args:
      output, target: images [B, H, W, C]; H and W multiples of 2**(scales - 1).
      weights: [H, W, 1] or [B, H, W, 1], weight of each pixel.
      scales: number of sizes.
      soft: differences below it count by their squares, so that many small ones do not hide a few
        large ones.
    """
    difference, weights = output - target, _batched(weights)
    total = _mean(weights * _absolute(difference, soft))
    for _ in range(scales - 1):
        difference, weights = _halved(difference), _halved(weights)
        total += _mean(weights * _absolute(difference, soft))
    return total / scales


def gradient_l1(
    output: jax.Array, target: jax.Array, weights: jax.Array, soft: float = 0.0
) -> jax.Array:
    """Mean weighted absolute error [B] of differences between neighbouring pixels, right and down.

    Penalizes blur, which plain L1 hardly does. Arguments as in `multiscale_l1`.
    """
    difference, weights = output - target, _batched(weights)
    right, down = jnp.diff(difference, axis=2), jnp.diff(difference, axis=1)
    right, down = _absolute(right, soft), _absolute(down, soft)
    return _mean(weights[:, :, 1:] * right) + _mean(weights[:, 1:] * down)


def discriminator_cross_entropy(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Binary cross-entropy [B] of patch logits against ones (real) and zeros (fake), averaged."""
    return 0.5 * (_cross_entropy(real, 1.0) + _cross_entropy(fake, 0.0))


def generator_cross_entropy(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Binary cross-entropy [B] of the patch logits of fakes against ones."""
    del real
    return _cross_entropy(fake, 1.0)


def discriminator_least_squares(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Mao et al. 2017, https://arxiv.org/abs/1611.04076, targets 1 and 0; [B]."""
    return 0.5 * (_mean(jnp.square(real - 1)) + _mean(jnp.square(fake)))


def generator_least_squares(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Mean of (logit - 1)^2 over the patches of each fake, [B]."""
    del real
    return _mean(jnp.square(fake - 1))


def discriminator_hinge(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Lim & Ye 2017, https://arxiv.org/abs/1705.02894; [B]."""
    return 0.5 * (_mean(jax.nn.relu(1 - real)) + _mean(jax.nn.relu(1 + fake)))


def generator_hinge(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Minus the mean patch logit [B] of fakes."""
    del real
    return -_mean(fake)


def discriminator_wasserstein(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875: mean of fakes minus reals; [B]."""
    return _mean(fake) - _mean(real)


def discriminator_relative(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Cross-entropy [B] of each patch of a real image being more real than that of its fake.

    What both show alike cancels. Huang et al. 2024, https://arxiv.org/abs/2501.05441.
    """
    return _cross_entropy(real - fake, 1.0)


def generator_relative(real: jax.Array, fake: jax.Array) -> jax.Array:
    """The same, [B], of fakes and reals exchanged."""
    return _cross_entropy(fake - real, 1.0)


class GanLoss(NamedTuple):
    """The two sides of an adversarial loss, on patch logits [B, h, w, 1]."""

    discriminator: Callable[[jax.Array, jax.Array], jax.Array]  # (real, fake) -> [B]
    generator: Callable[[jax.Array, jax.Array], jax.Array]  # the same
    boundary: float | None  # logits above it mean "real"; None: there is none


CROSS_ENTROPY = GanLoss(discriminator_cross_entropy, generator_cross_entropy, 0.0)

GAN_LOSSES: dict[str, GanLoss] = {
    "cross_entropy": CROSS_ENTROPY,
    # Goodfellow's name for this generator loss; papers on R1 use it.
    "non_saturating": CROSS_ENTROPY,
    "least_squares": GanLoss(discriminator_least_squares, generator_least_squares, 0.5),
    "hinge": GanLoss(discriminator_hinge, generator_hinge, 0.0),
    # Needs a gradient penalty. Its logits have no fixed zero.
    "wasserstein": GanLoss(discriminator_wasserstein, generator_hinge, None),
    # For fakes beside the truth that they should be, as in the step `complete`.
    "relative": GanLoss(discriminator_relative, generator_relative, None),
}


def gan_loss(name: str) -> GanLoss:
    """The entry of `GAN_LOSSES`; raises `UserError` for an unknown name."""
    return lookup(GAN_LOSSES, name, "config.discriminator.loss")


def r1_penalty(score: Callable[[jax.Array], jax.Array], real: jax.Array) -> jax.Array:
    """Half the squared gradient norm [B] of the mean patch logit at real images [B, H, W, C].

    `score` maps images to patch logits. Mescheder et al. 2018, https://arxiv.org/abs/1801.04406.
    """
    gradient = jax.grad(lambda images: _mean(score(images)).sum())(real)
    return 0.5 * jnp.square(gradient).reshape(len(real), -1).sum(axis=1)


def gradient_penalty(
    score: Callable[[jax.Array], jax.Array], real: jax.Array, fake: jax.Array, key: jax.Array
) -> jax.Array:
    """Squared distance [B] of the gradient's norm from 1, for the mean patch logit.

    The gradient is taken at a random point between each real image and a fake, [B, H, W, C] each.
    Gulrajani et al. 2017, equation 3, https://arxiv.org/abs/1704.00028.
    """
    share = jax.random.uniform(key, (len(real), 1, 1, 1))
    between = real + share * (fake - real)
    gradient = jax.grad(lambda images: _mean(score(images)).sum())(between)
    square = jnp.square(gradient).reshape(len(real), -1).sum(axis=1)
    return jnp.square(jnp.sqrt(square + TINY) - 1)  # TINY keeps the gradient finite at norm 0


def classification(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Cross-entropy [B] of logits [B, K] against labels [B, K]: one-hot, or all 0 where unknown."""
    return optax.softmax_cross_entropy(logits, labels)


def heatmap_error(heatmaps: jax.Array, targets: jax.Array) -> jax.Array:
    """Squared error [B] of heatmaps [B, H, W, N], summed over px, averaged over N landmarks."""
    return jnp.square(heatmaps - targets).sum(axis=(1, 2)).mean(axis=-1)


def margin_softmax(cosines: jax.Array, labels: jax.Array) -> jax.Array:
    """Cross-entropy [B] of cosines [B, N] to N people, minus a margin for the true person.

    `labels` [B] are indices below N. CosFace, Wang et al. 2018, equation 4,
    https://arxiv.org/abs/1801.09414.
    """
    right = jax.nn.one_hot(labels, cosines.shape[1])
    logits = MARGIN_SCALE * (cosines - MARGIN * right)
    return optax.softmax_cross_entropy(logits, right)


def weighted_sum(terms: Mapping[str, jax.Array], weights: Mapping[str, float]) -> jax.Array:
    """Sum of scalar terms times their weights.

    Raises:
      UserError: a term without a weight, or a weight without a term.
    """
    if set(terms) != set(weights):
        raise UserError(
            f"loss_weights names {sorted(weights)}, but this stage computes {sorted(terms)}; "
            "give each computed term one weight"
        )
    return sum(weights[name] * term for name, term in terms.items())


def _cross_entropy(logits: jax.Array, label: float) -> jax.Array:
    return _mean(optax.sigmoid_binary_cross_entropy(logits, jnp.full_like(logits, label)))


def _halved(images: jax.Array) -> jax.Array:
    """Means of all blocks of 2 x 2 px."""
    b, h, w, c = images.shape
    return images.reshape(b, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))


def _absolute(x: jax.Array, soft: float) -> jax.Array:
    """|x|; if soft, sqrt(x^2 + soft^2) - soft, as Charbonnier et al. 1994."""
    return jnp.sqrt(jnp.square(x) + soft**2) - soft if soft else jnp.abs(x)


def _batched(weights: jax.Array) -> jax.Array:
    return jnp.asarray(weights).reshape(-1, *weights.shape[-3:])


def _mean(x: jax.Array) -> jax.Array:
    return x.reshape(len(x), -1).mean(axis=1)


def laplace(places: jax.Array, spread: jax.Array, target: jax.Array) -> jax.Array:
    """Negative log-likelihood [B, N] of points [B, N, 2] under a Laplace distribution, shifted.

    distance / exp(spread) + 2 spread, least where exp(spread) is half the distance. So a network
    learns how far each point may be wrong.

    Args:
      places: predicted points [B, N, 2].
      spread: [B, N], logarithm of the scale of the distribution.
      target: true points [B, N, 2].
    """
    distance = jnp.sqrt(jnp.square(places - target).sum(axis=-1) + TINY)
    return distance * jnp.exp(-spread) + 2 * spread


def matte_cross_entropy(logits: jax.Array, alpha: jax.Array, sure: jax.Array) -> jax.Array:
    """Mean cross-entropy [B] of logits [B, H, W] with shares alpha, weighted by `sure`."""
    each = (jax.nn.softplus(logits) - alpha * logits) * sure
    return each.sum(axis=(1, 2)) / jnp.maximum(sure.sum(axis=(1, 2)), 1e-6)
