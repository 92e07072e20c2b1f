"""The reader's outputs: rotations are rotations, gradients are finite."""

import jax
import jax.numpy as jnp
import numpy as np

from facealign.models.reader import Reader, _rotation
from tests.shapes import shapes


def test_outputs_have_their_shapes_and_the_weights_fit_in_8_mb():
    window = jax.ShapeDtypeStruct((2, 128, 128, 3), jnp.float32)
    variables, output = shapes(Reader(), window)
    assert {name: leaf.shape for name, leaf in output.items()} == {
        "landmarks": (2, 68, 2),
        "spread": (2, 68),
        "rotation": (2, 3, 3),
        "identity": (2, 24),
        "expression": (2, 41),
    }
    assert 2 * sum(leaf.size for leaf in jax.tree.leaves(variables)) < 8e6


def test_six_numbers_make_a_rotation():
    numbers = jax.random.normal(jax.random.key(0), (5, 6))
    rotation = _rotation(numbers)
    product = jnp.einsum("bij,bkj->bik", rotation, rotation)
    np.testing.assert_allclose(product, np.tile(np.eye(3), (5, 1, 1)), atol=1e-5)
    np.testing.assert_allclose(jnp.linalg.det(rotation), 1, atol=1e-5)
    np.testing.assert_allclose(_rotation(jnp.zeros((1, 6)))[0], np.eye(3), atol=1e-6)
    gradient = jax.grad(lambda n: _rotation(n)[0, 1, 2])(jnp.zeros((1, 6)))
    assert jnp.isfinite(gradient).all()
