"""The step that learns to turn heads back, on R's photos turned by the generic head."""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from facealign.geometry.frame import FIVE_POINTS, SIZE
from facealign.geometry.head_rotation import make_landmarks
from facealign.geometry.head_surface import create_surface, in_crop
from facealign.geometry.heatmaps import draw_heatmaps
from facealign.training import losses
from facealign.training.state import Network, TrainState, apply_network, update_networks
from facealign.training.steps.forward import Batch, TrainStep, apply_role
from facealign.training.steps.gan import TERMS, Rules, make_game
from facealign.training.steps.recognize import identity_loss

POSE_ERROR = np.array((6.0, 4.0))  # degrees of yaw, pitch: how wrong the decoder's pose is
UNIT = 30.0  # degrees: an error of pose this large costs 1
PROFILE = (70.0, 90.0)  # degrees of yaw that a photo called a profile may have
BACKGROUND = 0.2  # weight of what does not turn with the head, against that of the face
PART, PART_RADIUS = 2.0, 8.0  # extra weight of eyes, nose and mouth; px


def make_frontalize_step(
    networks: Mapping[str, Network],
    train: tuple[str, ...],
    weights: Mapping[str, float],
    rules: Rules | None = None,
) -> TrainStep:
    """R's decoder makes the frontal photo of its turned self.

    Terms: l1, at three scales; gradient, of the steps between pixels, both summed over a decoder's
    outputs; and what the networks ask for (warp's flow, blend and filling). If the code has a pose,
    as warp's has, and the encoder trains, pose as well: that of the turned photos, and the yaw of
    U's photos where it is known. The decoder then gets the true pose with an error, so that it
    learns to correct one. If the code has heatmaps, as ftgan's has, landmarks too: see
    `landmark_error`.

    Under rules of a game, the terms of `adversary.make_game` too: real are R's photos, fake
    in halves what comes of turned ones and of U's, whose pose is what the encoder says. With
    one for identity, that: how far the persons of R's outputs are from those of their targets, and
    of U's outputs, if there are any, from their inputs, as the frozen recognizer sees them. With
    one for facing: how far all outputs look aside, as the encoder before this step sees them.
    """
    play = make_game(networks, train, weights, rules) if rules else None
    own_weights = {name: weight for name, weight in weights.items() if name not in TERMS}
    generator = tuple(role for role in train if role != "discriminator")

    def step(state: TrainState, batch: Batch, key: jax.Array):
        network_key, error_key, game_key = jax.random.split(key, 3)
        count = len(batch["restricted"])
        wild = count // 2 if play else 0

        def make_images(params):
            photos = jnp.concatenate([batch["input_restricted"], batch["unrestricted"]])
            codes, encoder_stats, penalties = apply_role(
                networks, state, params, "encoder", photos, network_key
            )
            code = jax.tree.map(lambda leaf: leaf[: count + wild], codes)
            known = codes if isinstance(codes, dict) else {}
            told = {name: known[name] for name in ("pose", "seen", "heatmaps") if name in known}
            if "pose" in told:
                error = POSE_ERROR * jax.random.normal(error_key, (count, 2))
                wrong = batch["pose_restricted"] + error
                code["pose"] = jnp.concatenate([wrong, code["pose"][count:]])
            images, decoder_stats, more = apply_role(
                networks, state, params, "decoder_r", code, network_key
            )
            means = {name: term.mean() for name, term in (penalties | more).items()}
            return (images, told, means), encoder_stats | decoder_stats

        def own_loss(outputs, told, penalties):
            images, target = outputs[-1], batch["restricted"]
            counts, terms = face_weights(target.shape[1]), dict(penalties)
            for name, loss in (("l1", losses.multiscale_l1), ("gradient", losses.gradient_l1)):
                terms[name] = sum(loss(each[:count], target, counts).mean() for each in outputs)
            if "pose" in told and "encoder" in train:
                poses = told["pose"]
                terms["pose"] = pose_error(poses[:count], batch["pose_restricted"]).mean()
                terms["pose"] += yaw_error(poses[count:, 0], batch["yaw_unrestricted"]).mean()
            if "heatmaps" in told:
                terms["landmarks"] = (
                    landmark_error(told, batch["landmarks_restricted"]).mean()
                    if "encoder" in train
                    else seen_error(networks, state, images[:count], target).mean()
                )
            if "identity" in weights:
                kept = jnp.concatenate([target, batch["unrestricted"][:wild]])
                terms["identity"] = identity_loss(
                    networks["recognizer"], state.nets["recognizer"], images, kept
                ).mean()
            if "facing" in weights and "pose" in told:
                seen = apply_network(networks["encoder"], state.nets["encoder"], images)
                terms["facing"] = (jnp.abs(seen["pose"][:, 0]) / UNIT).mean()
            return losses.weighted_sum(terms, own_weights), terms

        # As in the adversarial step, every network runs forward once.
        old = {role: state.nets[role].params for role in generator}
        made, pull, batch_stats = jax.vjp(make_images, old, has_aux=True)
        (to_outputs, *others), terms = jax.grad(own_loss, argnums=(0, 1, 2), has_aux=True)(*made)
        gradients, accuracies = {}, {}
        if play:
            shown = slice(wild, wild + count)
            turn = play(state, batch["restricted"], made[0][-1][shown], game_key)
            *before, last = to_outputs
            to_outputs = (*before, last.at[shown].add(turn.to_fake))
            gradients, accuracies = turn.gradients, turn.accuracies
            terms |= turn.terms
        gradients = gradients | pull((to_outputs, *others))[0]
        new = update_networks(networks, state, gradients, batch_stats)
        return new, {"loss": losses.weighted_sum(terms, weights), **terms, **accuracies}

    return step


