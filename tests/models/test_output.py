"""The last activation: black is -1, and each kind has its range."""

import jax.numpy as jnp
import numpy as np
import pytest

from facealign.errors import UserError
from facealign.models.layers import OUTPUTS, to_image


def test_an_unknown_output_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'sigmoid'"):
        to_image(jnp.zeros(1), "sigmod")


@pytest.mark.parametrize("output", OUTPUTS)
def test_outputs_rise_from_black_to_white(output):
    values = to_image(jnp.array([-100.0, -1, 0, 0.5, 100]), output)
    assert np.all(np.diff(values) >= 0)
    assert values[0] == -1 and values[-1] >= 1
    assert output == "relu" or values[-1] == 1  # the report's ReLU has no upper end


def test_the_middle_of_tanh_and_sigmoid_is_gray_and_of_relu_black():
    middles = {output: float(to_image(jnp.zeros(()), output)) for output in OUTPUTS}
    assert middles == {"tanh": 0, "sigmoid": 0, "relu": -1}
