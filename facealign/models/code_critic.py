"""Critic of codes: whose photo was encoded, one of R or one of U?

An encoder that leaves it nothing to see makes codes that either domain's decoder can take. After
the code discriminator of DeepFaceLab, https://github.com/iperov/DeepFaceLab.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.models.blocks import LEAKY_SLOPE


class CodeCritic(nn.Module):
    """Code, arrays [B, ...], to logits [B, 1]; above 0 means one of R."""

    features: int = 64

    @nn.compact
    def __call__(self, code: jax.Array | dict[str, jax.Array], train: bool) -> jax.Array:
        leaves = jax.tree.leaves(code)
        x = jnp.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
        x = nn.leaky_relu(nn.Dense(self.features)(x), LEAKY_SLOPE)
        return nn.Dense(1)(x)
