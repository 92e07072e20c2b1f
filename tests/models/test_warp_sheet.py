"""The old generic head of the warp model: what the shipped weights rest on stays as it was."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.geometry.frame import SIZE
from facealign.geometry.head_rotation import mirror
from facealign.models.warp_sheet import load_sheet, make_unturn
from facealign.portraits.methods import load_frontalizer
from facealign.training.translate import make_translate

# Of the arrays that the weights were trained with: beginnings of SHA-256.
SUMS = {
    "points": "370a13a1497fd4fd",
    "normals": "f9ea6c8a77bf922a",
    "still": "b368521825eb152c",
    "table": "b5e4d05182abaf7d",
}
POSES = ((30, 10), (-80, -20), (47, 5))
# Pixel (y, x) -> places and facing for each of POSES, as the weights were trained with.
KNOWN = {
    (53, 43): (((42.146, 51.754), (59.914, 51.524), (45.943, 51.144)), (0.9483, -0.0494, 0.8078)),
    (77, 65): (((75.551, 74.293), (40.061, 79.220), (80.436, 76.793)), (0.8490, 0.1303, 0.6512)),
    (99, 90): (((83.835, 102.183), (72.754, 99.014), (76.893, 101.394)), (0.3730, 0.7231, 0.0798)),
    (0, 0): (((-19.504, -1.193), (65.766, -18.473), (-29.718, -7.341)), (0.8529, 0.1632, 0.6762)),
}
# Pixels 32, 64 and 96 of rows and columns of what the shipped weights make of `squares`.
PORTRAITS = (
    ((0.1054, 0.0840, 0.7620), (-0.9671, 0.7253, 0.7813), (0.2518, 0.2403, 0.1577)),
    ((-0.2180, 0.8595, -0.4039), (-0.6422, -0.2471, 0.4804), (-0.1085, 0.4042, 0.1144)),
)


def squares():
    """Two images of random squares, uint8 [2, 128, 128, 1]."""
    small = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 1), np.uint8)
    return small.repeat(8, axis=1).repeat(8, axis=2)


def test_the_sheet_is_bit_for_bit_what_it_was():
    sheet = load_sheet()._asdict()
    assert {array.dtype for array in sheet.values()} == {np.dtype(np.float32)}
    found = {  # + 0, since 0 and -0 are the same number
        name: hashlib.sha256(np.ascontiguousarray(array + 0).tobytes()).hexdigest()[:16]
        for name, array in sheet.items()
    }
    assert found == SUMS


def test_places_and_facing_are_what_they_were():
    places, facing = make_unturn()(jnp.float32(POSES))
    for (y, x), (place, face) in KNOWN.items():
        np.testing.assert_allclose(places[:, y, x], place, atol=2e-3)
        np.testing.assert_allclose(facing[:, y, x], face, atol=2e-4)


def test_the_shipped_weights_make_the_same_portraits():
    model = load_frontalizer()
    made = make_translate(model.networks)(model.state, squares(), "decoder_r")[..., 0]
    np.testing.assert_allclose(made[:, 32:97:32, 32:97:32], PORTRAITS, atol=5e-3)


def test_pose_zero_is_the_identity_and_everything_faces_the_camera():
    places, facing = make_unturn()(jnp.zeros((1, 2)))
    own = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1)
    np.testing.assert_allclose(places[0], own, atol=1e-4)
    assert (facing > 0).all()
    assert (facing <= 1 + 1e-6).all()


def test_places_between_table_entries_are_near_those_of_the_entries():
    places, _ = make_unturn()(jnp.float32([(45, 10), (47.5, 10), (50, 10)]))
    middle = (places[0] + places[2]) / 2
    np.testing.assert_allclose(places[1], middle, atol=1e-3)


def test_poses_beyond_the_table_are_clipped_and_gradients_are_finite():
    unturn = make_unturn()
    poses = jnp.float32([(200, 0), (95, 0)])
    np.testing.assert_array_equal(*unturn(poses)[0])
    gradient = jax.grad(lambda p: unturn(p)[0].sum())(jnp.float32([(20, -7), (95, 0), (0, 0)]))
    assert np.isfinite(gradient).all()
    assert (gradient[0] != 0).all()


@pytest.mark.parametrize("yaw", [40, 90])
def test_the_opposite_yaw_gives_the_mirror_image(yaw):
    (left, right), _ = make_unturn()(jnp.float32([(-yaw, 10), (yaw, 10)]))
    inner = slice(8, 120)  # columns that have a mirror image in the crop
    there, here = mirror(left[None])[0][:, inner], right[:, inner]
    np.testing.assert_allclose(there[..., 1], here[..., 1], atol=0.2)
    # Profiles are symmetric about the middle of the crop, others about that of the face, 65 px.
    about = SIZE - 1 if yaw == 90 else 130
    np.testing.assert_allclose(there[..., 0] + here[..., 0], about, atol=0.7)


def test_the_face_turns_and_the_corners_of_the_crop_do_not():
    still = load_sheet().still
    assert still.shape == (SIZE, SIZE)
    assert still[70, 65] == 0
    assert still[0, 0] == 1
