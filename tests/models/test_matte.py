"""The matte's network: as many numbers as pixels, and gradients for all of its weights."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from facealign.models.apply import Network, init_network, train_network
from facealign.models.matte import Matte


def test_one_logit_a_pixel_and_every_weight_learns():
    network = Network(Matte(), optax.sgd(1.0))
    images = jax.random.uniform(jax.random.key(0), (2, 32, 32, 3), minval=-1)
    net = init_network(network, jax.random.key(1), images)

    def loss(params):
        logits, *_ = train_network(network, params, net.batch_stats, images, jax.random.key(2))
        assert logits.shape == (2, 32, 32)
        return jnp.square(logits - 1).mean()

    gradients = jax.jit(jax.grad(loss))(net.params)
    for leaf in jax.tree.leaves(gradients):
        assert np.isfinite(leaf).all() and np.any(leaf)
