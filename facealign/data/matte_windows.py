"""Windows of training photos as a matte may get them: people before others' backgrounds.

A person cut out of a plain background stands before an upside-down photo or a plain colour, in
clothes of any colour, at times beside somebody else. Photos are those of `datasets.cutouts`.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from facealign.data import augment
from facealign.geometry.matte_window import SIZE, STORED, STORED_WIDTH
from facealign.geometry.resample import grid, resample

# How windows are moved, as the fit may err: standard deviations of roll in degrees, of the
# logarithm of the zoom, and of shifts in px.
ROLL, ZOOM, SHIFT = 6.0, 0.1, 3.0
BEHIND_ZOOM = (0.5, 1.1)  # px of a background's photo a px of the window
PLAIN = 0.25  # share of backgrounds of one colour that changes slowly
OTHERS = 0.35  # share of people with somebody beside them,
ASIDE, OTHER_ZOOM = (38.0, 75.0), (0.8, 1.4)  # that many px aside, and so much smaller
GRAY = 0.15  # share of windows without colour
LIGHT = (0.6, 1.35)  # how bright people, clothes and backgrounds become
TINT, CONTRAST, SOFTEST, NOISE = 0.12, 0.25, 1.3, 0.05
# A body in cm below the middle of the window: where it begins; how far its top falls a cm further
# from the neck, whose half width is given; half the shoulders' width, beyond which arms fall.
BODY, SLOPE, NECK, SHOULDERS = (10.5, 13.5), (0.15, 0.6), (4.0, 7.0), (15.0, 24.0)
ARM, SOFT = 3.0, 0.3  # cm down a cm aside; softness of its edge in cm
CLOTH = 0.6  # largest share of a pattern in clothes
SCALE = STORED / STORED_WIDTH  # px a cm

Planes = jax.Array  # [B, H, W, 4 or 5]: colours from 0 to 1 times alpha, alpha, how sure that is


def middle_window(planes: Planes) -> Planes:
    """The windows of SIZE px in the middle of stored ones."""
    edge = (STORED - SIZE) // 2
    return planes[:, edge : edge + SIZE, edge : edge + SIZE]


def photo_windows(
    photos: jax.Array, alpha: jax.Array, sure: jax.Array, key: jax.Array
) -> dict[str, jax.Array]:
    """Random windows of photos, and what is known of their mattes.

    Args:
      photos: [B, STORED, STORED, 3] in [-1, 1].
      alpha: how much of each pixel is the person, [B, STORED, STORED], 0 to 255.
      sure: how sure that is, the same.
      key: of the randomness.

    Returns:
      "image" [B, SIZE, SIZE, 3] in [-1, 1], "alpha" and "sure" [B, SIZE, SIZE] from 0 to 1.
    """
    move_key, soil_key = jax.random.split(key)
    planes = jnp.concatenate([photos, alpha[..., None] / 255, sure[..., None] / 255], axis=-1)
    planes = _move(planes, *_moves(move_key, len(photos)))
    image = _soil(planes[..., :3] / 2 + 0.5, soil_key)
    return {"image": image, "alpha": planes[..., 3], "sure": planes[..., 4]}


def composed_windows(
    cut: Mapping[str, jax.Array], photos: jax.Array, key: jax.Array
) -> dict[str, jax.Array]:
    """Random windows of people that are cut out, before photos; as `photo_windows`.

    Args:
      cut: "image", "alpha" and "sure" of people, as the arguments of `photo_windows`.
      photos: [B, STORED, STORED, 3] in [-1, 1], for backgrounds and patterns.
      key: of the randomness.
    """
    keys, count = jax.random.split(key, 8), len(photos)
    colours = photos / 2 + 0.5
    alpha, sure = (cut[name][..., None] / 255 for name in ("alpha", "sure"))
    people = jnp.concatenate([cut["image"] / 2 + 0.5, alpha], axis=-1)
    people = jnp.concatenate([_dress(people, jnp.roll(colours, 1, 0), keys[0]), sure], axis=-1)
    image = _backgrounds(colours, keys[1])
    others = _move(jnp.roll(people, 1, axis=0), *_beside(keys[2], count))[..., :4]
    there = jax.random.bernoulli(keys[3], OTHERS, (count, 1, 1, 1))
    image = _over(others * there, image)
    people = _move(people, *_moves(keys[4], count))
    image = _over(people[..., :4], image)
    return {"image": _soil(image, keys[5]), "alpha": people[..., 3], "sure": people[..., 4]}


def _over(planes: Planes, behind: jax.Array) -> jax.Array:
    return planes[..., :3] + (1 - planes[..., 3:4]) * behind


def _moves(key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """Matrices [B, 2, 2] from px of a window to those of a photo, about the middle, and shifts."""
    keys = jax.random.split(key, 4)
    angle = jnp.radians(ROLL) * jax.random.normal(keys[0], (count,))
    zoom = jnp.exp(ZOOM * jax.random.normal(keys[1], (count,)))
    side = 1 - 2.0 * jax.random.bernoulli(keys[2], 0.5, (count,))
    return _matrices(angle, zoom, side), SHIFT * jax.random.normal(keys[3], (count, 2))


def _beside(key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """The same for somebody beside the person."""
    keys = jax.random.split(key, 5)
    turn = jnp.radians(ROLL) * jax.random.normal(keys[0], (count,))
    low, high = jnp.log(jnp.array(OTHER_ZOOM))
    zoom = jnp.exp(jax.random.uniform(keys[1], (count,), minval=low, maxval=high))
    side = 1 - 2.0 * jax.random.bernoulli(keys[2], 0.5, (count,))
    away = jax.random.uniform(keys[3], (count,), minval=ASIDE[0], maxval=ASIDE[1])
    down = 8 * jax.random.normal(keys[4], (count,))
    return _matrices(turn, zoom, side), jnp.stack([side * away, down], axis=-1)


def _matrices(angle: jax.Array, zoom: jax.Array, side: jax.Array) -> jax.Array:
    cosine, sine = jnp.cos(angle) * zoom, jnp.sin(angle) * zoom
    return jnp.stack(
        [jnp.stack([side * cosine, -side * sine], -1), jnp.stack([sine, cosine], -1)], axis=-2
    )


def _move(planes: jax.Array, matrices: jax.Array, shift: jax.Array) -> jax.Array:
    """Windows of SIZE px of stored ones: pixel p reads at centre + matrix @ (p - middle + shift).

    Beyond the stored window is nothing, 0.
    """
    padded = jnp.pad(planes, ((0, 0), (1, 1), (1, 1), (0, 0)))
    own = grid(SIZE, SIZE)[None] - (SIZE - 1) / 2 + shift[:, None, None]
    places = (STORED + 1) / 2 + jnp.einsum("bij,bhwj->bhwi", matrices, own)
    return resample(padded, places)


def _backgrounds(photos: jax.Array, key: jax.Array) -> jax.Array:
    """Upside-down photos [B, SIZE, SIZE, 3], so that nobody in them looks like the person."""
    keys, count = jax.random.split(key, 9), len(photos)
    low, high = BEHIND_ZOOM
    zoom = jax.random.uniform(keys[0], (count,), minval=low, maxval=high)
    angle = jnp.pi + jnp.radians(2 * ROLL) * jax.random.normal(keys[1], (count,))
    side = 1 - 2.0 * jax.random.bernoulli(keys[2], 0.5, (count,))
    shift = 24 * jax.random.normal(keys[3], (count, 2))
    images = _move(photos, _matrices(angle, zoom, side), shift)
    corners = jax.random.uniform(keys[4], (count, 2, 2, 3))
    mean = corners.mean(axis=(1, 2), keepdims=True)
    corners = mean + 0.4 * jax.random.uniform(keys[5], (count, 1, 1, 1)) * (corners - mean)
    plain = jax.image.resize(corners, images.shape, "linear")
    images = jnp.where(jax.random.bernoulli(keys[6], PLAIN, (count, 1, 1, 1)), plain, images)
    return _light(images, keys[7])


def _dress(people: Planes, patterns: jax.Array, key: jax.Array) -> Planes:
    """People [B, STORED, STORED, 4] in clothes of any colour, lit anyhow."""
    keys, count = jax.random.split(key, 9), len(people)

    def draw(number: int, limits: tuple[float, float]) -> jax.Array:
        low, high = limits
        return jax.random.uniform(keys[number], (count, 1, 1), minval=low, maxval=high)

    x, y = jnp.moveaxis((grid(STORED, STORED) - (STORED - 1) / 2) / SCALE, -1, 0)
    x = x - 1.5 * jax.random.normal(keys[0], (count, 1, 1))
    beyond = jnp.maximum(jnp.abs(x) - draw(1, NECK), 0)
    fall = jnp.maximum(jnp.abs(x) - draw(2, SHOULDERS), 0)
    top = draw(3, BODY) + draw(4, SLOPE) * beyond + ARM * fall
    body = jax.nn.sigmoid((y - top) / (SOFT / 2))[..., None]
    share = CLOTH * jax.random.uniform(keys[5], (count, 1, 1, 1))
    cloth = jax.random.uniform(keys[6], (count, 1, 1, 3))
    cloth = (1 - share) * cloth + share * patterns
    own = people[..., 3:]
    lit = jnp.concatenate([_light(people[..., :3], keys[7]).clip(0, 1), own], axis=-1)
    dressed = _over(lit, cloth * body)
    return jnp.concatenate([dressed, own + (1 - own) * body], axis=-1)


def _light(images: jax.Array, key: jax.Array) -> jax.Array:
    """Images [B, H, W, 3] from 0 to 1 in another light; black stays black."""
    keys, count = jax.random.split(key), len(images)
    low, high = LIGHT
    bright = jax.random.uniform(keys[0], (count, 1, 1, 1), minval=low, maxval=high)
    return images * bright * (1 + TINT * jax.random.normal(keys[1], (count, 1, 1, 3)))


def _soil(images: jax.Array, key: jax.Array) -> jax.Array:
    """Images [B, H, W, 3] from 0 to 1 as bad photos in [-1, 1]."""
    keys = jax.random.split(key, 6)
    images = _light(images, keys[0]).clip(0, 1) * 2 - 1
    images = augment.without_colour(images, keys[1], GRAY)
    images = augment.contrast(images, keys[2], CONTRAST)
    images = augment.blur(images, keys[3], SOFTEST)
    return augment.noise(images, keys[4], NOISE * jax.random.uniform(keys[5]))
