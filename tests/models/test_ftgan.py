"""FT-GAN: the refinement of the coarse image."""

import functools

import jax
import numpy as np

from configs import ftgan
from facealign.models.table import create_modules


def test_before_training_the_refined_image_equals_the_coarse_image():
    config = ftgan.get_config()
    decoder = create_modules(config, ("decoder_r",))["decoder_r"]
    code = {
        name: jax.random.uniform(jax.random.key(number), (1, side, side, channels))
        for number, (name, side, channels) in enumerate(
            [("image", 32, 1), ("coarse", 32, 1), ("seen", 8, 68), ("heatmaps", 8, 68)]
        )
    }
    (coarse, refined), variables = jax.jit(
        functools.partial(decoder.init_with_output, train=False)
    )(jax.random.key(0), code)
    np.testing.assert_array_equal(refined, coarse)
    variables["params"]["amount"] += 1
    assert np.any(jax.jit(decoder.apply, static_argnums=2)(variables, code, False)[1] != coarse)
