"""Convolutions, batch normalization and resampling that are fast on a CPU as well as on a GPU.

Letters: B batch, H height, W width, C channels; k kernel size, s stride. All arrays are float32.

Parameters have the names, shapes and initializers of `nn.Conv`, `nn.ConvTranspose` and
`nn.BatchNorm`, and results equal theirs; only the way to compute them differs.
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

Padding = list[tuple[int, int]]


def formulation(height: int, width: int) -> str:
    """Chooses 'lax', 'direct' or 'patches' for a map of the given size, by measurement."""
    if jax.default_backend() != 'cpu':
        return 'lax'
    return 'patches' if min(height, width) <= 4 else 'direct'


def space_to_depth(x: jax.Array, s: int) -> jax.Array:
    """[B, H, W, C] -> [B, H/s, W/s, s*s*C]; every s x s block becomes one pixel."""
    b, h, w, c = x.shape
    x = x.reshape(b, h // s, s, w // s, s, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h // s, w // s, s * s * c)


def depth_to_space(x: jax.Array, s: int) -> jax.Array:
    """[B, H, W, s*s*C] -> [B, s*H, s*W, C]; the inverse of `space_to_depth`."""
    b, h, w, c = x.shape
    x = x.reshape(b, h, w, s, s, c // (s * s)).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h * s, w * s, c // (s * s))


def _dense_conv(x: jax.Array, kernel: jax.Array, padding: Padding, form: str) -> jax.Array:
    """A stride-1 convolution of x [B, H, W, C] with kernel [kh, kw, C, D] under padding."""
    if form == 'patches':
        (kh, kw), x = kernel.shape[:2], jnp.pad(x, [(0, 0), *padding, (0, 0)])
        h, w = x.shape[1] - kh + 1, x.shape[2] - kw + 1
        taps = [x[:, i : i + h, j : j + w] for i in range(kh) for j in range(kw)]
        return jnp.concatenate(taps, axis=-1) @ kernel.reshape(-1, kernel.shape[-1])
    return lax.conv_general_dilated(
        x, kernel, (1, 1), padding, dimension_numbers=('NHWC', 'HWIO', 'NHWC')
    )


def _blocks(kernel: jax.Array, pads: Padding, s: int) -> jax.Array:
    """Pads kernel [k, k, C, D] and cuts it in s x s blocks: [k/s, s, k/s, s, C, D]."""
    kernel = jnp.pad(kernel, [*pads, (0, 0), (0, 0)])
    kh, kw, c, d = kernel.shape
    return kernel.reshape(kh // s, s, kw // s, s, c, d)


def conv(x: jax.Array, kernel: jax.Array, stride: int = 1, form: str | None = None) -> jax.Array:
    """`nn.Conv` with SAME padding: [B, H, W, C] and [k, k, C, D] -> [B, ceil(H/s), ceil(W/s), D]."""
    s = stride
    form = form or formulation(-(-x.shape[1] // s), -(-x.shape[2] // s))
    if form == 'lax':
        return lax.conv_general_dilated(
            x, kernel, (s, s), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
        )
    fill, kernel_pads, padding = [], [], []
    for n, k in zip(x.shape[1:3], kernel.shape[:2], strict=True):
        out = -(-n // s)
        low = max((out - 1) * s + k - n, 0) // 2
        left = -low % s  # so that the padding on the left is whole blocks
        taps = -(-(k + left) // s)
        fill.append((0, out * s - n))
        kernel_pads.append((left, taps * s - k - left))
        padding.append(((low + left) // s, taps - 1 - (low + left) // s))
    x = space_to_depth(jnp.pad(x, [(0, 0), *fill, (0, 0)]), s)
    blocks = _blocks(kernel, kernel_pads, s).transpose(0, 2, 1, 3, 4, 5)
    return _dense_conv(x, blocks.reshape(*blocks.shape[:2], -1, kernel.shape[-1]), padding, form)


def conv_transpose(
    x: jax.Array, kernel: jax.Array, stride: int = 2, form: str | None = None
) -> jax.Array:
    """`nn.ConvTranspose` with SAME padding: [B, H, W, C] and [k, k, C, D] -> [B, s*H, s*W, D].

    A stride-1 convolution to s*s*D channels, one group for each phase of the output, and
    `depth_to_space`.
    """
    s = stride
    form = form or formulation(*x.shape[1:3])
    if form == 'lax':
        return lax.conv_transpose(
            x, kernel, (s, s), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
        )
    kernel_pads, padding = [], []
    for k in kernel.shape[:2]:
        low = k - 1 if s > k - 1 else math.ceil((k + s - 2) / 2)  # of the dilated map
        before, after = low // s, (k + s - 2 - low) // s
        left = s - 1 + s * before - low
        kernel_pads.append((left, s * (before + after + 1) - k - left))
        padding.append((before, after))
    blocks = _blocks(kernel, kernel_pads, s)[:, ::-1, :, ::-1].transpose(0, 2, 4, 1, 3, 5)
    y = _dense_conv(x, blocks.reshape(*blocks.shape[:3], -1), padding, form)
    return depth_to_space(y, s)


class Conv(nn.Module):
    """`nn.Conv` over [B, H, W, C], SAME padding."""

    features: int
    kernel_size: int
    stride: int = 1
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        y = conv(x, self.param('kernel', nn.initializers.lecun_normal(), shape), self.stride)
        if self.use_bias:
            y = y + self.param('bias', nn.initializers.zeros_init(), (self.features,))
        return y


class ConvTranspose(nn.Module):
    """`nn.ConvTranspose` over [B, H, W, C], SAME padding."""

    features: int
    kernel_size: int
    stride: int = 2
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        kernel = self.param('kernel', nn.initializers.lecun_normal(), shape)
        y = conv_transpose(x, kernel, self.stride)
        if self.use_bias:
            y = y + self.param('bias', nn.initializers.zeros_init(), (self.features,))
        return y


class BatchNorm(nn.Module):
    """`nn.BatchNorm` over all axes but the last; `train` uses the batch and updates the means."""

    use_scale: bool = True
    use_bias: bool = True
    momentum: float = 0.9
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        c = x.shape[-1]
        ra_mean = self.variable('batch_stats', 'mean', jnp.zeros, (c,))
        ra_var = self.variable('batch_stats', 'var', jnp.ones, (c,))
        if train:
            axes = tuple(range(x.ndim - 1))
            mean = x.mean(axes)
            var = jnp.maximum(jnp.square(x).mean(axes) - jnp.square(mean), 0.0)
            if not self.is_initializing():
                m = self.momentum
                ra_mean.value = m * ra_mean.value + (1 - m) * mean
                ra_var.value = m * ra_var.value + (1 - m) * var
        else:
            mean, var = ra_mean.value, ra_var.value
        factor = lax.rsqrt(var + self.epsilon)
        if self.use_scale:
            factor = factor * self.param('scale', nn.initializers.ones_init(), (c,))
        y = (x - mean) * factor
        if self.use_bias:
            y = y + self.param('bias', nn.initializers.zeros_init(), (c,))
        return y


def max_pool(x: jax.Array) -> jax.Array:
    """[B, H, W, C] -> [B, H/2, W/2, C]: maximum of every 2 x 2 block; H and W even."""
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))


def upsample(x: jax.Array) -> jax.Array:
    """[B, H, W, C] -> [B, 2H, 2W, C]: every pixel becomes a 2 x 2 block."""
    b, h, w, c = x.shape
    x = jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c))
    return x.reshape(b, 2 * h, 2 * w, c)
