"""The step that learns to turn heads back, on R's photos turned by the generic head.

In a game, real are R's photos, and fake in halves what comes of turned ones and of U's, whose pose
is what the encoder says.
"""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from facealign.geometry.frame import FIVE_POINTS, SIZE
from facealign.geometry.head_rotation import make_landmarks
from facealign.geometry.head_surface import create_surface, in_crop
from facealign.geometry.resample import draw_heatmaps
from facealign.models.apply import Network, apply_network
from facealign.training import losses
from facealign.training.state import TrainState, update_networks
from facealign.training.steps.autoencode import means
from facealign.training.steps.forward import Batch, TrainStep, apply_role
from facealign.training.steps.gan import TERMS, GanRules, make_gan
from facealign.training.steps.recognize import identity_loss

POSE_ERROR = np.array((6.0, 4.0))  # degrees of yaw, pitch: how wrong the decoder's pose is
UNIT = 30.0  # degrees: an error of pose this large costs 1
PROFILE = (70.0, 90.0)  # degrees of yaw that a photo called a profile may have
BACKGROUND = 0.2  # weight of what does not turn with the head, against that of the face
PART, PART_RADIUS = 2.0, 8.0  # extra weight of eyes, nose and mouth; px

Terms = dict[str, jax.Array]  # loss terms, scalars


def make_frontalize_step(
    networks: Mapping[str, Network],
    train: tuple[str, ...],
    weights: Mapping[str, float],
    rules: GanRules | None = None,
) -> TrainStep:
    """R's decoder makes the frontal photo of its turned self.

    Terms: those of `_image_terms`, `_seen_terms` and `_frozen_terms`; what the networks ask for
    (warp's flow, blend and filling); and with rules, those of `gan.make_gan`.
    """
    gan = make_gan(networks, train, weights, rules) if rules else None
    own_weights = {name: weight for name, weight in weights.items() if name not in TERMS}
    generator = tuple(role for role in train if role != "discriminator")

    def step(state: TrainState, batch: Batch, key: jax.Array):
        network_key, error_key, game_key = jax.random.split(key, 3)
        count = len(batch["restricted"])
        wild = count // 2 if gan else 0  # of U's photos, so many are turned back too

        def make_images(params):
            photos = jnp.concatenate([batch["input_restricted"], batch["unrestricted"]])
            codes, encoder_stats, penalties = apply_role(
                networks, state, params, "encoder", photos, network_key
            )
            code = jax.tree.map(lambda leaf: leaf[: count + wild], codes)
            known = codes if isinstance(codes, dict) else {}
            seen = {name: known[name] for name in ("pose", "seen", "heatmaps") if name in known}
            if "pose" in seen:  # the decoder learns to correct a wrong one
                error = POSE_ERROR * jax.random.normal(error_key, (count, 2))
                wrong = batch["pose_restricted"] + error
                code["pose"] = jnp.concatenate([wrong, code["pose"][count:]])
            images, decoder_stats, more = apply_role(
                networks, state, params, "decoder_r", code, network_key
            )
            return (images, seen, means(penalties | more)), encoder_stats | decoder_stats

        def own_loss(outputs, seen, penalties):
            terms = {**penalties, **_image_terms(outputs, batch["restricted"])}
            terms |= _seen_terms(networks, state, train, batch, outputs[-1], seen)
            terms |= _frozen_terms(networks, state, weights, batch, outputs[-1], seen)
            return losses.weighted_sum(terms, own_weights), terms

        # As in the adversarial step, every network runs forward once.
        old = {role: state.nets[role].params for role in generator}
        made, pull, batch_stats = jax.vjp(make_images, old, has_aux=True)
        (to_outputs, *others), terms = jax.grad(own_loss, argnums=(0, 1, 2), has_aux=True)(*made)
        gradients, accuracies = {}, {}
        if gan:
            shown = slice(wild, wild + count)
            game = gan(state, batch["restricted"], made[0][-1][shown], game_key)
            *before, last = to_outputs
            to_outputs = (*before, last.at[shown].add(game.to_fake))
            gradients, accuracies = game.gradients, game.accuracies
            terms |= game.terms
        gradients = gradients | pull((to_outputs, *others))[0]
        new = update_networks(networks, state, gradients, batch_stats)
        return new, {"loss": losses.weighted_sum(terms, weights), **terms, **accuracies}

    return step


