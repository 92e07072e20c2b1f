"""Canvases with faces of any size, place and roll, composed of photos and of pictures without.

On a picture lie, one over another, a piece of another picture, and pieces of up to FACES photos.
Each face is known as a ball around the head, since that looks alike from all sides.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from facealign.data import augment
from facealign.geometry.resample import grid, resample

SIZE = 256  # px: of canvases, photos and pictures
FACES = 2  # most of a canvas
THERE = (0.9, 0.5)  # how often each of them is there
SIDES = (12.0, 150.0)  # px of faces
UPRIGHT, ROLL = 0.3, 15.0  # share of faces that nearly stand, and their deviation in degrees
AROUND = (1.1, 3.5)  # how far a piece of a photo reaches, in radii of the ball
PICTURE_ZOOM = (0.4, 1.5)  # px of a picture a px of the canvas
PIECE, PIECES = (16.0, 110.0), 0.6  # px from the middle of its piece to its edges; how often
LEVELS = 4  # halved sizes of photos: which one is read depends on the zoom
CUT, LARGEST_CUT = 0.3, 0.3  # share of canvases whose border is repeated; of a side
RIM = 0.7  # where the ball is looked at to tell how much of it is seen
GAMMA, SOFTEST, NOISE, CONTRAST = 0.4, 1.2, 0.06, 0.4
BRIGHT = (0.25, 1.3)


class Canvases(NamedTuple):
    """Canvases and the faces on them; what is not there has radius 0."""

    image: jax.Array  # [B, SIZE, SIZE, 1] in [-1, 1]
    ball: jax.Array  # [B, FACES, 3]: centre and radius in px
    up: jax.Array  # [B, FACES, 2]: the way up of the head
    seen: jax.Array  # [B, FACES], 0 to 1: how much of the ball


class _Layer(NamedTuple):
    image: jax.Array  # [B, SIZE, SIZE, 1]
    mask: jax.Array  # [B, SIZE, SIZE, 1], 0 or 1


def compose(
    photos: jax.Array, ball: jax.Array, up: jax.Array, pictures: jax.Array, key: jax.Array
) -> Canvases:
    """Random canvases.

    Args:
      photos: [B, SIZE, SIZE, 1] in [-1, 1], each with one face.
      ball: its centre and radius, [B, 3] in px.
      up: the way up of its head, [B, 2].
      pictures: [B, SIZE, SIZE, 1] in [-1, 1], without faces.
      key: of the randomness.
    """
    keys = jax.random.split(key, 4 + FACES)
    read = halved(pictures)
    image = _draw_background(read, keys[0])
    piece = _draw_piece(jnp.roll(read, 1, axis=0), keys[1])
    image = _over(piece, image)
    read, balls, ups, layers = halved(photos), [], [], []
    for number in range(FACES):
        turned = (jnp.roll(array, number, axis=0) for array in (read, ball, up))
        layer, own_ball, own_up = _draw_face(*turned, THERE[number], keys[4 + number])
        image = _over(layer, image)
        layers, balls, ups = [*layers, layer], [*balls, own_ball], [*ups, own_up]
    balls = jnp.stack(balls, axis=1)
    inside = jnp.ones_like(image)
    image, inside = _repeat_border(image, inside, keys[2])
    return Canvases(_soil(image, keys[3]), balls, jnp.stack(ups, 1), _seen(balls, layers, inside))


def halved(images: jax.Array) -> jax.Array:
    """Images [B, SIZE, SIZE, 1] and their halved sizes beside them, [B, SIZE, 1.5 SIZE, 1]."""
    levels, beside = images, []
    for _ in range(LEVELS - 1):
        b, h, w, c = levels.shape
        levels = levels.reshape(b, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))
        beside.append(jnp.pad(levels, ((0, 0), (0, 0), (0, SIZE // 2 - w // 2), (0, 0))))
    column = jnp.concatenate(beside, axis=1)
    column = jnp.pad(column, ((0, 0), (0, SIZE - column.shape[1]), (0, 0), (0, 0)))
    return jnp.concatenate([images, column], axis=2)


def look_up(read: jax.Array, places: jax.Array, zoom: jax.Array) -> jax.Array:
    """Images of `halved` at places [B, H, W, 2] in px, that so many px [B, 1 or H, 1] lie apart."""
    level = jnp.clip(jnp.floor(jnp.log2(zoom) + 0.5), 0, LEVELS - 1)
    size, beside = SIZE * 0.5**level, (level > 0).astype(places.dtype)
    last = size - 1
    x, y = (jnp.clip((places[..., i] + 0.5) * 0.5**level - 0.5, 0, last) for i in (0, 1))
    # The halved sizes lie under one another: SIZE / 2, SIZE / 4, ...
    return resample(
        read, jnp.stack([x + SIZE * beside, y + beside * SIZE * (1 - 2 * 0.5**level)], axis=-1)
    )


def _between(key: jax.Array, limits: tuple[float, float], *shape: int) -> jax.Array:
    """Random numbers between limits, as likely at any order of size."""
    low, high = jnp.log(jnp.array(limits))
    return jnp.exp(jax.random.uniform(key, shape, minval=low, maxval=high))


def _turns(angle: jax.Array, mirrored: jax.Array) -> jax.Array:
    """Matrices [B, 2, 2] that turn by angles [B] and mirror where that is -1, not 1."""
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    rows = [[mirrored * cosine, -mirrored * sine], [sine, cosine]]
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)


def _mirrored(key: jax.Array, count: int) -> jax.Array:
    return 1 - 2.0 * jax.random.bernoulli(key, 0.5, (count,))


def _draw_background(read: jax.Array, key: jax.Array) -> jax.Array:
    keys, count = jax.random.split(key, 4), len(read)
    angle = jax.random.uniform(keys[0], (count,), minval=-jnp.pi, maxval=jnp.pi)
    zoom = _between(keys[1], PICTURE_ZOOM, count)
    matrix = _turns(angle, _mirrored(keys[2], count)) * zoom[:, None, None]
    centre = jax.random.uniform(keys[3], (count, 1, 1, 2), maxval=SIZE)
    own = grid(SIZE, SIZE) - SIZE / 2
    places = centre + jnp.einsum("bij,hwj->bhwi", matrix, own)
    return look_up(read, places, zoom[:, None, None])


def _draw_piece(read: jax.Array, key: jax.Array) -> _Layer:
    keys, count = jax.random.split(key, 5), len(read)
    image = _draw_background(read, keys[0])
    angle = ROLL * jnp.pi / 180 * jax.random.normal(keys[1], (count,))
    centre = jax.random.uniform(keys[2], (count, 1, 1, 2), maxval=SIZE)
    turn = _turns(angle, jnp.ones(count))
    away = jnp.einsum("bij,bhwj->bhwi", turn, grid(SIZE, SIZE) - centre)
    there = jax.random.bernoulli(keys[3], PIECES, (count, 1, 1))
    mask = _within(away, _between(keys[4], PIECE, count, 1, 1, 4)) & there
    return _Layer(image, mask[..., None].astype(image.dtype))


def _within(away: jax.Array, reach: jax.Array) -> jax.Array:
    """Whether places [B, H, W, 2] are right, left, below and above that near, [B, 1, 1, 4]."""
    right, left, below, above = jnp.moveaxis(reach, -1, 0)
    x, y = away[..., 0], away[..., 1]
    return (x < right) & (-x < left) & (y < below) & (-y < above)


def _draw_face(
    read: jax.Array, ball: jax.Array, up: jax.Array, often: float, key: jax.Array
) -> tuple[_Layer, jax.Array, jax.Array]:
    """A piece of a photo with its face; and the ball [B, 3] and way up [B, 2] on the canvas."""
    keys, count = jax.random.split(key, 7), len(read)
    radius = _between(keys[0], SIDES, count) / 2
    zoom = ball[:, 2] / radius
    upright = ROLL * jnp.pi / 180 * jax.random.normal(keys[1], (count,))
    anyhow = jax.random.uniform(keys[2], (count,), minval=-jnp.pi, maxval=jnp.pi)
    angle = jnp.where(jax.random.bernoulli(keys[3], UPRIGHT, (count,)), upright, anyhow)
    turn = _turns(angle, _mirrored(keys[4], count))
    key_place, key_there = jax.random.split(keys[5])
    centre = jax.random.uniform(key_place, (count, 2), maxval=SIZE)
    away = jnp.einsum("bij,bhwj->bhwi", turn, grid(SIZE, SIZE) - centre[:, None, None])
    places = ball[:, None, None, :2] + zoom[:, None, None, None] * away
    reach = radius[:, None, None, None] * _between(keys[6], AROUND, count, 1, 1, 4)
    held = ((places > 0) & (places < SIZE - 1)).all(axis=-1)
    there = jax.random.bernoulli(key_there, often, (count,)) & (ball[:, 2] > 0)
    mask = _within(away, reach) & held & there[:, None, None]
    image = look_up(read, places, zoom[:, None, None])
    own_up = jnp.einsum("bij,bi->bj", turn, up)  # the inverse of a turn is its transpose
    found = jnp.concatenate([centre, (radius * there)[:, None]], axis=-1)
    return _Layer(image, mask[..., None].astype(image.dtype)), found, own_up


def _over(layer: _Layer, behind: jax.Array) -> jax.Array:
    return behind + layer.mask * (layer.image - behind)


def _repeat_border(
    image: jax.Array, inside: jax.Array, key: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Some canvases end early, and their border is repeated, as that of photos is."""
    keys, count = jax.random.split(key), len(image)
    cut = LARGEST_CUT * SIZE * jax.random.uniform(keys[0], (count, 1, 1, 4))
    cut = cut * jax.random.bernoulli(keys[1], CUT, (count, 1, 1, 1))
    cut = jnp.round(cut)
    own = jnp.broadcast_to(grid(SIZE, SIZE), (count, SIZE, SIZE, 2))
    kept = jnp.clip(own, cut[..., :2], SIZE - 1 - cut[..., 2:])
    return resample(image, kept), inside * (kept == own).all(axis=-1, keepdims=True)


