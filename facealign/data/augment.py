"""Random changes of training images: pure functions of (images, key), on the device.

Images are [B, H, W, C] in [-1, 1] and stay there; strength 0 changes nothing.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from facealign.geometry.resample import grid, resample

WARP_POINTS = 5  # along each side of the image
BLUR_REACH = 4  # px


def flip(images: jax.Array, key: jax.Array) -> jax.Array:
    """Mirrors each image with probability one half."""
    heads = jax.random.bernoulli(key, shape=(len(images), 1, 1, 1))
    return jnp.where(heads, images[:, :, ::-1], images)


def shift(images: jax.Array, key: jax.Array, pixels: int) -> jax.Array:
    """Moves each image by up to `pixels` whole px each way, repeating the border."""
    offsets = jax.random.randint(key, (len(images), 2), 0, 2 * pixels + 1)
    padded = jnp.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)), mode="edge")

    def crop(image: jax.Array, offset: jax.Array) -> jax.Array:
        return jax.lax.dynamic_slice(image, (offset[0], offset[1], 0), images.shape[1:])

    return jax.vmap(crop)(padded, offsets)


def zoom_and_rotate(images: jax.Array, key: jax.Array, zoom: float, degrees: float) -> jax.Array:
    """Turns each image about its centre by up to `degrees`, larger or smaller by up to `zoom`.

    A zoom of 0.1 makes things up to 1.1 times as large, or as small. The border is repeated.
    """
    height, width = images.shape[1:3]
    matrix = zoom_matrices(key, len(images), zoom, degrees)
    centre = jnp.array([width - 1, height - 1]) / 2
    places = jnp.einsum("bij,hwj->bhwi", matrix, grid(height, width) - centre) + centre
    return resample(images, places)


def zoom_matrices(key: jax.Array, count: int, zoom: float, degrees: float) -> jax.Array:
    """Of `zoom_and_rotate`: from a place of each new image to that of the old one, [count, 2, 2].

    Both are measured from the centre.
    """
    zoom_key, angle_key = jax.random.split(key)
    limit = jnp.log1p(zoom)
    scale = jnp.exp(jax.random.uniform(zoom_key, (count,), minval=-limit, maxval=limit))
    angle = jnp.deg2rad(degrees) * jax.random.uniform(angle_key, (count,), minval=-1, maxval=1)
    cos, sin = jnp.cos(angle) / scale, jnp.sin(angle) / scale
    return jnp.stack([jnp.stack([cos, sin], -1), jnp.stack([-sin, cos], -1)], -2)


def brightness(images: jax.Array, key: jax.Array, amount: float) -> jax.Array:
    """Adds one number up to `amount` in size to each image."""
    offsets = jax.random.uniform(key, (len(images), 1, 1, 1), minval=-amount, maxval=amount)
    return jnp.clip(images + offsets, -1, 1)


def contrast(images: jax.Array, key: jax.Array, amount: float) -> jax.Array:
    """Multiplies the distance from each image's mean by 1 - `amount` to 1 + `amount`."""
    factor = 1 + jax.random.uniform(key, (len(images), 1, 1, 1), minval=-amount, maxval=amount)
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return jnp.clip(mean + factor * (images - mean), -1, 1)


def light(images: jax.Array, key: jax.Array, amount: float) -> jax.Array:
    """Lights each image from one side: up to 1 + `amount` times as bright where it comes from.

    That is at a border's middle (at a corner it is more); at the opposite one it is as much darker.
    Black, -1, stays black.
    """
    side_key, amount_key = jax.random.split(key)
    side = jax.random.uniform(side_key, (len(images), 1, 1), maxval=2 * jnp.pi)
    y, x = (jnp.linspace(-1, 1, length) for length in images.shape[1:3])
    ramp = jnp.cos(side) * x + jnp.sin(side) * y[:, None]
    share = amount * jax.random.uniform(amount_key, (len(images), 1, 1))
    return jnp.clip((images + 1) * (1 + share * ramp)[..., None] - 1, -1, 1)


