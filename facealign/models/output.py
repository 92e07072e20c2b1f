"""Last activations of a decoder. Whatever their own range, images are in [-1, 1]."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.errors import lookup

OUTPUTS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "tanh": jnp.tanh,
    "sigmoid": lambda x: 2 * nn.sigmoid(x) - 1,
    "relu": lambda x: 2 * nn.relu(x) - 1,  # the report's: black where it dies, unbounded above
}


def to_image(x: jax.Array, output: str) -> jax.Array:
    """Unbounded values of any shape to an image in [-1, 1] ("relu" may exceed 1)."""
    return lookup(OUTPUTS, output, "config.model.output")(x)
