"""The recognizer: embeddings and cosines."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from facealign.models.recognizer import Recognizer


def test_embeddings_have_length_1_and_cosines_are_at_most_1():
    images = jax.random.normal(jax.random.key(1), (3, 64, 64, 1))
    output, _ = jax.jit(functools.partial(Recognizer(people=7).init_with_output, train=False))(
        jax.random.key(0), images
    )
    np.testing.assert_allclose(jnp.linalg.norm(output["embedding"], axis=1), 1, rtol=1e-4)
    assert output["cosines"].shape == (3, 7) and np.abs(output["cosines"]).max() <= 1
