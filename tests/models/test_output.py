"""The last activation of a decoder: black is -1, white is 1."""

import jax.numpy as jnp
import numpy as np
import pytest

from facealign.errors import UserError
from facealign.models.layers import OUTPUTS, to_image


def test_the_error_for_an_unknown_output_suggests_the_nearest():
    with pytest.raises(UserError, match="did you mean 'sigmoid'"):
        to_image(jnp.zeros(1), "sigmod")


@pytest.mark.parametrize("output", OUTPUTS)
def test_outputs_rise_from_black_to_white(output):
    values = to_image(jnp.array([-100.0, -1, 0, 0.5, 100]), output)
    assert np.all(np.diff(values) >= 0)
    assert values[0] == -1 and values[-1] >= 1
    assert output == "relu" or values[-1] == 1  # ReLU has no upper bound


def test_0_is_gray_with_tanh_and_sigmoid_and_black_with_relu():
    middles = {output: float(to_image(jnp.zeros(()), output)) for output in OUTPUTS}
    assert middles == {"tanh": 0, "sigmoid": 0, "relu": -1}
