"""Variational codes: the KL divergence, and sampling."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from facealign.models.light import Encoder as LightEncoder
from facealign.models.variational import VariationalHead, kl_divergence


def test_kl_divergence_by_hand():
    mean = jnp.array([[0.0, 0], [2, 0], [0, 0]])
    log_variance = jnp.array([[0.0, 0], [0, 0], [np.log(4), 0]])
    expected = [0, 2 / 2, (4 - 1 - np.log(4)) / 2 / 2]
    np.testing.assert_allclose(kl_divergence(mean, log_variance), expected, rtol=1e-6)


def test_codes_are_sampled_in_training_and_are_the_mean_in_inference():
    """The head has zero weights; its bias gives mean 3 and variance 4."""
    head, x = VariationalHead(), jnp.zeros((5000, 2))
    bias = jnp.array([3, 3, np.log(4), np.log(4)])
    params = {"params": {"Dense_0": {"kernel": jnp.zeros((2, 4)), "bias": bias}}}
    np.testing.assert_array_equal(head.apply(params, x, train=False), 3)
    code, left = head.apply(
        params, x, train=True, rngs={"sample": jax.random.key(0)}, mutable=["penalties"]
    )
    assert abs(code.mean() - 3) < 0.1 and abs(code.std() - 2) < 0.1
    np.testing.assert_allclose(left["penalties"]["kl"], 0.5 * (9 + 4 - 1 - np.log(4)), rtol=1e-5)


def test_a_variational_encoder_uses_the_key_only_in_training():
    encoder = LightEncoder(variational=True)
    image = jax.random.normal(jax.random.key(0), (1, 16, 16, 1))
    variables = jax.jit(functools.partial(encoder.init, train=False))(jax.random.key(1), image)

    @functools.partial(jax.jit, static_argnames="train")
    def encode(key, train):
        return encoder.apply(
            variables, image, train, rngs={"sample": key}, mutable=["batch_stats", "penalties"]
        )[0]

    keys = jax.random.split(jax.random.key(2))
    np.testing.assert_array_equal(encode(keys[0], True), encode(keys[0], True))
    assert np.any(encode(keys[0], True) != encode(keys[1], True))
    np.testing.assert_array_equal(encode(keys[0], False), encode(keys[1], False))