def _seen(balls: jax.Array, layers: list[_Layer], inside: jax.Array) -> jax.Array:
    """How much of each ball no later layer and no border hides, [B, FACES]."""
    angles = jnp.arange(8) * jnp.pi / 4
    rim = RIM * jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=-1)
    points = jnp.concatenate([jnp.zeros((1, 2)), rim])
    shares = []
    for number in range(FACES):
        shown = inside
        for later in layers[number + 1 :]:
            shown = shown * (1 - later.mask)
        places = balls[:, None, number, :2] + balls[:, None, number, 2:] * points
        within = ((places >= 0) & (places <= SIZE - 1)).all(axis=-1)
        shares.append((resample(shown, places[:, None])[:, 0, :, 0] * within).mean(axis=-1))
    return jnp.stack(shares, axis=1)


def _soil(images: jax.Array, key: jax.Array) -> jax.Array:
    """Canvases as bad photos."""
    keys, count = jax.random.split(key, 6), len(images)
    power = jnp.exp(GAMMA * jax.random.normal(keys[0], (count, 1, 1, 1)))
    bright = jax.random.uniform(keys[1], (count, 1, 1, 1), minval=BRIGHT[0], maxval=BRIGHT[1])
    images = (bright * (images / 2 + 0.5).clip(0, 1) ** power).clip(0, 1) * 2 - 1
    images = augment.contrast(images, keys[2], CONTRAST)
    images = augment.blur(images, keys[3], SOFTEST)
    return augment.noise(images, keys[4], NOISE * jax.random.uniform(keys[5])).clip(-1, 1)
