"""Portraits of fitted heads: a head that looks as its portrait keeps its photo, others turn."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from facealign.faces.turning import compose, scene, turn
from facealign.faces.turning.matte import Matte
from facealign.faces.turning.style import Style
from facealign.faces.turning.window import TIGHT, Window
from facealign.geometry import camera as cameras
from facealign.geometry import frame, rasterize
from facealign.geometry import head as heads
from facealign.geometry.camera import Camera
from facealign.geometry.fit import Head

SIZE = 128
WHOLE = Window(0.0, 0.0, 1.0)
NOBODY = Matte(np.zeros((8, 8), np.float32), np.eye(3)[:2])  # as bad as a matte can be


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


def make(head, size=SIZE, image=None, window=None, matte=None, **style):
    style = Style(size=size, **style)
    return compose.compose_portrait(image or photo(), head, matte or NOBODY, style, window)


def similar(image, head, made, angles=(0.0, 0.0)):
    """The photo [S, S, 3] as a similarity of the head's camera to the portrait's has it."""
    model, size = heads.load_head(), len(made.image)
    portrait = turn.portrait_camera(model, model.mean, size, angles)
    rows, columns = np.mgrid[:size, :size]
    window = made.window  # places in the whole frame of as many px
    in_frame = (np.stack([columns, rows], axis=-1) + 0.5) * window.side - 0.5
    in_frame += np.array([window.left, window.top]) * size
    lean = head.camera.rotation @ portrait.rotation.T  # a roll
    step = lean[:2, :2] * float(head.camera.scale / portrait.scale)
    places = (in_frame - portrait.shift) @ step.T + head.camera.shift
    x, y = places.clip(0, np.array(image.size) - 1).transpose(2, 0, 1)
    channels = np.asarray(image, float).transpose(2, 0, 1)
    return np.stack([ndimage.map_coordinates(c, [y, x], mode="nearest") for c in channels], -1)


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(0.0, 0.0, 0.0), (20.0, 0.0, 0.0), (20.0, -8.0, 25.0)]
)
def test_a_head_that_looks_as_its_portrait_keeps_its_photo(yaw, pitch, roll):
    """The portrait is a similarity of the photo, also where the photo ends."""
    image, head = photo(), head_at(yaw, pitch, roll)
    made = make(head, image=image, yaw=yaw, pitch=pitch)
    wanted = similar(image, head, made, (yaw, pitch))
    difference = np.abs(made.image - wanted.clip(0, 255))
    assert np.percentile(difference, 99) < 2.5 and difference.mean() < 0.6
    assert made.shares[..., 1].max() == 0 and (made.shares[..., 0] == 1).mean() > 0.3
    assert made.seen == 1 and (made.shares[..., 0].min() == 1) == (roll == 0)


def test_a_head_that_looks_elsewhere_does_not_keep_its_photo():
    image, head = photo(), head_at(20.0)
    made = make(head, image=image)
    assert np.abs(made.image - similar(image, head, made)).mean() > 5


@pytest.mark.parametrize("roll", [0.0, 25.0])
def test_a_head_that_nearly_looks_ahead_keeps_its_photo_too(roll):
    model, head = heads.load_head(), head_at(2.0, 2.0, roll)
    portrait = turn.portrait_camera(model, model.mean, SIZE)
    view = turn.view_head(model.mean, head.camera, portrait, SIZE)
    reach = scene.map_scene(view, model.mean, head.camera, NOBODY)
    assert reach.turned == 0
    step = np.diff(reach.place, axis=1)
    np.testing.assert_allclose(step, np.broadcast_to(step[:1, :1], step.shape), atol=1e-3)
    assert make(head).seen > 0.97


def test_the_mirrored_photo_gives_the_mirrored_portrait():
    image, width = photo(), 240
    made = make(head_at(30.0, 4.0, shift=(110.0, 95.0)), image=image, window=WHOLE)
    flipped = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    head = head_at(-30.0, 4.0, shift=(width - 1 - 110.0, 95.0))
    other = make(head, image=flipped, window=WHOLE)
    model = heads.load_head()
    middle = float(turn.portrait_camera(model, model.mean, SIZE).shift[0])
    back = other.image[:, ::-1].astype(float)
    back = ndimage.shift(back, (0, 2 * middle - (SIZE - 1), 0), order=1, mode="nearest")
    columns = slice(8, SIZE - 8)  # the frame's middle is not quite the head's
    difference = np.abs(back - made.image)[:, columns]
    assert difference.mean() < 2 and abs(made.seen - other.seen) < 0.01


def paint(camera, shape):
    """The mean head painted by its own coordinates, on gray, and what is drawn."""
    model, triangles = heads.load_head(), turn.shown_triangles()
    seen = np.asarray(cameras.project(model.mean, camera))
    drawn = rasterize.draw_triangles(seen, triangles, shape)
    corners = triangles[drawn.triangle.clip(0)]
    colours = (model.mean[corners] * drawn.shares[..., None]).sum(axis=2) * 9 + 120
    return np.where((drawn.triangle >= 0)[..., None], colours, 120).clip(0, 255), drawn


@pytest.mark.parametrize("yaw", [0.0, -15.0])
def test_there_and_back(yaw):
    """A painted head, seen from 30 degrees, is painted so from elsewhere."""
    model, head = heads.load_head(), head_at(30.0)
    picture, _ = paint(head.camera, (200, 240))
    made = make(head, image=Image.fromarray(picture.astype(np.uint8)), window=WHOLE, yaw=yaw)
    portrait = turn.portrait_camera(model, model.mean, SIZE, (yaw, 0.0))
    wanted, drawn = paint(portrait, (SIZE, SIZE))
    view = turn.view_head(model.mean, head.camera, portrait, SIZE)
    sure = (drawn.triangle >= 0) & (view.part == turn.FACE) & (view.own.weight > 0.95)
    assert sure.sum() > 800
    difference = np.abs(made.image - wanted)[sure]
    assert np.median(difference) < 2 and np.percentile(difference, 95) < 12


@pytest.mark.parametrize("size", [128, 256])
@pytest.mark.parametrize("yaw", [45.0, -90.0, 170.0])
def test_any_pose_and_size_gives_a_whole_picture(size, yaw):
    made = make(head_at(yaw, 10.0), size)
    assert made.image.shape == (size, size, 3)
    assert made.shares.min() >= 0 and made.shares.sum(axis=-1).max() < 1.001
    assert 0 <= made.seen <= 1


@pytest.mark.parametrize("size", [128, 333, 1024])
def test_a_portrait_has_the_size_that_is_wanted(size):
    image = make(head_at(), size).image
    assert image.shape == (size, size, 3)


def frame_width():
    """cm of the mean head that the whole portrait frame shows; of the usual head it is 33."""
    model = heads.load_head()
    return SIZE / float(turn.portrait_camera(model, model.mean, SIZE).scale)


@pytest.mark.parametrize(("scale", "size"), [(8.0, None), (2.0, 128), (15.0, 320)])
def test_without_a_size_it_is_what_the_photo_holds_within_limits(scale, size, monkeypatch):
    """The photo has `scale` px a cm."""
    monkeypatch.setattr(compose, "LARGEST", 320)
    made = make(head_at(scale=scale), 0, window=WHOLE)
    held = scale * frame_width()
    assert made.held == pytest.approx(held)
    assert made.image.shape[:2] == (size or round(held),) * 2


def test_a_tight_frame_shows_the_canonical_crop():
    """Which is 18 of the 33 cm of the whole frame."""
    made = make(head_at(scale=8.0), 0, frame="tight")
    size, held = len(made.image), 8 * frame_width() * 18 / 33
    assert made.window == TIGHT and made.held == pytest.approx(held) and size == round(held)
    np.testing.assert_allclose(made.to_crop, frame.zoom(128 / size), atol=1e-9)


def test_a_portrait_knows_where_its_canonical_crop_is():
    made = make(head_at(scale=8.0), 256, window=Window(0.1, 0.05, 0.8))
    corners = frame.apply(frame.invert(made.to_crop), [(-0.5, -0.5), (127.5, 127.5)])
    # In cm of the frame the crop starts at (7.5, 6.5625), the window at (3.3, 1.65); 26.4 cm wide.
    wanted = np.array([(4.2, 4.9125), (22.2, 22.9125)]) * 256 / 26.4 - 0.5
    np.testing.assert_allclose(corners, wanted, atol=1e-6)


def test_a_head_beyond_the_border_is_no_error():
    made = make(head_at(20.0, shift=(5.0, 48.0)), image=photo((60, 50)))
    assert made.shares[..., 0].mean() < 0.9 and np.isfinite(made.shares).all()
    assert made.within < 0.7 and make(head_at(20.0)).within > 0.97


def test_a_large_photo_is_shrunk_once_and_gives_the_same_portrait():
    small = photo()
    large = small.resize((960, 800), Image.Resampling.BICUBIC)
    in_large = head_at(25.0, scale=16.0, shift=(481.5, 381.5))  # 4 x + 1.5
    from_large, from_small = make(in_large, image=large), make(head_at(25.0), image=small)
    assert np.abs(from_large.image.astype(int) - from_small.image).mean() < 4
    assert from_large.held == pytest.approx(4 * from_small.held)
