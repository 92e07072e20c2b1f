"""Convolutions in NumPy equal those of Flax."""

import flax.linen as nn
import jax
import numpy as np
import pytest

from facealign.faces.numpy_cnn import Layer, run_layers


def test_a_convolution_by_hand():
    image = np.arange(9, dtype=np.float32).reshape(3, 3, 1)
    layer = Layer(np.ones((2, 2, 1, 1), np.float32), np.full(1, 0.5, np.float32))
    out = run_layers([layer], image)[:, :, 0]
    np.testing.assert_array_equal(out, [[8.5, 12.5], [20.5, 24.5]])
    padded = run_layers([layer._replace(stride=2, padding=(1, 1))], image)[:, :, 0]
    np.testing.assert_array_equal(padded, [[0.5, 3.5], [9.5, 24.5]])
    negative = layer._replace(kernel=-layer.kernel)
    np.testing.assert_array_equal(run_layers([negative, negative], image), [[[0.5]]])  # ReLU


def test_an_image_smaller_than_the_kernel_is_refused():
    layer = Layer(np.ones((5, 5, 1, 1), np.float32), np.zeros(1, np.float32))
    with pytest.raises(ValueError, match="larger than"):
        run_layers([layer], np.zeros((4, 9, 1), np.float32))


def test_layers_equal_those_of_flax():
    """With a stride, with a padding, and one after the other."""
    image = np.random.default_rng(0).uniform(-1, 1, (21, 17, 3)).astype(np.float32)
    first = nn.Conv(5, (3, 3), strides=2, padding="VALID")
    second = nn.Conv(2, (5, 5), padding=[(2, 2), (2, 2)])
    one = first.init(jax.random.key(0), image)
    middle = nn.relu(first.apply(one, image))
    two = second.init(jax.random.key(1), middle)
    wanted = second.apply(two, middle)
    layers = [
        Layer(*(np.asarray(variables["params"][part]) for part in ("kernel", "bias")), **options)
        for variables, options in ((one, {"stride": 2}), (two, {"padding": (2, 2)}))
    ]
    np.testing.assert_allclose(run_layers(layers, image), wanted, rtol=1e-4, atol=1e-5)