def _image_terms(outputs: tuple[jax.Array, ...], target: jax.Array) -> Terms:
    """l1, at three scales, and gradient, of the steps between pixels.

    Both summed over a decoder's outputs, of which the first B have targets.
    """
    counts = face_weights(target.shape[1])
    return {
        name: sum(loss(each[: len(target)], target, counts).mean() for each in outputs)
        for name, loss in (("l1", losses.multiscale_l1), ("gradient", losses.gradient_l1))
    }


def _seen_terms(
    networks: Mapping[str, Network],
    state: TrainState,
    train: tuple[str, ...],
    batch: Batch,
    images: jax.Array,
    seen: Mapping[str, jax.Array],
) -> Terms:
    """What the encoder saw in photos, where its code says so.

    pose, if the encoder trains: that of the turned photos, and the yaw of U's where it is known.
    landmarks, see `landmark_error`; of an encoder that does not train, see `seen_error`.
    """
    terms, target = {}, batch["restricted"]
    count = len(target)
    if "pose" in seen and "encoder" in train:
        poses = seen["pose"]
        terms["pose"] = pose_error(poses[:count], batch["pose_restricted"]).mean()
        terms["pose"] += yaw_error(poses[count:, 0], batch["yaw_unrestricted"]).mean()
    if "heatmaps" in seen:
        terms["landmarks"] = (
            landmark_error(seen, batch["landmarks_restricted"]).mean()
            if "encoder" in train
            else seen_error(networks, state, images[:count], target).mean()
        )
    return terms


def _frozen_terms(
    networks: Mapping[str, Network],
    state: TrainState,
    weights: Mapping[str, float],
    batch: Batch,
    images: jax.Array,
    seen: Mapping[str, jax.Array],
) -> Terms:
    """What frozen networks see in the outputs, where that is weighted.

    identity: how far the persons of R's outputs are from those of their targets, and of U's outputs
    from their inputs, as the recognizer sees them. facing: how far all outputs look aside, as the
    encoder before this step sees them.
    """
    terms, target = {}, batch["restricted"]
    if "identity" in weights:
        wild = batch["unrestricted"][: len(images) - len(target)]
        terms["identity"] = identity_loss(
            networks["recognizer"],
            state.nets["recognizer"],
            images,
            jnp.concatenate([target, wild]),
        ).mean()
    if "facing" in weights and "pose" in seen:
        found = apply_network(networks["encoder"], state.nets["encoder"], images)
        terms["facing"] = (jnp.abs(found["pose"][:, 0]) / UNIT).mean()
    return terms


def pose_error(poses: jax.Array, truth: jax.Array) -> jax.Array:
    """Mean absolute error [B] of poses [B, 2] in units of 30 degrees."""
    return jnp.abs(poses - truth).mean(axis=1) / UNIT


def landmark_error(seen: Mapping[str, jax.Array], places: jax.Array) -> jax.Array:
    """Error [B] of an encoder's heatmaps of B turned photos, the first ones that it saw.

    Of those in the photos, "seen", whose places [B, 68, 2] are known, and of those in the frontal
    ones made of them, "heatmaps", where the generic head has its landmarks.
    """
    count, size = len(places), seen["seen"].shape[1]
    frontal = make_landmarks()(jnp.zeros((1, 2)))
    return losses.heatmap_error(
        seen["seen"][:count], draw_heatmaps(places, size)
    ) + losses.heatmap_error(seen["heatmaps"][:count], draw_heatmaps(frontal, size))


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
