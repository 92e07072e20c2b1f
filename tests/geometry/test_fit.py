"""Fitting the head to landmarks: known heads, mirror images, missing landmarks and outliers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.geometry import camera, fit, generic_face, head, head_points
from facealign.geometry.camera import Camera
from tests.toy_head import create_toy_head, mesh_mirror, mesh_normals

POSES = np.array([(0, 0, 0), (20, 8, -5), (-40, -5, 10), (60, 0, 3), (90, 0, 0), (-90, 6, -8)])
IDENTITY = np.array([(1, -1), (-1.5, 0.5), (0.5, 1), (-1, -1), (0, 1), (0, -1.5)])
EXPRESSION = np.array([(0.6, 0), (0, 0.7), (0.5, 0.5), (0.8, 0), (0.4, 0.2), (0, 0)])
TOY = create_toy_head()
POINTS = head_points.create_points(TOY, "mesh")
WIDTH = 400  # px of the photos


def photos(which: str = "mesh") -> tuple[np.ndarray, Camera]:
    """Landmarks [6, P, 2] of known heads in known poses, and their cameras."""
    rotation = np.stack([generic_face.rotation(*pose) for pose in POSES])
    known = Camera(rotation, np.linspace(8, 13, 6), np.linspace((180, 220), (230, 170), 6))
    points = head.shape(TOY, IDENTITY, EXPRESSION)
    pick = head.mesh_points if which == "mesh" else head.landmarks68
    return np.array(camera.project(pick(TOY, points), known))[..., :2], known


def run(landmarks, weights=None, points=POINTS, **options) -> fit.Head:
    weights = np.ones(landmarks.shape[:2]) if weights is None else weights
    return fit.fit(landmarks, weights, TOY, points, **options)


def facing() -> np.ndarray:
    """Which mesh points the photos show, bool [6, 468]."""
    rotation = np.stack([generic_face.rotation(*pose) for pose in POSES])
    return np.einsum("bi,pi->bp", rotation[:, 2], mesh_normals()) > 0.05


def assert_found(found: fit.Head, known: Camera, degrees: float, coefficient: float) -> None:
    missing = np.einsum("bij,bkj->bik", known.rotation, found.camera.rotation)
    angle = np.degrees(np.arccos((np.trace(missing, axis1=1, axis2=2).clip(max=3) - 1) / 2))
    assert angle.max() < degrees
    np.testing.assert_allclose(found.camera.scale, known.scale, rtol=0.03)
    np.testing.assert_allclose(found.camera.shift, known.shift, atol=3)
    np.testing.assert_allclose(found.identity, IDENTITY, atol=coefficient)
    np.testing.assert_allclose(found.expression, EXPRESSION, atol=coefficient)


def test_known_heads_are_found_from_frontal_to_profile():
    landmarks, known = photos()
    found = run(landmarks, guessed=False)
    assert_found(found, known, degrees=1.0, coefficient=0.2)
    assert np.array(found.error).max() < 0.3
    moderate = np.abs(POSES[:, 0]) < 80
    np.testing.assert_allclose(fit.pose_of(found)[moderate], POSES[moderate], atol=1)


def test_a_profile_is_found_from_the_side_that_is_seen():
    """The landmarks of the hidden side are unknown: nan, or nonsense of weight 0."""
    landmarks, known = photos()
    unknown = ~facing()
    assert unknown[4].mean() > 0.4
    landmarks[unknown] = np.nan
    found = run(landmarks, guessed=False)
    assert all(np.isfinite(part).all() for part in jax.tree.leaves(found))
    assert_found(found, known, degrees=3.0, coefficient=0.5)
    nonsense = np.where(np.isnan(landmarks), 1e4, landmarks)
    again = run(nonsense, ~unknown, guessed=False)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), found, again)


def test_68_landmarks_are_enough():
    landmarks, known = photos("landmarks")
    found = run(landmarks, points="landmarks", guessed=False)
    assert_found(found, known, degrees=2.0, coefficient=0.4)


def test_the_result_does_not_depend_on_size_and_place_of_the_photo():
    landmarks, _ = photos()
    found, large = run(landmarks), run(landmarks * 10 + 5000)
    np.testing.assert_allclose(large.identity, found.identity, atol=0.02)
    np.testing.assert_allclose(large.camera.rotation, found.camera.rotation, atol=2e-3)
    np.testing.assert_allclose(large.camera.scale, found.camera.scale * 10, rtol=1e-3)
    np.testing.assert_allclose(large.error, found.error, atol=0.02)


def test_the_mirror_image_has_the_same_coefficients_and_the_mirrored_pose():
    landmarks, _ = photos()
    landmarks += np.random.default_rng(0).normal(0, 1, landmarks.shape)
    found = run(landmarks)
    mirrored = run(landmarks[:, mesh_mirror()] * (-1, 1) + (WIDTH - 1, 0))
    rotation, shift = camera.mirrored(found.camera.rotation), found.camera.shift
    np.testing.assert_allclose(mirrored.camera.rotation, rotation, atol=0.01)
    np.testing.assert_allclose(mirrored.camera.shift[:, 0], WIDTH - 1 - shift[:, 0], atol=1)
    np.testing.assert_allclose(mirrored.camera.shift[:, 1], shift[:, 1], atol=1)
    np.testing.assert_allclose(mirrored.identity, found.identity, atol=0.05)
    np.testing.assert_allclose(mirrored.expression, found.expression, atol=0.05)


def test_an_outlier_hardly_moves_the_fit():
    """One of 468 landmarks is wrong by 50 px, 5 cm; by least squares it would pull in all of it."""
    landmarks, _ = photos()
    found = run(landmarks, guessed=False)
    landmarks[:, 4] += (30, 40)  # the nose
    moved = run(landmarks, guessed=False)
    np.testing.assert_allclose(moved.camera.rotation, found.camera.rotation, atol=0.01)
    np.testing.assert_allclose(moved.identity, found.identity, atol=0.1)
    np.testing.assert_allclose(moved.expression, found.expression, atol=0.05)


def test_without_landmarks_the_mean_head_has_an_infinite_error():
    landmarks = np.full((6, 468, 2), np.nan)
    found = run(landmarks)
    np.testing.assert_array_equal(found.identity, 0)
    np.testing.assert_array_equal(found.error, np.inf)
    np.testing.assert_allclose(found.camera.rotation, np.tile(np.eye(3), (6, 1, 1)), atol=1e-3)


def test_expressions_stay_in_their_range():
    landmarks, _ = photos()
    points = head.shape(TOY, IDENTITY, np.tile((2.0, -1.0), (6, 1)))
    landmarks = camera.project(head.mesh_points(TOY, points), photos()[1])[..., :2]
    expression = np.array(run(landmarks, guessed=False).expression)
    assert expression.max() == pytest.approx(fit.MOST)
    assert expression.min() == pytest.approx(fit.LEAST)


def test_a_few_steps_from_a_start_are_enough():
    landmarks, known = photos()
    start = run(landmarks, guessed=False)
    again = run(landmarks, start=start, steps=4, guessed=False)
    assert_found(again, known, degrees=1.0, coefficient=0.2)
    shaken = start._replace(
        camera=start.camera._replace(shift=start.camera.shift + 5), identity=0 * start.identity
    )
    again = run(landmarks, start=shaken, steps=4, guessed=False)
    assert_found(again, known, degrees=1.5, coefficient=0.3)


def test_a_prior_decides_the_rotation_where_landmarks_do_not():
    """Landmarks of weight .01 say nothing; nan is no prior."""
    landmarks, _ = photos()
    weights = np.full(landmarks.shape[:2], 0.01)
    angles = np.array([(10, 5, 0), (30, -8, 4), (-30, 0, 9), (75, 3, -6), (80, 0, 2), (0, 0, 0)])
    prior = np.array(camera.rotation_of(angles.astype(np.float32)))
    prior[5] = np.nan
    found = run(landmarks, weights, prior=prior, prior_deviation=2.0, guessed=False)
    np.testing.assert_allclose(found.camera.rotation[:4], prior[:4], atol=0.06)
    plain = run(landmarks, weights, guessed=False)
    np.testing.assert_allclose(found.camera.rotation[5], plain.camera.rotation[5], atol=1e-3)
    sure = run(landmarks, prior=prior, prior_deviation=20.0, guessed=False)
    assert abs(fit.pose_of(sure)[0, 0]) < 0.5


def test_a_prior_may_be_of_one_axis_alone():
    """A yaw is given; pitch and roll stay what landmarks of little weight say."""
    landmarks, _ = photos()
    weights = np.full(landmarks.shape[:2], 0.05)
    plain = fit.pose_of(run(landmarks, weights, guessed=False))
    prior = np.asarray(camera.rotation_of(plain + jnp.array([12.0, 12.0, 12.0])))
    found = fit.pose_of(
        run(landmarks, weights, prior=prior, prior_deviation=(1e4, 0.5, 1e4), guessed=False)
    )
    moved = np.abs(np.array(found - plain))
    assert (moved[:3, 0] > 8).all() and (moved[:3, 1:] < 5).all()


def test_jit_equals_eager():
    landmarks, _ = photos()
    weights = np.ones((6, 468))
    eager = run(landmarks)
    compiled = jax.jit(lambda *data: fit.fit(*data, TOY, "mesh"))(landmarks, weights)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3), eager, compiled
    )


def test_gradients_are_finite_and_right():
    """Moving all landmarks to the right moves the camera as much, and nothing else."""
    landmarks, _ = photos()
    landmarks[~facing()] = np.nan
    weights = np.ones((6, 468), np.float32)

    def outcome(landmarks, weights):
        found = fit.fit(landmarks, weights, TOY, POINTS, steps=4, prior=camera.rotation_of(POSES))
        return found.camera.shift[:, 0].sum(), found

    slopes, weight_slopes = jax.jit(jax.grad(lambda *data: outcome(*data)[0], argnums=(0, 1)))(
        jnp.float32(landmarks), weights
    )
    assert np.isfinite(slopes).all()
    assert np.isfinite(weight_slopes).all()
    assert np.abs(weight_slopes).max() > 0
    np.testing.assert_allclose(np.array(slopes).sum(axis=1), [(1, 0)] * 6, atol=0.02)
    np.testing.assert_array_equal(np.array(slopes)[~facing()], 0)


def test_landmarks_of_the_far_side_weigh_little_if_they_are_guesses():
    """The far cheek of a turned head moves by 12 px, 1.2 cm: who believes it, turns the head."""
    landmarks, _ = photos()
    far = (POINTS.mean[:, 0] * np.sign(POSES[3, 0]) > 2) & ~POINTS.slides
    moved = landmarks.copy()
    moved[3, far, 0] += 12
    change = [
        np.abs(
            fit.pose_of(run(moved, guessed=guessed)) - fit.pose_of(run(landmarks, guessed=guessed))
        )
        for guessed in (True, False)
    ]
    assert change[0][3, 0] < 0.5 * change[1][3, 0]


def test_features_of_the_mesh_do_not_slide_and_cheeks_do():
    slides = POINTS.slides
    np.testing.assert_array_equal(slides, slides[mesh_mirror()])
    assert not slides[generic_face.LANDMARKS[27:]].any()  # nose, eyes, lips
    assert slides[[234, 454, 10, 50, 280]].all()  # ears, top of the forehead, cheeks
    jaw = head_points.create_points(TOY, "landmarks").slides
    assert jaw[:7].all()
    assert not jaw[7:10].any()
    assert jaw[10:17].all()
    assert not jaw[17:].any()
    with pytest.raises(KeyError):
        head_points.create_points(TOY, "brows")


def test_normals_of_points_have_length_one_and_point_outwards():
    np.testing.assert_allclose(np.linalg.norm(POINTS.normals, axis=1), 1, rtol=1e-4)
    assert ((POINTS.normals * mesh_normals()).sum(axis=1) > 0.7).all()
