"""Random changes of training images: pure functions of (images, key), on the device.

Images are [B, H, W, C] in [-1, 1] before and after. Strength 0 changes nothing.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import nn

from facealign.geometry.resample import grid, resample

POINTS = 5  # along each side of the image, of a warp or of an exchange of parts
EDGE = 12.0  # how sharp the parts are that are exchanged
BLUR_REACH = 4  # px


def flip(images: jax.Array, key: jax.Array) -> jax.Array:
    """Mirrors each image with probability 0.5."""
    heads = jax.random.bernoulli(key, shape=(len(images), 1, 1, 1))
    return jnp.where(heads, images[:, :, ::-1], images)


def shift(images: jax.Array, key: jax.Array, pixels: int) -> jax.Array:
    """Shifts each image by up to `pixels` whole px in each direction; the border is repeated."""
    offsets = jax.random.randint(key, (len(images), 2), 0, 2 * pixels + 1)
    padded = jnp.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)), mode="edge")

    def crop(image: jax.Array, offset: jax.Array) -> jax.Array:
        return jax.lax.dynamic_slice(image, (offset[0], offset[1], 0), images.shape[1:])

    return jax.vmap(crop)(padded, offsets)


def zoom_and_rotate(images: jax.Array, key: jax.Array, zoom: float, degrees: float) -> jax.Array:
    """Rotates each image about its centre by up to `degrees` and scales it by up to 1 + `zoom`.

    A zoom of 0.1 scales by 1 / 1.1 to 1.1. The border is repeated.
    """
    height, width = images.shape[1:3]
    matrix = zoom_matrices(key, len(images), zoom, degrees)
    centre = jnp.array([width - 1, height - 1]) / 2
    places = jnp.einsum("bij,hwj->bhwi", matrix, grid(height, width) - centre) + centre
    return resample(images, places)


def zoom_matrices(key: jax.Array, count: int, zoom: float, degrees: float) -> jax.Array:
    """The matrices [count, 2, 2] of `zoom_and_rotate`, from new to old places.

    Places are relative to the centre.
    """
    zoom_key, angle_key = jax.random.split(key)
    limit = jnp.log1p(zoom)
    scale = jnp.exp(jax.random.uniform(zoom_key, (count,), minval=-limit, maxval=limit))
    angle = jnp.deg2rad(degrees) * jax.random.uniform(angle_key, (count,), minval=-1, maxval=1)
    cos, sin = jnp.cos(angle) / scale, jnp.sin(angle) / scale
    return jnp.stack([jnp.stack([cos, sin], -1), jnp.stack([-sin, cos], -1)], -2)


def brightness(images: jax.Array, key: jax.Array, amount: float) -> jax.Array:
    """Adds one random number from -`amount` to `amount` to each image."""
    offsets = jax.random.uniform(key, (len(images), 1, 1, 1), minval=-amount, maxval=amount)
    return jnp.clip(images + offsets, -1, 1)


def contrast(images: jax.Array, key: jax.Array, amount: float) -> jax.Array:
    """Scales each image about its mean by 1 - `amount` to 1 + `amount`."""
    factor = 1 + jax.random.uniform(key, (len(images), 1, 1, 1), minval=-amount, maxval=amount)
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return jnp.clip(mean + factor * (images - mean), -1, 1)


def light(images: jax.Array, key: jax.Array, amount: float) -> jax.Array:
    """Lights each image from a random side, with a linear ramp of brightness.

    In the middle of that border, the image gets up to 1 + `amount` times as bright (more in a
    corner), at the opposite border as much darker. Black, -1, stays black.
    """
    side_key, amount_key = jax.random.split(key)
    side = jax.random.uniform(side_key, (len(images), 1, 1), maxval=2 * jnp.pi)
    y, x = (jnp.linspace(-1, 1, length) for length in images.shape[1:3])
    ramp = jnp.cos(side) * x + jnp.sin(side) * y[:, None]
    share = amount * jax.random.uniform(amount_key, (len(images), 1, 1))
    return jnp.clip((images + 1) * (1 + share * ramp)[..., None] - 1, -1, 1)


def without_colour(images: jax.Array, key: jax.Array, share: float) -> jax.Array:
    """Images of three channels, about this share of them gray, by the weights of ITU-R 601."""
    gray = (images * jnp.array([0.299, 0.587, 0.114])).sum(axis=-1, keepdims=True)
    chosen = jax.random.bernoulli(key, share, (len(images), 1, 1, 1))
    return jnp.where(chosen, jnp.broadcast_to(gray, images.shape), images)


def exchange(images: jax.Array, key: jax.Array, share: float) -> jax.Array:
    """Gives about this share of the images parts of the next one in the batch, with soft edges.

    `share` is 0 to 1. In one frame, a face with another's eyes or jaw is nearly the face of
    somebody else, so that few people become many. After CutMix (Yun et al. 2019,
    https://arxiv.org/abs/1905.04899), without its labels.
    """
    key, chosen_key = jax.random.split(key)
    count, height, width = images.shape[:3]
    weights = nn.sigmoid(EDGE * (jax.random.uniform(key, (count, POINTS, POINTS)) - 0.5))
    parts = jnp.einsum("hi,bij,wj->bhw", _hats(height), weights, _hats(width))[..., None]
    parts *= jax.random.bernoulli(chosen_key, share, (count, 1, 1, 1))
    return (1 - parts) * images + parts * jnp.roll(images, -1, axis=0)


def noise(images: jax.Array, key: jax.Array, deviation: float) -> jax.Array:
    """Adds Gaussian noise of this standard deviation to every pixel."""
    return jnp.clip(images + deviation * jax.random.normal(key, images.shape), -1, 1)


def blur(images: jax.Array, key: jax.Array, deviation: float) -> jax.Array:
    """Blurs each image with a Gaussian of random standard deviation, up to `deviation` px.

    It is `deviation` times a squared uniform number, so that most images are blurred little. The
    kernel reaches 4 px.
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
    """Moves a grid of 5 x 5 points by Gaussian noise of `pixels` px; linear in between.

    From the face-swapping autoencoders with one encoder and two decoders (deepfakes, faceswap).
    They warp only inputs, so that the code describes the face before the warp.
    """
    height, width = images.shape[1:3]
    moves = pixels * jax.random.normal(key, (len(images), POINTS, POINTS, 2))
    return resample(images, grid(height, width) + spread_moves(moves, height, width))


def augment(batch: Mapping[str, jax.Array], key: jax.Array, strengths: Any) -> dict[str, jax.Array]:
    """Applies `config.augment` to every domain of a batch.

    The domains share random numbers, so that pairs stay aligned. With `input_warp`, the batch
    also gets a warped `input_DOMAIN` for each DOMAIN.
    """
    keys = jax.random.split(key, 9)

    def change(images: jax.Array) -> jax.Array:
        if strengths.flip:
            images = flip(images, keys[0])
        if strengths.exchange:
            images = exchange(images, keys[8], strengths.exchange)
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
    """Interpolates moves [B, 5, 5, 2] in px of the points of `warp` to [B, height, width, 2]."""
    return jnp.einsum("hi,bijc,wj->bhwc", _hats(height), moves, _hats(width))


def _hats(size: int) -> jax.Array:
    """Weight of each point, from border to border, at each pixel: [size, points]."""
    place = jnp.linspace(0, POINTS - 1, size)[:, None]
    return jnp.maximum(0, 1 - jnp.abs(place - jnp.arange(POINTS)))
