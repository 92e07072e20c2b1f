"""Pairs that nobody photographed: a frontal photo, and the same turned by the generic head.

What a turned photo shows that no camera would is on the side of the input, and is hidden as far as
possible, so that a network reads the pose off the face and not off such faults.
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
from facealign.geometry.head_rotation import make_landmarks, mirror
from facealign.geometry.views import ViewBank
from facealign.images import in_batches, to_float, to_uint8

YAWS = np.arange(-90.0, 91.0, 7.5)  # degrees, of the bank
PITCHES = (-20.0, -10.0, 0.0, 10.0, 20.0)
ROTATION, ZOOM = 5.0, 0.05  # degrees, share: how exactly faces are cut
SHAPE = 2.0  # px, standard deviation at 5 x 5 points: how far a head is from the generic one
FOREIGN = 0.5  # share of the turned heads that get another photo's background
SOFTEST = 2.0  # px: largest standard deviation of the blur
NOISE = 0.04  # its largest standard deviation
VERSION = "1"  # of the maps; a new one makes cached banks anew


def create_views(folder: Any) -> ViewBank:
    """The bank of views that photos are turned by, kept in a folder between runs."""
    return load_bank(views.create_poses(YAWS, PITCHES), folder)


def load_bank(poses: np.ndarray, folder: Path) -> ViewBank:
    """As `views.make_bank`, kept in a folder of its own between runs."""
    poses = np.asarray(poses, np.float32)
    key = f"{VERSION} {hashlib.sha256(poses.tobytes()).hexdigest()}"

    def build() -> dict[str, np.ndarray]:
        fields = views.make_bank(poses)._asdict()
        return {"image": np.stack([fields.pop("turn"), fields.pop("unturn")]), **fields}

    fields = cache.load_or_build(Path(folder), key, build)
    turn, unturn = fields.pop("image")
    return ViewBank(turn=turn, unturn=unturn, **fields)


def add_pairs(
    batch: Mapping[str, jax.Array], bank: ViewBank, key: jax.Array
) -> dict[str, jax.Array]:
    """The batch with `input_restricted`, R's photos turned, and `pose_restricted` [B, 2].

    Half of the photos are mirrored first, those of U with their yaws. `landmarks_restricted`
    [B, 68, 2] are the places of the generic head's landmarks in the turned photos, in px of the
    canonical crop.
    """
    keys = jax.random.split(key, 9)
    frontal, _ = _mirror_half(batch["restricted"], keys[0])
    wild, mirrored = _mirror_half(batch["unrestricted"], keys[8])
    index = jax.random.randint(keys[1], (len(frontal),), 0, len(bank.poses))
    moves = jax.random.normal(keys[2], (len(frontal), *2 * (augment.WARP_POINTS,), 2))
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
    square = jnp.square(matrices[:, :1]).sum(axis=-1, keepdims=True)  # of their scale
    places = (make_landmarks()(pose) - centre) @ matrices / square + centre  # by their inverses
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
    """What `add_pairs` needs of a bank, as arrays on the device."""
    return jax.device_put(bank._replace(unturn=None, turn_seen=None, unturn_seen=None))


def with_rotated(data: Mapping[str, Examples], bank: ViewBank, seed: int) -> dict[str, Examples]:
    """The examples by domain, and those of R turned, as the domain "turned"."""
    return {**data, "turned": rotate_examples(data["restricted"], bank, seed)}


def rotate_examples(examples: Examples, bank: ViewBank, seed: int) -> Examples:
    """Each photo turned by a random view, nothing else changed; for an evaluation."""
    images = examples["image"]
    index = np.random.default_rng(seed).integers(0, len(bank.poses), len(images))

    def rotate(images: np.ndarray, index: np.ndarray) -> np.ndarray:
        maps = views.pick(bank.turn, jnp.asarray(index))
        return to_uint8(views.turn(to_float(jnp.asarray(images)), maps))

    rotated = in_batches(rotate, images, index)
    return {**examples, "image": rotated}


def _mirror_half(photos: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Photos [B, H, W, 1], about half of them mirrored, and which ones, bool [B]."""
    heads = jax.random.bernoulli(key, shape=(len(photos),))
    return jnp.where(heads[:, None, None, None], mirror(photos), photos), heads


def _softened(masks: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Masks bool [B, SIZE, SIZE] as shares [B, H, W, 1], with soft edges."""
    soft = views.mean_around(masks[..., None].astype(jnp.float32), 2)
    soft = jnp.clip(1.6 * soft - 0.6, 0, 1)  # narrower: what is at the border is stretched
    return jax.image.resize(soft, (*shape[:3], 1), "linear", antialias=False)
