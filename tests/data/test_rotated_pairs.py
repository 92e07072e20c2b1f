"""Turned pairs: what belongs together stays together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.data import rotated_pairs
from facealign.geometry import views
from facealign.geometry.head_rotation import make_landmarks, mirror

SIZE = 64


@pytest.fixture(scope="module")
def bank():
    return views.make_bank(views.create_poses((-30.0, 0.0, 30.0)))


@pytest.fixture(scope="module")
def add_pairs(bank):
    """Compiled once; op by op it takes as long again for every shape."""
    add = jax.jit(rotated_pairs.add_pairs)
    return lambda batch, key: add(batch, rotated_pairs.for_device(bank), key)


def make_batch():
    keys = jax.random.split(jax.random.key(0))
    shape = (16, SIZE, SIZE, 1)
    names = ("unrestricted", "restricted")
    images = {n: jax.random.uniform(k, shape, minval=-1) for n, k in zip(names, keys, strict=True)}
    return images | {"yaw_unrestricted": jnp.where(jnp.arange(16) == 3, np.nan, 10.0)}


def test_targets_are_the_photos_or_their_mirror_images(add_pairs):
    batch = make_batch()
    new = add_pairs(batch, jax.random.key(1))
    same = (new["restricted"] == batch["restricted"]).all(axis=(1, 2, 3))
    other = (new["restricted"] == mirror(batch["restricted"])).all(axis=(1, 2, 3))
    assert (same | other).all()
    assert same.any()
    assert other.any()


def test_photos_of_u_are_mirrored_with_their_yaws(add_pairs):
    batch = make_batch()
    new = add_pairs(batch, jax.random.key(1))
    other = (new["unrestricted"] == mirror(batch["unrestricted"])).all(axis=(1, 2, 3))
    photos = np.where(
        other[:, None, None, None], mirror(batch["unrestricted"]), batch["unrestricted"]
    )
    np.testing.assert_array_equal(new["unrestricted"], photos)
    np.testing.assert_array_equal(
        new["yaw_unrestricted"], np.where(other, -1, 1) * batch["yaw_unrestricted"]
    )
    assert 0 < other.sum() < 16
    assert np.isnan(new["yaw_unrestricted"][3])


def test_poses_are_those_of_the_bank_and_inputs_are_images(add_pairs):
    new = add_pairs(make_batch(), jax.random.key(1))
    assert set(np.asarray(new["pose_restricted"][:, 0])) <= {-30.0, 0.0, 30.0}
    assert new["input_restricted"].shape == new["restricted"].shape
    assert np.abs(new["input_restricted"]).max() <= 1
    assert (new["input_restricted"] != new["restricted"]).any()


def test_landmarks_follow_the_turn_and_the_cut(add_pairs, bank):
    """A bright spot at the nose is found where the landmark is said to be."""
    nose = np.asarray(make_landmarks()(jnp.zeros((1, 2))))[0, 30]
    x, y = np.meshgrid(*[2 * np.arange(SIZE) + 0.5] * 2)
    spot = np.exp(-((x - nose[0]) ** 2 + (y - nose[1]) ** 2) / (2 * 3.0**2))[..., None]
    photos = jnp.broadcast_to(jnp.float32(2 * spot - 1), (16, SIZE, SIZE, 1))
    batch = make_batch() | {"unrestricted": 0 * photos - 1, "restricted": photos}
    new = add_pairs(batch, jax.random.key(1))
    light = np.maximum(np.asarray(new["input_restricted"])[..., 0] + 0.5, 0)
    centre = np.stack([(light * axis).sum((1, 2)) / light.sum((1, 2)) for axis in (x, y)], -1)
    away = np.linalg.norm(centre - new["landmarks_restricted"][:, 30], axis=-1)
    assert np.median(away) < 3.0  # heads differ from the generic one by 2 px


def test_half_of_the_turned_heads_stand_before_another_photo(add_pairs):
    """Heads of black photos stay black; what is white around them is of U's photos."""
    white = jnp.ones((16, SIZE, SIZE, 1))
    batch = make_batch() | {"unrestricted": white, "restricted": -white}
    photos = [add_pairs(batch, jax.random.key(i))["input_restricted"] for i in range(4)]
    photos = np.concatenate(photos)[..., 0]
    assert photos[:, 24:40, 24:40].max() < 0
    foreign = photos.max(axis=(1, 2)) > 0.5
    assert 0.35 < foreign.mean() < 0.65


def test_the_same_key_gives_the_same_pairs_and_jit_equals_eager(add_pairs, bank):
    batch, key = make_batch(), jax.random.key(3)
    eager, jitted = rotated_pairs.add_pairs(batch, bank, key), add_pairs(batch, key)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-4), eager, dict(jitted))


def test_evaluation_turns_each_photo_and_changes_nothing_else(bank):
    image = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 1), np.uint8)
    examples = {"image": image, "subject": np.array([*"abcde"])}
    data = rotated_pairs.with_rotated({"restricted": examples}, bank, seed=0)
    assert data["turned"]["image"].shape == image.shape
    np.testing.assert_array_equal(data["turned"]["subject"], examples["subject"])
    again = rotated_pairs.rotate_examples(examples, bank, seed=0)
    np.testing.assert_array_equal(again["image"], data["turned"]["image"])


def test_a_head_that_is_not_turned_stays_as_it_is():
    bank = views.make_bank(views.create_poses((0.0,)))
    image = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 1), np.uint8)
    turned = rotated_pairs.rotate_examples({"image": image}, bank, seed=0)["image"]
    assert np.abs(turned.astype(int) - image).max() <= 2


def test_a_bank_is_made_once_and_then_loaded(bank, tmp_path):
    folder = tmp_path / "views"
    first = rotated_pairs.load_bank(bank.poses, folder)
    stamp = (folder / "image.npy").stat().st_mtime_ns
    second = rotated_pairs.load_bank(bank.poses, folder)
    assert (folder / "image.npy").stat().st_mtime_ns == stamp
    for made, *loaded in zip(bank, first, second, strict=True):
        for field in loaded:
            np.testing.assert_array_equal(made, field)
    other = rotated_pairs.load_bank(bank.poses[:1], folder)
    assert len(other.turn) == len(other.unturn_seen) == 1
