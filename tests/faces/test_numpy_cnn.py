"""Convolutions in NumPy equal those of Flax."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.faces import framing
from facealign.faces.numpy_cnn import Layer, run_layers
from facealign.models.crop_regressor import LAYERS, CropRegressor


def test_a_convolution_by_hand():
    image = np.arange(9, dtype=np.float32).reshape(3, 3, 1)
    layer = Layer(np.ones((2, 2, 1, 1), np.float32), np.full(1, 0.5, np.float32))
    out = run_layers([layer], image)[:, :, 0]
    np.testing.assert_array_equal(out, [[8.5, 12.5], [20.5, 24.5]])
    padded = run_layers([layer._replace(stride=2, padding=1)], image)[:, :, 0]
    np.testing.assert_array_equal(padded, [[0.5, 3.5], [9.5, 24.5]])
    negative = layer._replace(kernel=-layer.kernel)
    np.testing.assert_array_equal(run_layers([negative, negative], image), [[[0.5]]])  # ReLU


def test_an_image_smaller_than_the_kernel_is_refused():
    layer = Layer(np.ones((5, 5, 1, 1), np.float32), np.zeros(1, np.float32))
    with pytest.raises(ValueError, match="larger than"):
        run_layers([layer], np.zeros((4, 9, 1), np.float32))


def test_the_crop_regressor_in_numpy_equals_flax():
    assert [stride for *_, stride in LAYERS] == list(framing.STRIDES)
    windows = jax.random.uniform(jax.random.key(0), (2, framing.SIDE, framing.SIDE, 1), minval=-1)
    params = nn.unbox(CropRegressor().init(jax.random.key(1), windows))["params"]
    layers = [
        Layer(np.asarray(params[str(i)]["kernel"]), jnp.full(c, 0.1), stride)
        for i, (c, _, stride) in enumerate(LAYERS)
    ]
    params = {
        name: leaf | {"bias": jnp.full_like(leaf["bias"], 0.1)} for name, leaf in params.items()
    }
    wanted = CropRegressor().apply({"params": params}, windows)
    for window, numbers in zip(np.asarray(windows), wanted, strict=True):
        np.testing.assert_allclose(run_layers(layers, window)[0, 0], numbers, rtol=1e-4, atol=1e-5)
