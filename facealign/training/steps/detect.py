"""The detector's train step: faces of any size and roll, on canvases composed of photos."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from facealign.data.face_canvases import SIZE, Canvases, compose
from facealign.geometry.face_cells import LOGIT, PLACE, RARE, SIDE, SIDES, UP, USUAL, centres
from facealign.models.apply import Network
from facealign.training import losses
from facealign.training.state import TrainState, update_networks
from facealign.training.steps.forward import Batch, TrainStep, apply_role

ROLE = "detector"
SEEN = 0.6  # of a ball, from which its face has to be found; below, it may be
# A cell sees a face whose centre is that near: in sides of the face, or in cells if that is more.
# A little further it may see it or not.
NEAR, FURTHER = (0.2, 1.0), (0.45, 1.5)
ALMOST = 1.4  # how much smaller or larger than those of its level a face is that it may see
FACE_WEIGHT, FOCUS = 0.5, 2.0  # Lin et al., "Focal loss for dense object detection", 2017


class Wanted(NamedTuple):
    """What cells should say, [B, N, ...]."""

    face: jax.Array  # whether it sees one
    counts: jax.Array  # whether that is known
    place: jax.Array  # [B, N, 2], in strides from the cell
    side: jax.Array  # logarithm, of USUAL strides
    up: jax.Array  # [B, N, 2]


def make_detect_step(
    networks: Mapping[str, Network], train: tuple[str, ...], weights: Mapping[str, float]
) -> TrainStep:
    """Learns where faces are. Terms: found, placed, upright. U shows a face each, R nobody."""

    def step(state: TrainState, batch: Batch, key: jax.Array):
        canvas_key, net_key = jax.random.split(key)
        known = (batch[f"{name}_unrestricted"] for name in ("ball", "up"))
        canvases = compose(batch["unrestricted"], *known, batch["restricted"], canvas_key)
        wanted = want(canvases)

        def loss(params):
            said, batch_stats, _ = apply_role(
                networks, state, params, ROLE, canvases.image, net_key
            )
            terms = measure(said, wanted)
            return losses.weighted_sum(terms, weights), (terms, batch_stats)

        (total, (terms, batch_stats)), gradients = jax.value_and_grad(loss, has_aux=True)(
            {role: state.nets[role].params for role in train}
        )
        return update_networks(networks, state, gradients, batch_stats), {"loss": total, **terms}

    return step


def want(canvases: Canvases) -> Wanted:
    """What the cells of canvases should say."""
    x, y, stride = jnp.asarray(centres(SIZE, SIZE)).T
    cells = jnp.stack([x, y], axis=-1)
    side = 2 * canvases.ball[:, None, :, 2]  # [B, 1, F]
    there = side > 0
    away = canvases.ball[:, None, :, :2] - cells[:, None]  # [B, N, F, 2]
    distance = jnp.linalg.norm(away, axis=-1)
    strides = stride[:, None]
    size = side / strides
    fits = (size >= SIDES[0]) & (size < SIDES[1])
    nearly = (size >= SIDES[0] / ALMOST) & (size < SIDES[1] * ALMOST)

    def within(limits: tuple[float, float]) -> jax.Array:
        return distance < jnp.maximum(limits[0] * side, limits[1] * strides)

    seen = canvases.seen[:, None] >= SEEN
    sees = there & seen & fits & within(NEAR)
    may = there & within(FURTHER) & (nearly | ~seen)
    best = jnp.argmin(jnp.where(sees, distance / jnp.maximum(side, 1e-6), jnp.inf), axis=-1)
    face = sees.any(axis=-1)

    def of_best(values: jax.Array) -> jax.Array:
        return jnp.take_along_axis(values, best[..., None], axis=2)[..., 0]

    log_side = jnp.log(jnp.maximum(size, 1e-6) / USUAL)
    place = jnp.stack([of_best(away[..., i]) for i in (0, 1)], axis=-1) / strides
    ups = jnp.broadcast_to(canvases.up[:, None], away.shape)
    up = jnp.stack([of_best(ups[..., i]) for i in (0, 1)], axis=-1)
    return Wanted(face, face | ~may.any(axis=-1), place, of_best(log_side), up)


def measure(said: jax.Array, wanted: Wanted) -> dict[str, jax.Array]:
    """The terms of the loss, by what cells say [B, N, NUMBERS]: numbers."""
    face, counts = wanted.face.astype(said.dtype), wanted.counts.astype(said.dtype)
    number = jnp.maximum(face.sum(), 1.0)
    logit = said[..., LOGIT] - RARE
    true = jnp.where(wanted.face, logit, -logit)  # the larger, the surer and right
    share = jnp.where(wanted.face, FACE_WEIGHT, 1 - FACE_WEIGHT)
    found = share * jax.nn.sigmoid(-true) ** FOCUS * jax.nn.softplus(-true)
    place = jnp.abs(said[..., PLACE] - wanted.place).sum(axis=-1)
    side = jnp.abs(said[..., SIDE] - wanted.side)
    up = jnp.square(said[..., UP] - wanted.up).sum(axis=-1)
    return {
        "found": (found * counts).sum() / number,
        "placed": ((place + side) * face).sum() / number,
        "upright": (up * face).sum() / number,
    }
