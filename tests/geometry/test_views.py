"""Views of turned heads: maps, masks, banks, and frontalization with the mean head."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from facealign.geometry import frame, head_surface, views
from facealign.geometry.frame import MIDDLE, SIZE
from facealign.geometry.rasterize import draw_triangles

FIVE = head_surface.create_surface().five
PIXELS = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1)
view = functools.cache(views.make_view)
turn = jax.jit(views.turn)


def smooth_images(count=2, size=SIZE, blur=6.0):
    """Smooth noise in [-1, 1], float32 [count, size, size, 1]."""
    noise = np.random.default_rng(0).normal(size=(count, size, size, 1))
    images = gaussian_filter(noise, (0, blur * size / SIZE, blur * size / SIZE, 0))
    return (images / np.abs(images).max()).astype(np.float32)


def batch_of(field, count=2):
    return jnp.repeat(jnp.asarray(field, jnp.float32)[None], count, axis=0)


def test_pose_zero_is_the_identity_in_both_directions():
    front = view((0, 0, 0))
    np.testing.assert_allclose(front.turn, PIXELS, atol=1e-9)
    np.testing.assert_allclose(front.unturn, PIXELS, atol=1e-9)
    assert front.turn_seen.mean() > 0.85  # all except the steep sides of the head
    assert front.unturn_seen[:, 16:112].all()
    assert front.turn_head[20:100, 25:105].all()


@pytest.mark.parametrize("size", [64, 128, 200])
def test_identity_maps_return_images_of_any_size(size):
    images = smooth_images(size=size)
    np.testing.assert_allclose(turn(images, batch_of(PIXELS)), images, atol=1e-5)


def test_maps_are_in_px_of_the_canonical_crop_for_any_size():
    for size in (64, 128, 256):
        images = jnp.asarray(smooth_images(size=size))
        moved = turn(images, batch_of(PIXELS + np.array((4, 0))))
        expected = images[:, :, 4 * size // SIZE :]
        np.testing.assert_allclose(moved[:, :, : expected.shape[2]], expected, atol=1e-4)
        last = jnp.broadcast_to(images[:, :, -1:], moved[:, :, expected.shape[2] :].shape)
        np.testing.assert_allclose(moved[:, :, expected.shape[2] :], last, atol=1e-4)


def test_turn_reads_bilinearly_between_pixels():
    image = jnp.zeros((1, SIZE, SIZE, 1)).at[0, 10, 20].set(1.0)
    maps = batch_of(PIXELS, 1).at[0, 0, 0].set((20.25, 9.5))
    assert turn(image, maps)[0, 0, 0, 0] == pytest.approx(0.75 * 0.5)


@pytest.mark.parametrize("pose", [(20, 0, 0), (40, 15, 5), (-35, -10, 8), (90, 0, 0)])
def test_the_opposite_pose_gives_the_mirror_image(pose):
    here, there = view(pose), view((-pose[0], pose[1], -pose[2]))
    # Profiles are symmetric about the middle of the crop, other poses about that of the face.
    about = SIZE - 1 if abs(pose[0]) == 90 else 2 * MIDDLE
    columns = np.arange(SIZE)
    inside = columns[(about - columns >= 0) & (about - columns < SIZE)]
    mirrored = there.turn[:, about - inside] * (-1, 1) + (2 * MIDDLE, 0)
    same = np.abs(mirrored - here.turn[:, inside]).max(axis=-1) < 1e-4
    assert same.mean() > 0.99  # except for ties at outlines
    assert (there.turn_head[:, about - inside] == here.turn_head[:, inside]).mean() > 0.99

    inside = columns[2 * MIDDLE - columns < SIZE]
    mirrored = there.unturn[:, 2 * MIDDLE - inside] * (-1, 1) + (about, 0)
    np.testing.assert_allclose(mirrored, here.unturn[:, inside], atol=1e-6)
    assert (there.unturn_seen[:, 2 * MIDDLE - inside] == here.unturn_seen[:, inside]).mean() > 0.98


@pytest.mark.parametrize("pose", [(15, 0, 0), (-40, 10, 0), (60, -10, 5), (-80, 0, 0)])
def test_unturn_undoes_turn_at_seen_pixels(pose):
    images, there = smooth_images(), view(pose)
    turned = turn(images, batch_of(there.turn))
    back = turn(turned, batch_of(there.unturn))
    error = np.abs(back - images)[..., 0]
    seen = there.unturn_seen
    assert error[:, seen].mean() < 0.02
    assert np.quantile(error[:, seen], 0.99) < 0.15
    assert error[:, ~seen].mean() > 5 * error[:, seen].mean()
    # The composed maps are the identity at seen pixels.
    again = turn(batch_of(there.turn, 1), batch_of(there.unturn, 1))[0]
    assert np.quantile(np.abs(again - PIXELS)[seen], 0.95) < 1.0


@pytest.mark.parametrize("pose", [(25, 0, 0), (-30, 12, 0), (10, -20, 6)])
def test_turn_and_unturn_agree_with_the_projected_landmarks(pose):
    there, places = view(pose), views.project(FIVE, pose)
    for (x, y), place in zip(FIVE[:, :2], places[:, :2], strict=True):
        image = np.exp(-np.square(PIXELS - (x, y)).sum(axis=-1) / 3)[None, :, :, None]
        turned = np.asarray(turn(image, batch_of(there.turn, 1)))[0, :, :, 0]
        centre = (turned[..., None] * PIXELS).sum(axis=(0, 1)) / turned.sum()
        np.testing.assert_allclose(centre, place, atol=1.6)
        read = there.unturn[round(float(y)), round(float(x))]
        np.testing.assert_allclose(read, place, atol=1.6)


def test_a_turned_head_has_the_canonical_crop_of_a_photo():
    for pose in ((30, 0, 0), (-40, 20, 0)):
        matrix = frame.similarity(views.project(FIVE, pose)[:, :2], FIVE[:, :2])
        np.testing.assert_allclose(matrix, np.eye(2, 3), atol=1e-9)
    for yaw, eye, nose in ((90, 0, frame.PROFILE_NOSE), (-90, 1, 127 - frame.PROFILE_NOSE)):
        places = views.project(FIVE, (yaw, 0, 0))
        assert places[2, 0] == pytest.approx(nose)
        assert places[eye, 1] == pytest.approx(frame.PROFILE_EYE_HEIGHT)
        assert places[3 + eye, 1] == pytest.approx(frame.PROFILE_MOUTH_HEIGHT)
        assert abs(places[eye, 0] - nose) == pytest.approx(30, abs=5)


def test_roll_is_a_rotation_of_the_crop():
    places, leaning = (views.project(FIVE, (20, 5, roll))[:, :2] for roll in (0, 10))
    matrix = frame.similarity(places, leaning)
    assert np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])) == pytest.approx(10)
    np.testing.assert_allclose(frame.apply(matrix, places), leaning, atol=1e-9)


def test_landmarks_move_continuously_with_yaw():
    places = np.array([views.project(FIVE, (yaw, 0, 0))[:, :2] for yaw in range(-90, 91)])
    assert np.linalg.norm(np.diff(places, axis=0), axis=-1).max() < 2.5


def test_larger_yaw_hides_more_pixels_and_the_far_side_first():
    seen = [view((yaw, 0, 0)).unturn_seen for yaw in (0, 20, 40, 60, 90)]
    assert (np.diff([s[:, 20:110].mean() for s in seen]) < 0).all()
    near, far = (43, 53), (87, 53)  # eyes; a face that looks to the right shows the left one
    assert all(s[near[1], near[0]] for s in seen[:-1])
    assert seen[0][far[1], far[0]]
    assert not seen[-1][far[1], far[0]]


@pytest.mark.parametrize("pose", [(0, 0, 15), (-60, -40, 15), (90, -40, 15), (90, 40, 0)])
def test_the_turned_sheet_covers_every_pixel(pose):
    sheet = head_surface.create_surface()
    moved = views.project(sheet.points, pose, sheet.still)
    assert (draw_triangles(moved, sheet.corners, (SIZE, SIZE)).triangle >= 0).all()


def test_maps_jump_only_at_outlines():
    for pose in ((30, 0, 0), (75, 0, 0), (20, 20, 0)):
        there = view(pose)
        assert np.isfinite(there.turn).all()
        down, right = (np.abs(np.diff(there.turn, axis=axis)).max(axis=-1) for axis in (0, 1))
        jumps = (down > 8).sum() + (right > 8).sum()
        assert jumps < 4 * SIZE  # outlines of nose and head


def test_gradients_are_finite_and_right():
    images, maps = jnp.asarray(smooth_images()), batch_of(view((45, 5, 0)).turn)
    weights = jnp.asarray(smooth_images(blur=2)[::-1])

    @jax.jit
    def loss(images, maps):
        return jnp.sum(weights * turn(images, maps))

    by_image, by_map = jax.jit(jax.grad(loss, (0, 1)))(images, maps)
    assert jnp.isfinite(by_image).all()
    assert jnp.isfinite(by_map).all()
    assert jnp.abs(by_map).max() > 0
    # The loss is linear in the image, so the gradient times the image is the loss.
    np.testing.assert_allclose(jnp.sum(by_image * images), loss(images, maps), rtol=1e-3)
    step = jnp.zeros_like(maps).at[0, 64, 60, 0].set(1e-2)
    slope = (loss(images, maps + step) - loss(images, maps - step)) / 2e-2
    np.testing.assert_allclose(slope, by_map[0, 64, 60, 0], rtol=0.1, atol=2e-3)


def test_jit_equals_eager():
    images, maps = smooth_images(), batch_of(view((-50, 0, 0)).turn)
    np.testing.assert_allclose(
        jax.jit(views.turn)(images, maps), views.turn(images, maps), atol=1e-6
    )


POSES = views.create_poses((-40, 0, 40), (0, 15))


@pytest.fixture(scope="module")
def bank():
    return views.make_bank(POSES)


def test_a_bank_keeps_maps_to_a_hundredth_of_a_px(bank):
    assert bank.poses.shape == (6, 3)
    there = view((40, 15, 0))
    index = jnp.array([5, 2])
    maps = views.pick(bank.turn, index)
    assert maps.shape == (2, SIZE, SIZE, 2)
    np.testing.assert_allclose(maps[0], there.turn, atol=1 / 250)
    np.testing.assert_allclose(maps[1], PIXELS, atol=1e-6)
    inside = np.abs(there.unturn) < 200
    kept = views.pick(bank.unturn, index)[0]
    np.testing.assert_allclose(kept[inside], there.unturn[inside], atol=1 / 250)
    for name in ("turn_seen", "unturn_seen", "turn_head"):
        np.testing.assert_array_equal(getattr(bank, name)[5], getattr(there, name))


def test_nearest_views_by_hand(bank):
    poses = jnp.array([(39, 12, 3), (-3, 2, 0), (-90, 0, 0)])
    assert views.nearest_views(bank, poses).tolist() == [5, 2, 0]


def test_frontalize_undoes_turn_and_fills_hidden_pixels_from_the_other_side(bank):
    images = smooth_images(blur=8)
    mirror = np.clip(2 * MIDDLE - np.arange(SIZE), 0, SIZE - 1)
    images = (images + images[:, :, mirror]) / 2  # a symmetric face
    poses = np.array([(40, 0, 0), (-40, 0, 0)], np.float32)
    turned = turn(images, views.pick(bank.turn, views.nearest_views(bank, poses)))
    back = jax.jit(views.frontalize)(turned, poses, bank)
    face = np.s_[:, 25:115, 30:100]
    error = np.abs(back - images)[face].mean()
    assert error < 0.02
    assert np.abs(turned - images)[face].mean() > 4 * error
    small = jax.jit(views.frontalize)(turned[:, ::2, ::2], poses, bank)
    assert small.shape == (2, 64, 64, 1)
    assert jnp.isfinite(small).all()


def test_frontalize_returns_a_frontal_photo_unchanged(bank):
    images = smooth_images()
    back = jax.jit(views.frontalize)(images, np.zeros((2, 3)), bank)
    assert np.abs(back - images)[:, :, 20:108].max() < 1e-3
