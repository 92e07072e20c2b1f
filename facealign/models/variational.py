"""Variational codes: the encoder predicts a normal distribution instead of one code."""

import jax
import jax.numpy as jnp
from flax import linen as nn


def kl_divergence(mean: jax.Array, log_variance: jax.Array) -> jax.Array:
    """KL divergence [B] of N(mean, exp(log_variance)) from N(0, 1), averaged over the code.

    mean and log_variance are [B, ...].
    """
    mean, log_variance = mean.astype(jnp.float32), log_variance.astype(jnp.float32)
    divergence = 0.5 * (jnp.square(mean) + jnp.exp(log_variance) - 1 - log_variance)
    return divergence.reshape(len(mean), -1).mean(axis=1)


class VariationalHead(nn.Module):
    """Features [..., C] to a code [..., C] of the same shape.

    In training the code is sampled from a normal distribution with the random stream "sample", and
    the KL divergence [B] from the standard normal is stored as "kl" in the collection "penalties".
    In inference the code is the mean. Kingma & Welling 2014, https://arxiv.org/abs/1312.6114.
    """

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        mean, log_variance = jnp.split(nn.Dense(2 * x.shape[-1])(x), 2, axis=-1)
        if not train:
            return mean
        self.sow("penalties", "kl", kl_divergence(mean, log_variance), reduce_fn=lambda _, kl: kl)
        noise = jax.random.normal(self.make_rng("sample"), mean.shape, mean.dtype)
        return mean + jnp.exp(0.5 * log_variance) * noise
