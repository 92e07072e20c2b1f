"""The step that learns to frontalize, on R's photos turned by the mean head.

With a GAN, R's photos are real. Half of the fakes come from turned R photos, half from U's photos,
whose pose the encoder predicts.

Terms: those of `_image_terms`, `_seen_terms` and `_frozen_terms`; the networks' penalties (warp's
flow, blend and filling); with a GAN, those of `gan.make_gan`.
"""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from facealign.geometry.frame import FIVE_POINTS, SIZE
from facealign.geometry.head_rotation import make_landmarks
from facealign.geometry.resample import draw_heatmaps
from facealign.models.apply import Network, apply_network
from facealign.models.warp_sheet import load_sheet
from facealign.training import losses
from facealign.training.state import TrainState, update_networks
from facealign.training.steps.autoencode import means
from facealign.training.steps.forward import Batch, TrainStep, apply_role
from facealign.training.steps.gan import TERMS, GanRules, make_gan
from facealign.training.steps.recognize import identity_loss

POSE_ERROR = np.array((6.0, 4.0))  # degrees of yaw, pitch: noise on the decoder's pose
UNIT = 30.0  # degrees of pose error that cost 1
PROFILE = (70.0, 90.0)  # degrees: range of |yaw| of a photo labelled as a profile
BACKGROUND = 0.2  # weight of a background pixel; a pixel of the head has 1
PART, PART_RADIUS = 2.0, 8.0  # extra weight of eyes, nose and mouth; its standard deviation in px

Terms = dict[str, jax.Array]  # loss terms, scalars


def make_frontalize_step(
    networks: Mapping[str, Network],
    train: tuple[str, ...],
    weights: Mapping[str, float],
    rules: GanRules | None = None,
) -> TrainStep:
    """R's decoder makes the frontal photo from the turned one; with rules, a GAN judges it."""
    gan = make_gan(networks, train, weights, rules) if rules else None
    own_weights = {name: weight for name, weight in weights.items() if name not in TERMS}
    generator = tuple(role for role in train if role != "discriminator")

    def step(state: TrainState, batch: Batch, key: jax.Array):
        network_key, error_key, gan_key = jax.random.split(key, 3)
        count = len(batch["restricted"])
        wild = count // 2 if gan else 0  # how many of U's photos are frontalized too

        def make_images(params):
            photos = jnp.concatenate([batch["input_restricted"], batch["unrestricted"]])
            codes, encoder_stats, penalties = apply_role(
                networks, state, params, "encoder", photos, network_key
            )
            code = jax.tree.map(lambda leaf: leaf[: count + wild], codes)
            known = codes if isinstance(codes, dict) else {}
            seen = {name: known[name] for name in ("pose", "seen", "heatmaps") if name in known}
            if "pose" in seen:  # noise, so that the decoder learns to correct a wrong pose
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

        # As in the adversarial step, each network runs forward once.
        old = {role: state.nets[role].params for role in generator}
        made, pull, batch_stats = jax.vjp(make_images, old, has_aux=True)
        (to_outputs, *others), terms = jax.grad(own_loss, argnums=(0, 1, 2), has_aux=True)(*made)
        gradients, accuracies = {}, {}
        if gan:
            shown = slice(wild, wild + count)
            result = gan(state, batch["restricted"], made[0][-1][shown], gan_key)
            *before, last = to_outputs
            to_outputs = (*before, last.at[shown].add(result.to_fake))
            gradients, accuracies = result.gradients, result.accuracies
            terms |= result.terms
        gradients = gradients | pull((to_outputs, *others))[0]
        new = update_networks(networks, state, gradients, batch_stats)
        return new, {"loss": losses.weighted_sum(terms, weights), **terms, **accuracies}

    return step


def _image_terms(outputs: tuple[jax.Array, ...], target: jax.Array) -> Terms:
    """l1, at three scales; and gradient, L1 of the differences between neighbouring pixels.

    Both are summed over a decoder's outputs, whose first B images have targets.
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
    """Terms on the pose and the landmarks that the encoder predicts, if its code has them.

    pose, only if the encoder trains: `pose_error` of the turned photos, and `yaw_error` of U's.
    landmarks: `landmark_error` if the encoder trains, else `seen_error`.
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
    """Terms that frozen networks compute on the outputs, each only if it has a weight.

    identity: distance between the recognizer's embeddings of R's outputs and their targets, and
    of U's outputs and their inputs. facing: |yaw| of all outputs, as the encoder predicts it
    with its weights from before this step.
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
    """Mean absolute error [B] of poses [B, 2] (yaw, pitch), in units of 30 degrees."""
    return jnp.abs(poses - truth).mean(axis=1) / UNIT


def landmark_error(seen: Mapping[str, jax.Array], places: jax.Array) -> jax.Array:
    """Error [B] of the encoder's heatmaps of B turned photos, the first ones in its batch.

    Sums the errors of "seen", the landmarks in the turned photos, known as `places` [B, 68, 2],
    and of "heatmaps", the landmarks in the frontal photos, known from the mean head.
    """
    count, size = len(places), seen["seen"].shape[1]
    frontal = make_landmarks()(jnp.zeros((1, 2)))
    return losses.heatmap_error(
        seen["seen"][:count], draw_heatmaps(places, size)
    ) + losses.heatmap_error(seen["heatmaps"][:count], draw_heatmaps(frontal, size))


def seen_error(
    networks: Mapping[str, Network], state: TrainState, outputs: jax.Array, targets: jax.Array
) -> jax.Array:
    """Error [B] between the landmark heatmaps that the encoder predicts for outputs and targets."""
    found = apply_network(
        networks["encoder"], state.nets["encoder"], jnp.concatenate([outputs, targets])
    )
    return losses.heatmap_error(*jnp.split(found["seen"], 2))


def yaw_error(yaw: jax.Array, known: jax.Array) -> jax.Array:
    """Error [B] of predicted yaw [B] against known yaw [B], in units of 30 degrees.

    A known yaw of 90 degrees is a profile: any yaw from 70 to 90 to that side is right. An unknown
    yaw (nan) costs nothing.
    """
    is_known, known = jnp.isfinite(known), jnp.nan_to_num(known)
    side = jnp.sign(known)
    profile = side * jnp.clip(side * yaw, *PROFILE)
    error = jnp.abs(yaw - jnp.where(jnp.abs(known) >= PROFILE[1], profile, known))
    return jnp.where(is_known, error, 0) / UNIT


@functools.cache
def face_weights(size: int) -> np.ndarray:
    """Loss weight of each pixel of the frontal photo, [size, size, 1] with mean 1."""
    places = (np.arange(size) + 0.5) * SIZE / size - 0.5
    x, y = np.meshgrid(places, places)
    still = load_sheet().still[np.rint(y).astype(int), np.rint(x).astype(int)]
    weights = BACKGROUND + (1 - BACKGROUND) * (1 - still)
    for column, row in FIVE_POINTS:
        weights += PART * np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * PART_RADIUS**2))
    return (weights / weights.mean())[..., None].astype(np.float32)
