"""Random changes of training images: pure functions of (images, key), on the device."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp


def flip(images: jax.Array, key: jax.Array) -> jax.Array:
    """Mirrors each image of [B, H, W, C] with probability one half."""
    heads = jax.random.bernoulli(key, shape=(len(images), 1, 1, 1))
    return jnp.where(heads, images[:, :, ::-1], images)


def shift(images: jax.Array, key: jax.Array, pixels: int) -> jax.Array:
    """Moves each image of [B, H, W, C] by up to `pixels` px each way, repeating the border."""
    offsets = jax.random.randint(key, (len(images), 2), 0, 2 * pixels + 1)
    padded = jnp.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)), mode="edge")

    def crop(image: jax.Array, offset: jax.Array) -> jax.Array:
        return jax.lax.dynamic_slice(image, (offset[0], offset[1], 0), images.shape[1:])

    return jax.vmap(crop)(padded, offsets)


def brightness(images: jax.Array, key: jax.Array, amount: float) -> jax.Array:
    """Adds one number up to `amount` in size to each image of [B, H, W, C]; stays in [-1, 1]."""
    offsets = jax.random.uniform(key, (len(images), 1, 1, 1), minval=-amount, maxval=amount)
    return jnp.clip(images + offsets, -1, 1)


def augment(batch: Mapping[str, jax.Array], key: jax.Array, strengths: Any) -> dict[str, jax.Array]:
    """Applies what `config.augment` asks for to every domain of a batch, images in [-1, 1].

    The domains share their random numbers, so that a pair stays a pair.
    """
    keys = jax.random.split(key, 3)

    def change(images: jax.Array) -> jax.Array:
        if strengths.flip:
            images = flip(images, keys[0])
        if strengths.shift:
            images = shift(images, keys[1], strengths.shift)
        if strengths.brightness:
            images = brightness(images, keys[2], strengths.brightness)
        return images

    return {domain: change(images) for domain, images in batch.items()}
