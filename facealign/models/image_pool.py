"""Image pool: what a discriminator is shown in place of every second fake of the step."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.errors import UserError


class ImagePool(nn.Module):
    """Fakes [B, H, W, C] to as many: those, and in training about half of earlier steps.

    It learns nothing. The last `size` fakes are its running statistics, so that a run goes on from
    a checkpoint with the pool that it had. Until the pool is full, fakes are kept and come back as
    they are; then each is, with probability one half, exchanged for a random one of the pool.
    Shrivastava et al. 2017, https://arxiv.org/abs/1612.07828, as CycleGAN takes it.

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
        # Empty places come first, in random order, then the others.
        order = jnp.argsort(filled.value + jax.random.uniform(place_key, (self.size,)))
        places = order[: len(fakes)]
        old, taken = pool.value[places], filled.value[places].reshape(-1, 1, 1, 1) > 0
        swap = taken & jax.random.bernoulli(swap_key, shape=(len(fakes), 1, 1, 1))
        pool.value = pool.value.at[places].set(jnp.where(taken & ~swap, old, fakes))
        filled.value = filled.value.at[places].set(1.0)
        return jnp.where(swap, old, fakes)
