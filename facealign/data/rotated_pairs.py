"""Synthetic pairs: a frontal photo, and the same photo turned by the mean head.

Only the input is synthetic; the target is a real photo. Artifacts of turning are hidden as far as
possible, so that a network reads the pose from the face and not from artifacts.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from facealign.data import augment, cache
from facealign.data.load import Examples
from facealign.geometry import views
from facealign.geometry.frame import SIZE
from facealign.geometry.head import load_head
from facealign.geometry.head_rotation import make_landmarks, mirror
from facealign.geometry.views import ViewBank
from facealign.images import in_batches, to_float, to_uint8

YAWS = np.arange(-90.0, 91.0, 7.5)  # degrees, of the bank
PITCHES = (-20.0, -10.0, 0.0, 10.0, 20.0)
ROTATION, ZOOM = 5.0, 0.05  # degrees, share: how exactly crops are aligned
SHAPE = 2.0  # px: standard deviation of a warp at 5 x 5 points; real heads are not the mean one
FOREIGN = 0.5  # share of turned heads that get another photo's background
SOFTEST = 2.0  # px: largest standard deviation of the blur
NOISE = 0.04  # largest standard deviation of the noise
VERSION = "2"  # of the maps; a new one rebuilds cached banks


def create_views(folder: Any) -> ViewBank:
    """The bank of views that photos are turned by, cached in a folder."""
    return load_bank(views.create_poses(YAWS, PITCHES), folder)


def load_bank(poses: np.ndarray, folder: Path) -> ViewBank:
    """`views.make_bank` of poses [K, 3] in degrees, cached in a folder of its own.

    Another mean head makes another bank.
    """
    poses = np.asarray(poses, np.float32)
    key = f"{VERSION} {hashlib.sha256(poses.tobytes() + load_head().mean.tobytes()).hexdigest()}"

    def build() -> dict[str, np.ndarray]:
        fields = views.make_bank(poses)._asdict()
        return {"image": np.stack([fields.pop("turn"), fields.pop("unturn")]), **fields}

    fields = cache.load_or_build(Path(folder), key, build)
    turn, unturn = fields.pop("image")
    return ViewBank(turn=turn, unturn=unturn, **fields)


def add_pairs(
    batch: Mapping[str, jax.Array], bank: ViewBank, key: jax.Array
) -> dict[str, jax.Array]:
    """Adds R's photos, turned, `input_restricted`, and their `pose_restricted` [B, 2] in degrees.

    Half of the photos are mirrored first, and U's yaws with them. `landmarks_restricted`
    [B, 68, 2] are the mean head's landmarks in the turned photos, in px of the canonical crop.
    """
    keys = jax.random.split(key, 9)
    frontal, _ = _mirror_half(batch["restricted"], keys[0])
    wild, mirrored = _mirror_half(batch["unrestricted"], keys[8])
    index = jax.random.randint(keys[1], (len(frontal),), 0, len(bank.poses))
    moves = jax.random.normal(keys[2], (len(frontal), *2 * (augment.POINTS,), 2))
    maps = views.pick(bank.turn, index) + augment.spread_moves(SHAPE * moves, SIZE, SIZE)
    turned = views.turn(frontal, maps)
    head = _softened(jnp.asarray(bank.turn_head)[index], frontal.shape)
    foreign = jax.random.bernoulli(keys[3], FOREIGN, (len(frontal), 1, 1, 1))
    head = jnp.where(foreign, head, 1.0)
    photo = head * turned + (1 - head) * wild
    photo = augment.zoom_and_rotate(photo, keys[4], ZOOM, ROTATION)
    photo = augment.blur(photo, keys[5], SOFTEST * photo.shape[1] / SIZE)
    photo = augment.noise(photo, keys[6], NOISE * jax.random.uniform(keys[7]))
    pose = jnp.asarray(bank.poses)[index, :2]
    matrices, centre = augment.zoom_matrices(keys[4], len(photo), ZOOM, ROTATION), (SIZE - 1) / 2
    square = jnp.square(matrices[:, :1]).sum(axis=-1, keepdims=True)  # squared scale
    places = (make_landmarks()(pose) - centre) @ matrices / square + centre  # the inverse
    return {
        **batch,
        "unrestricted": wild,
        "yaw_unrestricted": jnp.where(mirrored, -1, 1) * batch["yaw_unrestricted"],
        "restricted": frontal,
        "input_restricted": photo,
        "pose_restricted": pose,
        "landmarks_restricted": places,
    }


def for_device(bank: ViewBank) -> ViewBank:
    """The fields of a bank that `add_pairs` needs, on the device."""
    return jax.device_put(bank._replace(unturn=None, turn_seen=None, unturn_seen=None))


def with_rotated(data: Mapping[str, Examples], bank: ViewBank, seed: int) -> dict[str, Examples]:
    """The examples by domain, with R's photos turned as the domain "turned"."""
    return {**data, "turned": rotate_examples(data["restricted"], bank, seed)}


def rotate_examples(examples: Examples, bank: ViewBank, seed: int) -> Examples:
    """The examples with each photo, uint8 [N, H, W, 1], turned by a random view; for evaluation."""
    images = examples["image"]
    index = np.random.default_rng(seed).integers(0, len(bank.poses), len(images))

    def rotate(images: np.ndarray, index: np.ndarray) -> np.ndarray:
        maps = views.pick(bank.turn, jnp.asarray(index))
        return to_uint8(views.turn(to_float(jnp.asarray(images)), maps))

    rotated = in_batches(rotate, images, index)
    return {**examples, "image": rotated}


def _mirror_half(photos: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Photos [B, H, W, 1] with about half of them mirrored, and which ones, bool [B]."""
    heads = jax.random.bernoulli(key, shape=(len(photos),))
    return jnp.where(heads[:, None, None, None], mirror(photos), photos), heads


def _softened(masks: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Masks bool [B, SIZE, SIZE] as weights [B, H, W, 1] with soft edges."""
    soft = views.mean_around(masks[..., None].astype(jnp.float32), 2)
    soft = jnp.clip(1.6 * soft - 0.6, 0, 1)  # narrower, since photos are stretched at the border
    return jax.image.resize(soft, (*shape[:3], 1), "linear", antialias=False)
