"""What a detector takes for faces on canvases, as windows in which a verifier learns to tell."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from facealign.data.face_canvases import SIZE, Canvases, halved, look_up
from facealign.geometry import face_cells, face_window
from facealign.geometry.resample import grid

MOST = 8  # likeliest finds of a canvas; it holds up to two faces
SAME = (0.4, 0.7)  # sides between, and logarithm of the ratio of, two finds that are one
# Of a find that is a face: sides to its centre, logarithm of the ratio, cosine with its way up.
RIGHT = (0.3, 0.47, 0.6)
NEAR = 1.0  # sides: what is so near a face that it has not found may pass for one
SEEN = 0.6  # of a ball, from which its face counts
SHIFT, SCALE, TURN = 0.07, 0.08, 0.15  # deviations that finds get, in sides, log and radians


class Finds(NamedTuple):
    """Squares around what may be faces, [B, N, ...]; as `face_cells.Faces`."""

    centre: jax.Array  # [B, N, 2] in px
    side: jax.Array  # [B, N] in px
    up: jax.Array  # [B, N, 2], of length 1


def likeliest(said: jax.Array) -> tuple[Finds, jax.Array]:
    """The MOST likeliest different finds, by what cells [B, N, NUMBERS] say, and their likeness."""
    centre, side, up, likeness = face_cells.decode(said, face_cells.centres(SIZE, SIZE), jnp)
    finds = Finds(centre, side, up)

    def take(rows: jax.Array) -> Finds:
        """The finds in rows [B, K]."""
        wide = lambda leaf: rows.reshape(*rows.shape, *[1] * (leaf.ndim - 2))  # noqa: E731
        return jax.tree.map(lambda leaf: jnp.take_along_axis(leaf, wide(leaf), axis=1), finds)

    def choose(likeness: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        best = jnp.argmax(likeness, axis=1)[:, None]
        own = take(best)
        away = jnp.linalg.norm(centre - own.centre, axis=-1) / own.side
        same = (away < SAME[0]) & (jnp.abs(jnp.log(side / own.side)) < SAME[1])
        return jnp.where(same, -1.0, likeness), best[:, 0]

    _, rows = jax.lax.scan(choose, likeness, length=MOST)
    return take(rows.T), jnp.take_along_axis(likeness, rows.T, axis=1)


def judge(finds: Finds, canvases: Canvases) -> tuple[jax.Array, jax.Array]:
    """Whether finds are faces, and whether that is known, [B, N]."""
    ball = canvases.ball[:, None]
    side = jnp.maximum(2 * ball[..., 2], 1e-6)  # [B, 1, F]
    there = ball[..., 2] > 0
    away = jnp.linalg.norm(ball[..., :2] - finds.centre[:, :, None], axis=-1) / side
    ratio = jnp.abs(jnp.log(side / finds.side[..., None]))
    cosine = (canvases.up[:, None] * finds.up[:, :, None]).sum(axis=-1)
    near, alike, upright = RIGHT
    right = (away < near) & (ratio < alike) & (cosine > upright)
    face = (there & right & (canvases.seen[:, None] >= SEEN)).any(axis=-1)
    return face, face | ~(there & (away < NEAR)).any(axis=-1)


def stir(finds: Finds, key: jax.Array) -> Finds:
    """Finds that are a little elsewhere, of another size and turned."""
    keys = jax.random.split(key, 3)
    shift = SHIFT * finds.side[..., None] * jax.random.normal(keys[0], finds.centre.shape)
    scale = jnp.exp(SCALE * jax.random.normal(keys[1], finds.side.shape))
    angle = TURN * jax.random.normal(keys[2], finds.side.shape)
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    x, y = jnp.moveaxis(finds.up, -1, 0)
    up = jnp.stack([cosine * x - sine * y, sine * x + cosine * y], axis=-1)
    return Finds(finds.centre + shift, finds.side * scale, up)


def cut(images: jax.Array, finds: Finds) -> jax.Array:
    """The windows of finds on canvases [B, SIZE, SIZE, 1]: [B * N, 48, 48, 1]."""
    size = face_window.SIZE
    zoom = finds.side * face_window.REACH / size  # px of the canvas in one of the window
    own = grid(size, size) - (size - 1) / 2
    down = -finds.up
    right = jnp.stack([down[..., 1], -down[..., 0]], axis=-1)
    turn = jnp.stack([right, down], axis=-1) * zoom[..., None, None]  # [B, N, 2, 2]
    places = finds.centre[:, :, None, None] + jnp.einsum("bnij,hwj->bnhwi", turn, own)
    below = places.reshape(len(images), -1, size, 2)  # a canvas's windows below one another
    windows = look_up(halved(images), below, jnp.repeat(zoom, size, axis=1)[..., None])
    return windows.reshape(-1, size, size, 1)