def pose_error(poses: jax.Array, truth: jax.Array) -> jax.Array:
    """Mean absolute error [B] of poses [B, 2] in units of 30 degrees."""
    return jnp.abs(poses - truth).mean(axis=1) / UNIT


def landmark_error(told: Mapping[str, jax.Array], places: jax.Array) -> jax.Array:
    """Error [B] of an encoder's heatmaps of B turned photos, the first ones that it was told.

    Of those in the photos, "seen", whose places [B, 68, 2] are known, and of those in the frontal
    ones made of them, "heatmaps", where the generic head has its landmarks.
    """
    count, size = len(places), told["seen"].shape[1]
    frontal = make_landmarks()(jnp.zeros((1, 2)))
    return losses.heatmap_error(
        told["seen"][:count], draw_heatmaps(places, size)
    ) + losses.heatmap_error(told["heatmaps"][:count], draw_heatmaps(frontal, size))


def seen_error(
    networks: Mapping[str, Network], state: TrainState, outputs: jax.Array, targets: jax.Array
) -> jax.Array:
    """How far the landmarks that the encoder sees in outputs are from those in targets, [B]."""
    found = apply_network(
        networks["encoder"], state.nets["encoder"], jnp.concatenate([outputs, targets])
    )
    return losses.heatmap_error(*jnp.split(found["seen"], 2))


def yaw_error(yaw: jax.Array, known: jax.Array) -> jax.Array:
    """How far yaw [B] is from the one that is known of a photo, [B] in units of 30 degrees.

    A known yaw of 90 degrees, a profile's, means any from 70 to 90 to that side; nan costs nothing.
    """
    is_known, known = jnp.isfinite(known), jnp.nan_to_num(known)
    side = jnp.sign(known)
    profile = side * jnp.clip(side * yaw, *PROFILE)
    error = jnp.abs(yaw - jnp.where(jnp.abs(known) >= PROFILE[1], profile, known))
    return jnp.where(is_known, error, 0) / UNIT


@functools.cache
def face_weights(size: int) -> np.ndarray:
    """How much a pixel of the frontal photo counts, [size, size, 1] with mean 1."""
    places = (np.arange(size) + 0.5) * SIZE / size - 0.5
    x, y = np.meshgrid(places, places)
    still = in_crop(create_surface().still)[np.rint(y).astype(int), np.rint(x).astype(int)]
    weights = BACKGROUND + (1 - BACKGROUND) * (1 - still)
    for column, row in FIVE_POINTS:
        weights += PART * np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * PART_RADIUS**2))
    return (weights / weights.mean())[..., None].astype(np.float32)
