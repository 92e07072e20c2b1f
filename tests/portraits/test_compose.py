"""Portraits of fitted heads: a frontal head keeps its photo, a turned one is turned."""

import functools

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from facealign.geometry import camera as cameras
from facealign.geometry import frame, rasterize
from facealign.geometry import head as heads
from facealign.geometry.camera import Camera
from facealign.geometry.fit import Head
from facealign.portraits import compose, scene, turn

SIZE = 128


def photo(size=(240, 200), seed=0):
    """Smooth colours."""
    noise = np.random.default_rng(seed).uniform(0, 255, (size[1], size[0], 3))
    smooth = ndimage.gaussian_filter(noise, (4, 4, 0))
    smooth = (smooth - smooth.min()) / np.ptp(smooth) * 255
    return Image.fromarray(smooth.astype(np.uint8))


def head_at(yaw=0.0, pitch=0.0, roll=0.0, scale=4.0, shift=(120.0, 95.0)):
    """The mean head in a photo, as a fit returns it."""
    rotation = np.asarray(cameras.rotation_of(np.array([yaw, pitch, roll])))
    camera = Camera(rotation, np.float32(scale), np.array(shift, np.float32))
    return Head(np.zeros(24, np.float32), np.zeros(41, np.float32), camera, np.float32(0))


@functools.cache
def mean_view(yaw=0.0, size=SIZE):
    model, head = heads.load_head(), head_at(yaw)
    portrait = turn.portrait_camera(model, model.mean, size)
    return turn.view_head(model, model.mean, head.camera, portrait, size), head


def test_a_portrait_shows_the_five_points_where_the_frame_has_them():
    model = heads.load_head()
    camera = turn.portrait_camera(model, model.mean, 256)
    points = np.asarray(cameras.project(heads.landmarks68(model, model.mean), camera))[:, :2]
    wanted = frame.apply(frame.to_portrait(256), frame.FIVE_POINTS)
    np.testing.assert_allclose(frame.five_points(points), wanted, atol=6)
    assert camera.scale * frame.PORTRAIT == pytest.approx(256, rel=0.12)


def test_places_of_a_head_that_looks_ahead_are_those_of_its_similarity():
    view, head = mean_view()
    back = np.argwhere(view.surface)[:, ::-1] - view.camera.shift
    wanted = back * float(head.camera.scale / view.camera.scale) + head.camera.shift
    np.testing.assert_allclose(view.place[view.surface], wanted, atol=0.05)
    middle = view.surface & (view.part == turn.FACE) & (view.facing > 0.5)
    assert view.visible[middle].all() and view.weight[middle].min() == 1


def test_a_turned_head_hides_its_far_side():
    """It looks to the right in the photo: the right half of the face is hidden."""
    view, _ = mean_view(60.0)
    face = view.surface & (view.part == turn.FACE)
    columns = np.broadcast_to(np.arange(SIZE), face.shape)
    left = face & (columns < view.camera.shift[0] - 8)
    right = face & (columns > view.camera.shift[0] + 8)
    assert view.weight[left].mean() > 0.9 > 0.35 > view.weight[right].mean()


@pytest.mark.parametrize("roll", [0.0, 25.0])
def test_a_head_that_looks_ahead_keeps_its_photo(roll):
    """The portrait is the photo resampled once, wherever the photo reaches."""
    image, head = photo(), head_at(2.0, 2.0, roll)
    made = compose.compose_portrait(image, head, SIZE)
    assert made.image.shape == (SIZE, SIZE, 3)
    model = heads.load_head()
    portrait = turn.portrait_camera(model, model.mean, SIZE)
    view = turn.view_head(model, model.mean, head.camera, portrait, SIZE)
    reach = scene.map_scene(view, model.mean, turn.triangles_of(model), head.camera)
    assert reach.turned == 0
    step = np.diff(reach.place, axis=1)
    np.testing.assert_allclose(step, np.broadcast_to(step[:1, :1], step.shape), atol=1e-3)
    inside = made.held == 1
    assert inside.mean() > 0.3
    wanted = compose._read(np.asarray(image, np.float32), reach.place)
    np.testing.assert_allclose(made.image[inside], wanted[inside].clip(0, 255), atol=1.5)
    assert made.seen > 0.97


def test_the_mirrored_photo_gives_the_mirrored_portrait():
    image, width = photo(), 240
    made = compose.compose_portrait(image, head_at(30.0, 4.0, shift=(110.0, 95.0)), SIZE)
    flipped = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    shift = (width - 1 - 110.0, 95.0)
    other = compose.compose_portrait(flipped, head_at(-30.0, 4.0, shift=shift), SIZE)
    model = heads.load_head()
    middle = float(turn.portrait_camera(model, model.mean, SIZE).shift[0])
    back = compose.mirror(other.image.astype(np.float32), middle)
    columns = slice(8, SIZE - 8)  # the frame's middle is not quite the head's
    difference = np.abs(back - made.image)[:, columns]
    assert difference.mean() < 2 and abs(made.seen - other.seen) < 0.01


def test_there_and_back():
    """A head painted by its own coordinates, seen from 30 degrees, is painted so from the front."""
    model = heads.load_head()

    def paint(camera, shape):
        seen = np.asarray(cameras.project(model.mean, camera))
        drawn = rasterize.draw_triangles(seen, turn.triangles_of(model), shape)
        corners = turn.triangles_of(model)[drawn.triangle.clip(0)]
        colours = (model.mean[corners] * drawn.shares[..., None]).sum(axis=2) * 9 + 120
        return np.where((drawn.triangle >= 0)[..., None], colours, 120).clip(0, 255), drawn

    head = head_at(30.0)
    picture, _ = paint(head.camera, (200, 240))
    made = compose.compose_portrait(Image.fromarray(picture.astype(np.uint8)), head, SIZE)
    portrait = turn.portrait_camera(model, model.mean, SIZE)
    wanted, drawn = paint(portrait, (SIZE, SIZE))
    view, _ = mean_view(30.0)
    sure = (drawn.triangle >= 0) & (view.part == turn.FACE) & (made.own > 0.95)
    assert sure.sum() > 1000
    difference = np.abs(made.image - wanted)[sure]
    assert np.median(difference) < 2 and np.percentile(difference, 95) < 12


@pytest.mark.parametrize("size", [128, 256])
@pytest.mark.parametrize("yaw", [0.0, 45.0, -90.0, 170.0])
def test_any_pose_and_size_gives_a_whole_picture(size, yaw):
    made = compose.compose_portrait(photo(), head_at(yaw, 10.0), size)
    assert made.image.shape == (size, size, 3)
    assert 0 <= made.own.min() and made.own.max() <= 1 and 0 <= made.seen <= 1
    assert made.mirrored.min() >= 0 and np.isfinite(made.mirrored).all()


def test_a_head_beyond_the_border_is_no_error():
    made = compose.compose_portrait(photo((60, 50)), head_at(20.0, shift=(5.0, 48.0)), SIZE)
    assert made.held.mean() < 0.4 and np.isfinite(made.own).all()


def test_a_large_photo_is_shrunk_once_and_gives_the_same_portrait():
    small = photo()
    large = small.resize((960, 800), Image.Resampling.BICUBIC)
    in_large = head_at(25.0, scale=16.0, shift=(481.5, 381.5))  # 4 x + 1.5
    from_large = compose.compose_portrait(large, in_large, 64)
    from_small = compose.compose_portrait(small, head_at(25.0, shift=(120.0, 95.0)), 64)
    assert np.abs(from_large.image.astype(int) - from_small.image).mean() < 4