def noise(images: jax.Array, key: jax.Array, deviation: float) -> jax.Array:
    """Adds a normal number of this standard deviation to every pixel."""
    return jnp.clip(images + deviation * jax.random.normal(key, images.shape), -1, 1)


def blur(images: jax.Array, key: jax.Array, deviation: float) -> jax.Array:
    """Blurs each image by a Gaussian of its own, standard deviation up to `deviation` px.

    Most of them little, since deviations are squares of even ones. Up to 4 px away count.
    """
    deviations = deviation * jax.random.uniform(key, (len(images), 1)) ** 2
    taps = jnp.arange(-BLUR_REACH, BLUR_REACH + 1)
    weights = jnp.exp(-0.5 * (taps / jnp.maximum(deviations, 0.05)) ** 2)
    weights = weights / weights.sum(axis=1, keepdims=True)
    for axis in (1, 2):
        pads = [(0, 0)] * 4
        pads[axis] = (BLUR_REACH, BLUR_REACH)
        padded = jnp.pad(images, pads, mode="edge")
        length = images.shape[axis]
        images = sum(
            weights[:, i, None, None, None] * jax.lax.slice_in_dim(padded, i, i + length, axis=axis)
            for i in range(len(taps))
        )
    return images


def warp(images: jax.Array, key: jax.Array, pixels: float) -> jax.Array:
    """Moves 5 x 5 points of each image by normal numbers of `pixels` px, all between linearly.

    The warp of the face-swapping autoencoders with one encoder and two decoders (deepfakes,
    faceswap): inputs alone are warped, so that the code is that of the face behind.
    """
    height, width = images.shape[1:3]
    moves = pixels * jax.random.normal(key, (len(images), WARP_POINTS, WARP_POINTS, 2))
    return resample(images, grid(height, width) + spread_moves(moves, height, width))


def augment(batch: Mapping[str, jax.Array], key: jax.Array, strengths: Any) -> dict[str, jax.Array]:
    """Applies what `config.augment` asks for to every domain of a batch.

    The domains share their random numbers, so that a pair stays a pair. Where inputs are to be
    warped, the batch comes back with `input_DOMAIN` beside each DOMAIN.
    """
    keys = jax.random.split(key, 8)

    def change(images: jax.Array) -> jax.Array:
        if strengths.flip:
            images = flip(images, keys[0])
        if strengths.shift:
            images = shift(images, keys[1], strengths.shift)
        if strengths.zoom or strengths.rotation:
            images = zoom_and_rotate(images, keys[3], strengths.zoom, strengths.rotation)
        if strengths.brightness:
            images = brightness(images, keys[2], strengths.brightness)
        if strengths.contrast:
            images = contrast(images, keys[4], strengths.contrast)
        if strengths.light:
            images = light(images, keys[7], strengths.light)
        if strengths.noise:
            images = noise(images, keys[5], strengths.noise)
        return images

    changed = {domain: change(images) for domain, images in batch.items()}
    if not strengths.input_warp:
        return changed
    warped = {
        f"input_{domain}": warp(images, keys[6], strengths.input_warp)
        for domain, images in changed.items()
    }
    return changed | warped


def spread_moves(moves: jax.Array, height: int, width: int) -> jax.Array:
    """Moves [B, 5, 5, 2] of the points of `warp`, linearly between them: [B, height, width, 2]."""
    return jnp.einsum("hi,bijc,wj->bhwc", _hats(height), moves, _hats(width))


def _hats(size: int) -> jax.Array:
    """How much each of the points, from border to border, moves each pixel: [size, points]."""
    place = jnp.linspace(0, WARP_POINTS - 1, size)[:, None]
    return jnp.maximum(0, 1 - jnp.abs(place - jnp.arange(WARP_POINTS)))
