"""Windows of training photos as a reader may get them: mirrored, leaning, moved, zoomed, soiled.

Photos are those of `datasets.heads`, wider than windows. Landmarks move with them.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from facealign.data import augment
from facealign.geometry import camera as cameras
from facealign.geometry.head_points import MIRROR, mirrored_expressions
from facealign.geometry.reader_window import SIZE, STORED, STORED_WIDTH, WIDTH
from facealign.geometry.resample import grid, resample

# A first look is what a face detector finds, a second one what the first look corrected: standard
# deviations of roll in degrees, of the logarithm of the zoom, and of shifts in px of the window.
ROLLS, ZOOMS, SHIFTS = (22.0, 5.0), (0.14, 0.05), (8.0, 2.5)
FIRST = 0.5  # share of first looks
GRAY = 0.2  # share of photos without colour
COVERED, COVER = 0.3, 0.4  # share of windows with something in front; its largest side, in windows
SOFTEST, NOISE = 1.5, 0.06  # px: largest blur; largest standard deviation of the noise


def middle_window(photos: jax.Array, landmarks: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The windows [B, SIZE, SIZE, C] in the middle of photos, and their landmarks [B, N, 2].

    Landmarks come in px of the photos, and leave from -1 to 1 across the window.
    """
    still = jnp.broadcast_to(jnp.eye(2), (len(photos), 2, 2))
    return _cut(photos, landmarks, still, jnp.zeros((len(photos), 2)))


def soiled_windows(
    photos: jax.Array, heads: Mapping[str, jax.Array], key: jax.Array
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Random windows [B, SIZE, SIZE, 3] of photos, and the heads as these windows show them.

    Args:
      photos: [B, STORED, STORED, 3] in [-1, 1].
      heads: fields of `stages.HEAD_FIELDS` [B, ...]; landmarks in px of the photos.
      key: of the randomness.

    Returns:
      Landmarks from -1 to 1 across the window; rotations with the roll of the window.
    """
    count, keys = len(photos), jax.random.split(key, 10)
    first = jax.random.bernoulli(keys[0], FIRST, (count,))
    roll, zoom = (
        jax.random.normal(k, (count,)) * jnp.where(first, *deviations)
        for k, deviations in ((keys[1], ROLLS), (keys[2], ZOOMS))
    )
    shift = jax.random.normal(keys[3], (count, 2)) * jnp.where(first, *SHIFTS)[:, None]
    cosine, sine = jnp.cos(jnp.radians(roll)), jnp.sin(jnp.radians(roll))
    lean = jnp.stack([jnp.stack([cosine, -sine], -1), jnp.stack([sine, cosine], -1)], -2)
    flip = jax.random.bernoulli(keys[9], 0.5, (count,))
    heads = _mirrored(heads, flip)
    side = jnp.stack([1 - 2.0 * flip, jnp.ones(count)], axis=-1)
    spread = side[:, :, None] * lean * jnp.exp(zoom)[:, None, None]
    windows, landmarks = _cut(photos, heads["landmarks"], spread, shift)
    upright = jnp.zeros((count, 3, 3)).at[:, :2, :2].set(lean).at[:, 2, 2].set(1)
    rotation = jnp.einsum("bij,bjk->bik", upright.transpose(0, 2, 1), heads["rotation"])
    windows = augment.without_colour(windows, keys[4], GRAY)
    windows = _covered(windows, keys[5])
    windows = augment.blur(windows, keys[6], SOFTEST)
    windows = augment.noise(windows, keys[7], NOISE * jax.random.uniform(keys[8]))
    return windows, {**heads, "landmarks": landmarks, "rotation": rotation}


def _mirrored(heads: Mapping[str, jax.Array], flip: jax.Array) -> dict[str, jax.Array]:
    """Heads of photos of which those of `flip`, bool [B], are mirrored. Places stay the photo's."""
    other = {
        "landmarks": heads["landmarks"][:, MIRROR],
        "known": heads["known"][:, MIRROR],
        "rotation": cameras.mirrored(heads["rotation"]),
        "expression": heads["expression"][:, mirrored_expressions()],
    }

    def choose(mirrored: jax.Array, own: jax.Array) -> jax.Array:
        return jnp.where(flip.reshape(-1, *[1] * (own.ndim - 1)), mirrored, own)

    return {name: choose(other.get(name, own), own) for name, own in heads.items()}


def _cut(
    photos: jax.Array, landmarks: jax.Array, spread: jax.Array, shift: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Windows of photos: pixel p reads at centre + unit x spread @ (p - middle + shift)."""
    unit = (WIDTH / SIZE) / (STORED_WIDTH / STORED)  # px of the photo a px of the window
    middle, centre = (SIZE - 1) / 2, (STORED - 1) / 2
    own = grid(SIZE, SIZE)[None] - middle + shift[:, None, None]
    places = centre + unit * jnp.einsum("bij,bhwj->bhwi", spread, own)
    back = jnp.linalg.inv(spread)
    found = jnp.einsum("bij,bnj->bni", back, landmarks - centre) / unit - shift[:, None]
    return resample(photos, places), found / (SIZE / 2)


def _covered(images: jax.Array, key: jax.Array) -> jax.Array:
    """Images, some of them with a rectangle of one colour somewhere, as of hands or microphones."""
    keys = jax.random.split(key, 4)
    count, size = images.shape[:2]
    side = jax.random.uniform(keys[0], (count, 1, 1, 2), maxval=COVER * size)
    corner = jax.random.uniform(keys[1], (count, 1, 1, 2), maxval=size)
    away = grid(size, size)[None] - corner
    inside = ((away >= 0) & (away < side)).all(axis=-1, keepdims=True)
    chosen = jax.random.bernoulli(keys[2], COVERED, (count, 1, 1, 1))
    colour = jax.random.uniform(keys[3], (count, 1, 1, images.shape[-1]), minval=-1)
    return jnp.where(inside & chosen, colour, images)
