"""Image pool: replaces about half of a discriminator's fakes with fakes of earlier steps."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.errors import UserError


class ImagePool(nn.Module):
    """Fakes [B, H, W, C] to fakes [B, H, W, C]; in training, about half are from earlier steps.

    Until the pool of `size` fakes is full, fakes are stored and returned unchanged. Then each is
    swapped, with probability one half, for a random fake of the pool. The pool has no parameters:
    its fakes are stored in `batch_stats`, so that a run resumed from a checkpoint has the same
    pool. Shrivastava et al. 2017, https://arxiv.org/abs/1612.07828, as used in CycleGAN.

    Raises:
      UserError: a batch is larger than the pool.
    """

    size: int = 50

    @nn.compact
    def __call__(self, fakes: jax.Array, train: bool) -> jax.Array:
        pool = self.variable("batch_stats", "fakes", jnp.zeros, (self.size, *fakes.shape[1:]))
        filled = self.variable("batch_stats", "filled", jnp.zeros, (self.size,))
        if not train:
            return fakes
        if len(fakes) > self.size:
            raise UserError(
                f"config.discriminator.pool={self.size} is smaller than the batch of {len(fakes)}"
            )
        place_key, swap_key = jax.random.split(self.make_rng("sample"))
        # Empty places come first, then filled ones, each in random order.
        order = jnp.argsort(filled.value + jax.random.uniform(place_key, (self.size,)))
        places = order[: len(fakes)]
        old, taken = pool.value[places], filled.value[places].reshape(-1, 1, 1, 1) > 0
        swap = taken & jax.random.bernoulli(swap_key, shape=(len(fakes), 1, 1, 1))
        pool.value = pool.value.at[places].set(jnp.where(taken & ~swap, old, fakes))
        filled.value = filled.value.at[places].set(1.0)
        return jnp.where(swap, old, fakes)
