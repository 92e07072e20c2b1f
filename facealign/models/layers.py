"""Layers of all networks: convolution, batch normalization, resampling.

Parameters have the names, shapes and initializers of `nn.Conv`, `nn.ConvTranspose` and
`nn.BatchNorm`, and results are equal. Only the computation differs.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from facealign.errors import lookup
from facealign.models.convolutions import conv, conv_transpose

# Last activations of a decoder, scaled so that black is -1 and white 1.
OUTPUTS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "tanh": jnp.tanh,
    "sigmoid": lambda x: 2 * nn.sigmoid(x) - 1,
    "relu": lambda x: 2 * nn.relu(x) - 1,  # of the report; dead units are black, no upper bound
}


class Conv(nn.Module):
    """`nn.Conv` with SAME padding: [B, H, W, C] -> [B, ceil(H/s), ceil(W/s), features]."""

    features: int
    kernel_size: int
    stride: int = 1
    use_bias: bool = False
    gain: float = 1.0  # times the initial kernel of `nn.Conv`

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return _apply_kernel(self, conv, x, self.gain)


class ConvTranspose(nn.Module):
    """`nn.ConvTranspose` with SAME padding: [B, H, W, C] -> [B, H*s, W*s, features]."""

    features: int
    kernel_size: int
    stride: int = 2
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return _apply_kernel(self, conv_transpose, x)


def _apply_kernel(
    layer: Conv | ConvTranspose, function: Callable, x: jax.Array, gain: float = 1.0
) -> jax.Array:
    """`conv` or `conv_transpose` of x with the parameters of the calling layer."""
    shape = (layer.kernel_size, layer.kernel_size, x.shape[-1], layer.features)
    init = nn.initializers.variance_scaling(gain**2, "fan_in", "truncated_normal")
    y = function(x, layer.param("kernel", init, shape), layer.stride)
    if layer.use_bias:
        y = y + layer.param("bias", nn.initializers.zeros_init(), (layer.features,))
    return y


class BatchNorm(nn.Module):
    """`nn.BatchNorm` of x [..., C] over all axes but the last.

    In training it uses the mean and the (biased) variance of the batch, and updates the running
    ones in `batch_stats`: new = momentum * old + (1 - momentum) * batch. Statistics are at least
    float32, whatever the dtype of x.
    """

    use_scale: bool = True
    use_bias: bool = True
    momentum: float = 0.9
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        c = x.shape[-1]
        ra_mean = self.variable("batch_stats", "mean", jnp.zeros, (c,))
        ra_var = self.variable("batch_stats", "var", jnp.ones, (c,))
        if train:
            axes = tuple(range(x.ndim - 1))
            wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
            mean = wide.mean(axes)
            var = jnp.maximum(jnp.square(wide).mean(axes) - jnp.square(mean), 0.0)
            if not self.is_initializing():
                m = self.momentum
                ra_mean.value = m * ra_mean.value + (1 - m) * mean
                ra_var.value = m * ra_var.value + (1 - m) * var
        else:
            mean, var = ra_mean.value, ra_var.value
        factor = lax.rsqrt(var + self.epsilon)
        if self.use_scale:
            factor = factor * self.param("scale", nn.initializers.ones_init(), (c,))
        offset = -mean * factor
        if self.use_bias:
            offset = offset + self.param("bias", nn.initializers.zeros_init(), (c,))
        # (x - mean) * factor would store a second map for the backward pass, 7 % of a step.
        return (x * factor + offset).astype(x.dtype)


def max_pool(x: jax.Array) -> jax.Array:
    """[B, H, W, C] -> [B, H/2, W/2, C]: maximum of every 2 x 2 block; H and W even."""
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))


def upsample(x: jax.Array) -> jax.Array:
    """[B, H, W, C] -> [B, 2H, 2W, C]: every pixel becomes a 2 x 2 block."""
    b, h, w, c = x.shape
    x = jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c))
    return x.reshape(b, 2 * h, 2 * w, c)


def upsample_linearly(x: jax.Array) -> jax.Array:
    """[B, H, W, C] -> [B, 2H, 2W, C]: bilinear interpolation between the centres of pixels."""
    for axis in (1, 2):
        first, last = (jax.lax.slice_in_dim(x, i, i + 1, axis=axis) for i in (0, x.shape[axis] - 1))
        inner = jax.lax.slice_in_dim(x, 0, x.shape[axis] - 1, axis=axis)
        before = jnp.concatenate([first, inner], axis=axis)
        after = jnp.concatenate([jax.lax.slice_in_dim(x, 1, x.shape[axis], axis=axis), last], axis)
        pair = jnp.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis=axis + 1)
        x = pair.reshape(*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :])
    return x


def depth_to_space(x: jax.Array, s: int) -> jax.Array:
    """[B, H, W, s*s*C] -> [B, s*H, s*W, C]; the channels of a pixel become an s x s block."""
    b, h, w, c = x.shape
    x = x.reshape(b, h, w, s, s, c // (s * s)).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h * s, w * s, c // (s * s))


def space_to_depth(x: jax.Array, s: int) -> jax.Array:
    """[B, s*H, s*W, C] -> [B, H, W, s*s*C]: the opposite of `depth_to_space`."""
    b, h, w, c = x.shape
    x = x.reshape(b, h // s, s, w // s, s, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h // s, w // s, s * s * c)


def to_image(x: jax.Array, output: str) -> jax.Array:
    """Unbounded values of any shape to an image in [-1, 1], with the activation `output`.

    "relu" can exceed 1.
    """
    return lookup(OUTPUTS, output, "config.model.output")(x)
