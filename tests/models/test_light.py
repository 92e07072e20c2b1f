"""The light autoencoder."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from facealign.models.light import Decoder


def test_images_of_the_light_decoder_are_in_range_for_huge_codes():
    decoder, code = Decoder(image_size=16), 1e4 * jnp.ones((1, 64))
    init = jax.jit(functools.partial(decoder.init_with_output, train=False))
    (image,), _ = init(jax.random.key(0), code)
    assert np.abs(image).max() <= 1
