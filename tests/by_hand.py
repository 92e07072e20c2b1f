"""Networks so small that what a step makes of them can be worked out by hand."""

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from facealign.models.apply import Network
from facealign.training import losses
from facealign.training.state import create_state
from facealign.training.steps.gan import GanRules


class Same(nn.Module):
    """The image as its own code."""

    @nn.compact
    def __call__(self, image, train):
        return image


class Scale(nn.Module):
    """A code times a number."""

    start: float

    @nn.compact
    def __call__(self, code, train):
        return (self.param("scale", nn.initializers.constant(self.start), ()) * code,)


class Mean(nn.Module):
    """A critic whose logit is the mean of the image, plus a number."""

    @nn.compact
    def __call__(self, image, train):
        offset = self.param("offset", nn.initializers.zeros_init(), ())
        return image.mean(axis=(1, 2, 3), keepdims=True) + offset


def build(make_step, modules, train, loss, weights, size=4):
    """A state and the jitted step; an update subtracts the gradient itself."""
    networks = {role: Network(module, optax.sgd(1.0)) for role, module in modules.items()}
    rules = GanRules(losses.gan_loss(loss), 1, lambda images, key: images)
    step = make_step(networks, train, weights, rules)
    return create_state(networks, jax.random.key(0), size), jax.jit(step)


def flat(*values, size=4):
    """Images of one value each."""
    return jnp.float32(values).reshape(-1, 1, 1, 1) * jnp.ones((1, size, size, 1))
